"""Masks: where in a weight matrix each domain keeps its weights, down to single ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.figures.domains import label
from analysis.figures.masks import (
    mask_density,
    mask_difference,
    mask_disagreement,
    profile_deviations,
    profile_lines,
    profile_strips,
)
from analysis.overlap.masks_view import (
    Window,
    block_view,
    channel_profile,
    difference,
    disagreement,
    row_profile,
)
from pages.ui.charts import show, style
from pages.ui.choices import choose_pair, choose_pruning, choose_run
from pages.ui.counting import overlaps_counted
from pages.ui.frame import title
from pages.ui.library import masks
from pages.ui.state import choose, choose_many, slide, switch
from pages.ui.words import count, explain, glossary
from pruning.specs import PruneSpec, WeightKey

if TYPE_CHECKING:
    from analysis.figures.look import Look
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.masks.mask import Mask
    from pruning.runs.run import Run

SMALL = 128  # blocks along each side of the small pictures that stand side by side
ZOOMS = ("whole matrix", "256", "64", "16")


def draw() -> None:
    """The whole page."""
    title(
        "Masks",
        "One weight matrix, seen by each domain. Rows are outputs, columns are input channels; "
        "the darker a block, the more of its weights the domain keeps.",
    )
    run = choose_run()
    with st.container(border=True):
        prune = choose_pruning(run)
        weight = _choose_weight(run)
        domains = choose_many(
            "Domains",
            run.domains,
            "domains",
            placeholder="all domains",
            format_func=label,
            help="Leave it empty to see all of them.",
        ) or list(run.domains)
        window = _choose_window(weight)
    if prune.allocation != "uniform" and not overlaps_counted(run, prune):
        return  # it looks at every layer before it prunes one
    kept = _kept(run, prune, weight.key)
    _side_by_side({name: kept[name] for name in domains}, window, weight)
    pair = _two(run, kept, window) if len(run.domains) > 1 else ()
    shown = dict.fromkeys([*domains, *pair])
    _profiles({name: kept[name] for name in shown}, pair, weight)


def _kept(run: Run, prune: PruneSpec, key: WeightKey) -> dict[str, Mask]:
    with st.spinner("Making the masks of this matrix"):
        return masks(run, prune, key)


def _choose_weight(run: Run) -> PrunableWeight:
    left, right = st.columns(2, gap="medium")
    with left:
        layer = choose("Decoder layer", run.layers, "layer", format_func=str)
    there: dict[str, dict[str, PrunableWeight]] = {}
    for weight in run.weights:
        if weight.key.layer == layer:
            there.setdefault(weight.key.projection, {})[weight.key.name] = weight
    with right:
        name = choose("Projection", list(there), "projection", help=explain("Projection"))
    alike = there[name]
    if len(alike) == 1:
        return next(iter(alike.values()))
    return alike[choose("Which of them", list(alike), "weight", help=explain("Expert"))]


def _choose_window(weight: PrunableWeight) -> Window:
    """The whole matrix, or a square of it around a row and a column."""
    rows, columns = weight.shape
    zoom = switch(
        "Zoom",
        ZOOMS,
        "zoom",
        format_func=lambda name: name if name == ZOOMS[0] else f"{name} × {name} weights",
        help="A matrix has too many weights for a screen, so a block stands for many of them. "
        "A window of 256 × 256 or fewer shows every single weight.",
    )
    if zoom == ZOOMS[0]:
        return Window.whole(weight.shape)
    left, right = st.columns(2, gap="medium")
    with left:
        row = _position("Around output row", "row", rows)
    with right:
        column = _position("Around input channel", "column", columns)
    return Window.around(row, column, int(zoom), weight.shape)


def _position(name: str, key: str, length: int) -> int:
    return int(slide(name, 0, length - 1, key, length // 2, 1))


def _side_by_side(kept: dict[str, Mask], window: Window, weight: PrunableWeight) -> None:
    st.header("Every domain, side by side", anchor=False)
    rows, columns = weight.shape
    seen = window.shape[0] * window.shape[1]
    st.caption(
        f"Layer {weight.key.layer}, {weight.key.name}: {rows} × {columns} = "
        f"{count(rows * columns)} weights; {count(seen)} of them in view. "
        f"Rows {window.first_row}-{window.last_row - 1}, "
        f"channels {window.first_column}-{window.last_column - 1}."
    )
    look = style()
    names = list(kept)
    largest = 256 if max(window.shape) <= 256 else SMALL
    for start in range(0, len(names), 3):
        for column, name in zip(
            st.columns(3, gap="medium"), names[start : start + 3], strict=False
        ):
            with column:
                st.markdown(f"**{label(name)}**")
                view = block_view(kept[name], window, largest)
                show(mask_density(view, name, look), f"mask-{name}-{weight.key}")
    _legend(look)
    glossary("Mask", "Kept and pruned", "Input channel", "Wanda score", "Comparison group")


def _legend(look: Look) -> None:
    colours = ", ".join(colour for _, colour in look.sequential)
    st.html(
        '<div style="display:flex;align-items:center;gap:.6rem;font-size:.85rem;opacity:.85">'
        "<span>all pruned</span>"
        f'<span style="width:10rem;height:.6rem;border-radius:3px;background:linear-gradient(to right, {colours})">'
        "</span><span>all kept</span></div>"
    )


def _two(run: Run, kept: dict[str, Mask], window: Window) -> tuple[str, str]:
    st.header("Two domains against each other", anchor=False)
    first, second = choose_pair(run)
    a, b, look = kept[first], kept[second], style()
    inside = disagreement(a, b, window)
    left, right = st.columns([3, 2], gap="large")
    with right:
        how = switch(
            "Show",
            ("difference", "disagreement"),
            "compare",
            format_func=lambda name: {
                "difference": "who keeps more",
                "disagreement": "where they differ",
            }[name],
            help="**Who keeps more** subtracts: opposite choices inside one block cancel. **Where "
            "they differ** counts every weight that exactly one of the two keeps.",
        )
        share = inside.count.sum() / inside.size.sum()
        st.metric("Decided differently, in this view", f"{share:.2%}", border=True)
        st.markdown(
            f"Teal: **{label(first)}** keeps more.  \nBrown: **{label(second)}** keeps more."
            if how == "difference"
            else "The darker a block, the larger the share of its weights on which the two differ."
        )
        st.caption(
            "Vertical stripes are the thing to look for: an input channel that is louder in one "
            "domain's text pulls the whole column into that domain's mask."
        )
    with left:
        if how == "difference":
            chart = mask_difference(difference(a, b, window), first, second, look)
        else:
            chart = mask_disagreement(inside, first, second, look)
        show(chart, f"{how}-{first}-{second}")
    return first, second


def _profiles(kept: dict[str, Mask], pair: tuple[str, ...], weight: PrunableWeight) -> None:
    st.header("Profiles of the whole matrix", anchor=False)
    look = style()
    channels = {name: channel_profile(mask) for name, mask in kept.items()}
    rows = {name: row_profile(mask) for name, mask in kept.items()}
    st.subheader("Input channels", anchor=False)
    st.caption(
        "The share of a channel's weights that is kept. A channel that is loud on a domain's text "
        "is kept by many rows at once: this is where domains part."
    )
    how = "share"
    if len(channels) > 1:
        how = switch(
            "Show each domain's",
            ("average", "share"),
            "profile",
            format_func=lambda name: {
                "share": "kept share",
                "average": "distance from the average",
            }[name],
            help="What the domains have in common hides what is their own; the distance from the "
            "average of the domains shown takes it away.",
        )
    draw_strips = profile_deviations if how == "average" else profile_strips
    show(draw_strips(channels, "input channel", look), f"channels-{weight.key}")
    if len(pair) == 2:
        two = {name: channels[name] for name in pair}
        show(profile_lines(two, "input channel", look), f"channels-{'-'.join(pair)}-{weight.key}")
    st.subheader("Output rows", anchor=False)
    everywhere = np.concatenate(list(rows.values()))
    if np.ptp(everywhere) == 0:
        st.caption(
            f"Every row of every domain keeps {everywhere[0]:.1%} of its weights, because weights "
            "compete within their row. Let them compete within the whole matrix to see rows differ."
        )
    else:
        st.caption("The share of a row's weights that is kept.")
        show(profile_strips(rows, "output row", look), f"rows-{weight.key}")


draw()
