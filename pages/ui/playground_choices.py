"""What is asked of the playground: the prompt, the sub-models, how tokens are chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import label
from analysis.playground.prompts import Prompt, prompts
from analysis.playground.records import LONGEST_ANSWER, LONGEST_PROMPT, Sampling, SubModel
from demo.texts import DOMAINS
from pages.ui.choices import PATTERNS, SCORE_NAMES
from pages.ui.export_choice import REPAIRS, repair_cost
from pages.ui.frame import sentences
from pages.ui.state import choose, choose_many, keep, kept_choices, number, slide, switch
from pages.ui.words import explain
from pruning.specs import NONE, NarrowSpec, PruneSpec
from pruning.specs.exports import REFIT
from pruning.specs.patterns import pattern_sparsity

if TYPE_CHECKING:
    from pruning.runs.run import Run

EXAMPLES = 4
LONGEST_TITLE = 96
TEXT = "playground-prompt"
FIRST = "playground-first-prompt"
TASK = "playground-task"
DRAW = "draw"
REMOVES = {"weights": "Single weights", "channels": "Feed-forward channels"}
GONE = (
    "Whole channels of the feed-forward part go, and what reads the others is refitted. The exported "
    "model is smaller and faster; here it writes the same in the dense model's shapes."
)


def choose_prompt(run: Run, before: str | None) -> tuple[str, list[Prompt]]:
    """The text to continue, and the tasks whose text it may be.

    before: the prompt of a request that this page shows, for the text box's first value.
    """
    built_in = [name for name in run.domains if name in DOMAINS]
    order = built_in + [name for name in DOMAINS if name not in built_in]
    domain = switch("Prompts of", order, "prompts", format_func=label)
    shown = prompts(domain, count=EXAMPLES, seed=_draw())
    if TEXT not in st.session_state:
        keep(FIRST, kept_choices().get(TEXT) or before or shown[0].text)
    left, right = st.columns([3, 2], gap="medium")
    with right:
        for place, task in enumerate(shown):
            st.button(
                _short(task.title), key=f"example-{place}", on_click=_take, args=(task,),
                width="stretch",
            )  # fmt: skip
        st.button(
            "Other examples",
            key="others",
            icon=":material/casino:",
            type="tertiary",
            on_click=_draw_others,
            help="Held-out tasks: their meanings occur in no text that built-in domains "
            "calibrate on.",
        )
    with left:
        text = st.text_area(
            "Prompt",
            kept_choices()[FIRST],  # not set in the session: an interrupted run would lose it
            key=TEXT,
            height=264,
            max_chars=LONGEST_PROMPT,
            label_visibility="collapsed",
            placeholder="Write a text to continue, or click an example.",
        )
    taken = kept_choices().get(TASK)
    return keep(TEXT, text), [*shown, *([taken] if taken else [])]


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE].rstrip()}…"


def _draw() -> int:
    """Which draw of examples is shown; in the address, like other choices."""
    asked = st.query_params.get(DRAW, "")
    chosen = int(asked) if asked.isdigit() else int(kept_choices().get(DRAW, 0))
    return keep(DRAW, min(chosen, 10**6))


def _draw_others() -> None:
    st.query_params[DRAW] = str(_draw() + 1)


def _take(task: Prompt) -> None:
    st.session_state[TEXT] = task.text
    keep(TASK, task)


def choose_submodels(run: Run) -> tuple[SubModel, ...]:
    """Up to three, each for some of the run's domains; a place without domains stays empty."""
    chosen = [
        _choose_submodel(run, place, column)
        for place, column in enumerate(st.columns(3, gap="medium"), 1)
    ]
    return tuple(submodel for submodel in chosen if submodel is not None)


