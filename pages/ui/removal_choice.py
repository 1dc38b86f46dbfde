"""What an export removes: single weights, or whole parts, and what a narrower model will look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.state import choose, number, slide, switch
from pages.ui.words import count, size
from pruning.specs import NarrowSpec
from pruning.specs.narrowing import CHOICES, USUAL_MULTIPLE

if TYPE_CHECKING:
    from pruning.exports.planning import ExportPlan, NarrowPlan

REMOVES = {
    "weights": "Single weights",
    "channels": "Channels",
    "heads": "Heads",
    "layers": "Layers",
}
CHOSEN = {"greedy": "Greedily, refitted", "sums": "By stored sums, refitted"}
MULTIPLES = (f"{USUAL_MULTIPLE}", "64", "128", "256", "8")


def choose_removal() -> NarrowSpec | None:
    """The whole parts that go; None: single weights become zeros."""
    part = switch(
        "What to remove",
        tuple(REMOVES),
        "remove",
        format_func=REMOVES.__getitem__,
        help="Single weights become zeros, and the files stay as large as they are. Whole channels of "
        "the feed-forward part, groups of attention heads or decoder layers are gone: the folder is "
        "an ordinary, smaller and faster model.",
    )
    if part == "weights":
        return None
    left, middle, right = st.columns([5, 4, 4], gap="medium")
    with left:
        amount = _amount(part)
    choice, multiple = CHOICES[0], USUAL_MULTIPLE
    if part != "layers":
        with middle:
            choice = choose("Chosen", CHOICES, "chosen", format_func=CHOSEN.__getitem__)
    if part == "channels":
        with right:
            multiple = int(
                choose(
                    "A multiple of",
                    MULTIPLES,
                    "multiple",
                    help="As many channels stay in every layer. What runs models likes 32 or more.",
                )
            )
    return NarrowSpec(
        channels=amount if part == "channels" else 0.0,
        heads=amount if part == "heads" else 0.0,
        layers=amount if part == "layers" else 0.0,
        choice=choice,
        multiple=multiple,
    )


def _amount(part: str) -> float:
    if part == "channels":
        return slide("Share of the channels", 0.05, 0.95, "remove-channels", 0.2, 0.05)
    label = "Key-value groups of every layer" if part == "heads" else "Decoder layers"
    return float(number(label, f"remove-{part}", 1, 1, 256))


def narrow_preview(plan: ExportPlan, narrow: NarrowPlan) -> None:
    """Sizes and shape, before anything is made."""
    st.header("What it will look like", anchor=False)
    columns = st.columns(3, gap="small")
    gone = 1 - plan.parameters / narrow.base_parameters
    columns[0].metric(
        "Parameters left",
        count(plan.parameters),
        f"of {count(narrow.base_parameters)}; {gone:.1%} are gone",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    columns[1].metric(
        "Size on disk",
        size(plan.bytes),
        f"of {size(narrow.base_bytes)}",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help=f"The weight files will have {plan.bytes:,} bytes; the base model's have "
        f"{narrow.base_bytes:,}.",
    )
    shape = {
        field: pair
        for field, pair in narrow.config.items()
        if pair[0] != pair[1] and not isinstance(pair[1], list)
    }
    field, (before, after) = next(iter(shape.items()))
    columns[2].metric(
        field, f"{after}", f"instead of {before}", delta_color="off", delta_arrow="off", border=True
    )
    rest = [f"`{name}` {new} instead of {old}" for name, (old, new) in list(shape.items())[1:]]
    words = f" In `config.json` also: {', '.join(rest)}." if rest else ""
    st.caption(
        "An ordinary model that `transformers` loads."
        + words
        + " To make it, the run's text passes "
        "through the model again, which takes about as long as calibrating these domains three times."
    )
