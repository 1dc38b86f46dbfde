"""What to measure, as controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import label
from pages.ui.choices import PATTERNS, choose_starved
from pages.ui.export_choice import REPAIRS
from pages.ui.library import workspace_root
from pages.ui.state import choose, choose_many, number, switch
from pages.ui.task_choices import choose_tasks
from pages.ui.words import explain
from pruning.specs import NONE, PruneSpec
from pruning.specs.patterns import pattern_sparsity

if TYPE_CHECKING:
    from analysis.evaluation.spec import EvaluationSpec
    from pruning.runs.run import Run

SPARSITIES = tuple(percent / 100 for percent in range(5, 100, 5))
USUAL = {"weights": (0.4, 0.5, 0.6), "channels": (0.2, 0.3), "heads": (0.25,), "layers": (0.25,)}
REMOVED = {
    "weights": "Single weights",
    "channels": "Feed-forward channels",
    "heads": "Attention heads",
    "layers": "Layers",
}
KILOBYTE = 1000


def choose_evaluation(run: Run) -> EvaluationSpec:
    """Sparsities, pattern, domains, and how much text and how many tasks."""
    from analysis.evaluation.spec import EvaluationSpec

    remove, repair = _choose_kind()
    pattern, sparsities = _choose_sparsities(remove)
    left, middle, right = st.columns(3, gap="medium")
    with left:
        kilobytes = number("Held-out text of each domain, kB", "text", 20, 0, 10_000)
    with middle:
        tasks = number(
            "Tasks of each built-in domain",
            "tasks",
            0,
            0,
            10_000,
            help="Held-out tasks: programs are run, answers compared, translations scored.",
        )
    with right:
        domains = choose_many(
            "Measured on",
            run.domains,
            "measured-on",
            format_func=label,
            placeholder="all domains",
        )
    task_sets, sampling, meteor = choose_tasks()
    return EvaluationSpec(
        sparsities=sparsities,
        prune=PruneSpec(
            sparsity=sparsities[0] if sparsities else 0.5,
            pattern=pattern,
            starved=choose_starved(run),
        ),
        text_bytes=KILOBYTE * kilobytes,
        tasks=tasks,
        task_sets=task_sets,
        sampling=sampling,
        measured_on=tuple(domains) or None,
        meteor=meteor,
        repair=repair,
        remove=remove,
    )


def _choose_kind() -> tuple[str, str]:
    """What is removed, and how the weights that stay are repaired."""
    left, right = st.columns([2, 3], gap="medium")
    with left:
        remove = choose("Remove", tuple(REMOVED), "remove", format_func=REMOVED.__getitem__)
    with right:
        if remove != "weights":
            st.caption(
                "What reads the parts that are gone is refitted. Each domain's sub-model is made "
                "once, in a pass through its calibration text, and kept with the run."
            )
            return remove, NONE
        repair = switch(
            "Repair the kept weights",
            tuple(REPAIRS),
            "repair",
            format_func=REPAIRS.__getitem__,
            help="Fitted layer by layer, so that the sub-model answers as the dense model does. Each "
            "domain's is made once, which takes as long as an export of it, and kept with the run.",
        )
    return remove, repair


def _choose_sparsities(remove: str) -> tuple[str, tuple[float, ...]]:
    """The pattern, and the shares to prune in ascending order; n:m implies its one."""
    left, right = st.columns([2, 3], gap="medium")
    with left:
        pattern = (
            "unstructured"
            if remove != "weights"
            else choose(
                "Pattern",
                PATTERNS,
                "measured-pattern",
                accept_new_options=True,
                help=explain("Pattern"),
            )
        )
    implied = pattern_sparsity(pattern)
    with right:
        if implied is None:
            sparsities = choose_many(
                "Sparsities" if remove == "weights" else "Shares removed",
                SPARSITIES,
                "sparsities" if remove == "weights" else f"shares-of-{remove}",
                USUAL[remove],
                format_func=lambda share: f"{share:.0%}",
                help=explain("Sparsity"),
            )
        else:
            st.text_input("Sparsities", f"{implied:.0%}", disabled=True)
            sparsities = [implied]
    return pattern, tuple(sorted(sparsities))


def consent_to_programs() -> bool:
    """Whether programs may be run here; asks once if a sandbox is there."""
    from analysis.execution import allowed, give, question, survey

    tried = survey()
    found = tried.sandbox
    if found is None:
        st.warning(tried.refusal, icon=":material/shield_lock:")
        return False
    if allowed(workspace_root(), found):
        st.caption(f"Programs are run in {found.name}.")
        return True
    st.info(question(found), icon=":material/shield_lock:")
    if st.button("I agree: run them", key="consent-evaluate"):
        give(workspace_root(), found)
        st.rerun()
    return False
