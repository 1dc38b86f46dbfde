"""Choices that several pages share: the run, how to prune, which layers, a pair of domains."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.captions import model_name
from analysis.figures.domains import label
from pages.ui.frame import go
from pages.ui.library import finished_runs
from pages.ui.state import choose, choose_many, keep, kept_choices, slide, switch
from pages.ui.words import ago, count, explain, listing
from pruning.specs import STARVED, TEXT_SCORES, PruneSpec
from pruning.specs.patterns import pattern_sparsity

if TYPE_CHECKING:
    from pruning.runs.run import Run

DEMO = "Demo model"
PATTERNS = ("unstructured", "2:4", "4:8")
SCORE_NAMES = {
    "wanda": "Wanda",
    "ria": "RIA",
    "contrastive": "Contrastive",
    "magnitude": "Magnitude",
    "random": "Random",
}
ALLOCATION_NAMES = {"uniform": "All alike", "owl": "By outliers (OWL)"}
STARVED_NAMES = {"magnitude": "prune by magnitude", "dense": "leave dense"}
GROUP_NAMES = {"row": "Output row", "matrix": "Whole matrix"}


def run_title(run: Run) -> str:
    """A run in one line."""
    sample = run.spec.sample
    domains = listing([label(domain) for domain in run.domains], 3)
    return f"{model_name(run, DEMO)} · {domains} · {sample.num_samples} × {sample.seq_len} tokens · {run.id}"


def choose_run() -> Run:
    """The run to look at; where there is none, says what to do and ends the page."""
    runs = {run.id: run for run in finished_runs()}
    if not runs:
        st.info(
            "There is nothing to look at yet. Calibrate a model on a few domains first; with the "
            "demo model that takes a few minutes.",
            icon=":material/straighten:",
        )
        go("pages/calibrate.py", "Go to Calibrate", ":material/arrow_forward:", first=True)
        st.stop()
    asked = st.query_params.get("run")
    if asked is not None and asked not in runs:
        st.warning(
            f"The run {asked} of this link is not in this workspace; the newest one is shown."
        )
    written = kept_choices().get("run")
    if asked in runs and asked != written:  # a link has brought us here
        st.session_state["chosen-run"] = asked
    wanted = asked if asked in runs else written
    order = list(runs)
    chosen = st.selectbox(
        "Calibration run",
        order,
        index=order.index(wanted) if wanted in runs else 0,
        format_func=lambda run_id: run_title(runs[run_id]),
        key="chosen-run",
        label_visibility="collapsed",
    )
    keep("run", chosen)
    if asked != chosen:  # also the newest run by name, so that the link means the same tomorrow
        st.query_params["run"] = chosen
    run = runs[chosen]
    st.caption(run_summary(run))
    return run


def run_summary(run: Run) -> str:
    """What a run is made of."""
    sample = run.spec.sample
    weights = sum(weight.shape[0] * weight.shape[1] for weight in run.weights)
    return (
        f"**{model_name(run, DEMO)}** · {listing([label(name) for name in run.domains], 8)} · "
        f"{sample.num_samples} × {sample.seq_len} tokens each, {sample.groups} groups · "
        + (f"{count(weights)} prunable weights in {len(run.layers)} layers · " if weights else "")
        + ago(run.manifest.created)
    )


def choose_pruning(run: Run) -> PruneSpec:
    """Sparsity, pattern, score, comparison group and allocation, as live controls."""
    left, middle, right, next_to_last, last = st.columns([5, 4, 4, 4, 4], gap="medium")
    with middle:
        pattern = choose(
            "Pattern",
            PATTERNS,
            "pattern",
            accept_new_options=True,
            help=explain("Pattern") + "\n\nType any other n:m, such as 1:4.",
        )
    unstructured = pattern == "unstructured"
    with left:
        sparsity = _choose_sparsity(pattern)
    with right:
        score = choose(
            "Score",
            list(SCORE_NAMES),
            "score",
            format_func=SCORE_NAMES.__getitem__,
            help=explain(
                "Wanda score", "RIA score", "Contrastive score", "Magnitude score", "Random score"
            ),
        )
    with next_to_last:
        groups = choose(
            "Compete within",
            list(GROUP_NAMES),
            "group",
            format_func=GROUP_NAMES.__getitem__,
            help=explain("Comparison group"),
            disabled=not unstructured,
        )
    allocates = unstructured and score in TEXT_SCORES
    with last:
        allocation = choose(
            "Layers",
            list(ALLOCATION_NAMES),
            "allocation",
            format_func=ALLOCATION_NAMES.__getitem__,
            help=explain("OWL"),
            disabled=not allocates,
        )
    return PruneSpec(
        score=score,
        sparsity=sparsity,
        pattern=pattern,
        comparison_group=groups if unstructured else "row",
        allocation=allocation if allocates else "uniform",
        starved=choose_starved(run) if score in TEXT_SCORES else STARVED[0],
    )


def _choose_sparsity(pattern: str) -> float:
    """The share to prune; where a pattern implies it, it is only shown."""
    implied = pattern_sparsity(pattern)
    if implied is None:
        chosen = slide(
            "Sparsity",
            0.0,
            0.99,
            "sparsity",
            0.5,
            0.01,
            format="percent",
            help=explain("Sparsity"),
        )
        return round(chosen, 4)
    st.slider(
        "Sparsity",
        0.0,
        0.99,
        min(implied, 0.99),
        disabled=True,
        format="percent",
        help=f"The pattern {pattern} prunes exactly {implied:.0%}.",
        key=f"implied-{pattern}",
    )
    return implied


def choose_starved(run: Run) -> str:
    """What becomes of experts that saw too few tokens; no question for a model without experts."""
    if not run.has_experts:
        return STARVED[0]
    return switch(
        "Starved experts",
        STARVED,
        "starved",
        format_func=STARVED_NAMES.__getitem__,
        help=explain("Starved expert"),
    )


def choose_parts(run: Run, prune: PruneSpec) -> PruneSpec:
    """The same choice of masks for some layers and projections only."""
    parts = st.expander("Only some layers or projections", icon=":material/filter_alt:")
    left, right = parts.columns(2, gap="medium")
    with left:
        layers = choose_many(
            "Decoder layers",
            run.layers,
            "layers",
            placeholder="all layers",
            help="Leave it empty to look at all layers.",
        )
    with right:
        projections = choose_many(
            "Projections",
            run.projections,
            "projections",
            placeholder="all projections",
            help=explain("Projection") + "\n\nLeave it empty to look at all of them.",
        )
    return replace(prune, layers=tuple(layers) or None, projections=tuple(projections) or None)


def choose_pair(run: Run) -> tuple[str, str]:
    """Two domains to compare; the second is another one than the first."""
    left, right = st.columns(2, gap="medium")
    with left:
        first = choose("One domain", run.domains, "first", format_func=label)
    with right:
        others = [domain for domain in run.domains if domain != first] or list(run.domains)
        second = choose("Another domain", others, "second", format_func=label)
    return first, second


def choose_sets() -> bool:
    """Whether to compare what is kept (True) or what is pruned."""
    what = switch(
        "Compare what two domains both",
        ("kept", "pruned"),
        "sets",
        format_func=lambda name: {"kept": "keep", "pruned": "prune"}[name],
        help=explain("Kept and pruned"),
    )
    return what == "kept"