def _choose_submodel(
    run: Run, place: int, column: st.delta_generator.DeltaGenerator
) -> SubModel | None:
    with column:
        names = choose_many(
            f"Sub-model {place}",
            run.domains,
            f"for{place}",
            default=run.domains[place - 1 : place] if place < 3 else (),
            placeholder="none",
            format_func=label,
            help="The domain that it is pruned for; several are mixed in equal parts.",
        )
        if not names:
            return None
        mixture = tuple((name, 1.0) for name in names)
        slot = st.container()
        with st.popover("What is removed, and repair", type="tertiary", icon=":material/tune:"):
            remove = choose(
                "Remove", tuple(REMOVES), f"remove{place}", format_func=REMOVES.__getitem__
            )
            pruned = _choose_pruning(place, slot) if remove == "weights" else None
        if pruned is None:
            with slot:
                share = slide(
                    "Share of the channels", 0.05, 0.95, f"channels{place}", 0.2, 0.05,
                    format="percent", help=GONE,
                )  # fmt: skip
            narrow = NarrowSpec(channels=round(share, 4))
            chosen = SubModel(mixture=mixture, prune=PruneSpec(sparsity=0.0), narrow=narrow)
        else:
            prune, repair = pruned
            chosen = SubModel(mixture=mixture, prune=prune, repair=repair)
        if not chosen.is_masks:
            with sentences():
                st.caption(_cost(run, chosen))
    return chosen


def _choose_pruning(place: int, slot: st.delta_generator.DeltaGenerator) -> tuple[PruneSpec, str]:
    """Which single weights go, and how the others are repaired. slot: where the sparsity is."""
    pattern = choose("Pattern", PATTERNS, f"pattern{place}", help=explain("Pattern"))
    score = choose("Score", list(SCORE_NAMES), f"score{place}", format_func=SCORE_NAMES.__getitem__)
    possible = [name for name in REPAIRS if name in (NONE, REFIT) or score == "wanda"]
    repair = choose(
        "Repair",
        possible,
        f"repair{place}",
        format_func=REPAIRS.__getitem__,
        help=explain("Repair"),
    )
    sparsity = pattern_sparsity(pattern)
    with slot:
        if sparsity is None:
            sparsity = slide(
                "Sparsity", 0.0, 0.9, f"sparsity{place}", 0.5, 0.01, format="percent",
                help=explain("Sparsity"),
            )  # fmt: skip
        else:
            st.markdown(f"Pattern **{pattern}**: {sparsity:.0%} pruned")
    return PruneSpec(score=score, sparsity=round(sparsity, 4), pattern=pattern), repair


def _cost(run: Run, submodel: SubModel) -> str:
    """What a repaired or narrowed sub-model costs before it can write."""
    from analysis.playground.waiting import TOO_LARGE, is_made, is_small

    spec = submodel.of_run(run.id)
    if is_made(run, spec):
        return "Made before and kept with the run: it writes at once."
    if not is_small(run):
        return TOO_LARGE
    if submodel.narrow is None:
        return str(repair_cost(run, spec))
    return (
        "It is made first, once, and kept with the run: the calibration text passes through the "
        "model again, which takes about as long as calibrating these domains three times."
    )


def choose_sampling() -> Sampling:
    """Greedy unless asked otherwise."""
    with st.expander("How to choose tokens, and how many", icon=":material/tune:"):
        how = switch(
            "Next token",
            ("greedy", "drawn"),
            "choice",
            format_func=lambda name: {"greedy": "the likeliest", "drawn": "drawn at random"}[name],
            help="The likeliest token gives each model's own best guess, the same every time. "
            "Drawn tokens use the same random numbers for every model, so that texts part "
            "because the models differ.",
        )
        columns = st.columns(4, gap="medium")
        with columns[0]:
            length = number("Tokens at most", "answer-length", 160, 1, LONGEST_ANSWER)
        if how == "greedy":
            return Sampling(max_tokens=length)
        with columns[1]:
            temperature = slide("Temperature", 0.1, 2.0, "temperature", 0.8, 0.05)
        with columns[2]:
            top_p = slide(
                "top-p", 0.05, 1.0, "top_p", 0.95, 0.01,
                help="Draw from the fewest likeliest tokens that have this probability together.",
            )  # fmt: skip
        with columns[3]:
            seed = number("Seed", "sampling-seed", 0, 0, 10**6)
    return Sampling(
        temperature=round(temperature, 4), top_p=round(top_p, 4), seed=seed, max_tokens=length
    )
