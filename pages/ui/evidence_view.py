"""The part of the Overlap page that asks whether a difference is real."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from analysis.captions import about
from analysis.evidence.options import evidence_flags
from analysis.figures.domains import label
from pages.ui.charts import show, style
from pages.ui.evidence_parts import parts_section
from pages.ui.job_view import show_followed, submit
from pages.ui.words import glossary

if TYPE_CHECKING:
    from analysis.evidence.comparisons import EvidenceSpec
    from analysis.evidence.yardsticks import PairEvidence
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

    Pairs = tuple[PairEvidence, ...]
    Known = tuple[EvidenceSpec, Pairs]

ACROSS = (0.1, 0.3, 0.5, 0.7, 0.9)  # sparsities that a click asks for


def known(run: Run, prune: PruneSpec) -> Known | None:
    """The yardsticks of every pair, if they have been computed, and how hard it was looked."""
    from analysis.evidence.resampling import refusal
    from analysis.evidence.testing import best_evidence

    return best_evidence(run, prune) if refusal(prune) is None else None


def hint(prune: PruneSpec) -> str:
    """How to get what is not known yet, for where it would stand."""
    from analysis.evidence.resampling import refusal

    if refusal(prune) is None:
        return "for ceiling, index and p, test the differences (further down)"
    return "ceiling, index and p are not known for masks like these (see further down)"


def evidence_section(
    run: Run, prune: PruneSpec, pair: tuple[str, str], found: Known | None
) -> None:
    """The yardsticks of every pair if they are known, else the button that has them computed."""
    from analysis.evidence.resampling import refusal

    st.header("Is the difference real?", anchor=False)
    st.caption(
        "Two draws of the *same* domain do not give the same mask either. So each domain's "
        "documents are halved at random, again and again, and the masks of the halves compared, "
        "within a domain and across; the groups' labels are shuffled to see what chance can do. "
        "All of it from the stored sums, for the whole model or what you chose of it."
    )
    reason = refusal(prune)
    if reason is not None:
        st.info(reason, icon=":material/info:")
        return
    job = show_followed("evidence")
    waiting = job is not None and job.active
    if found is not None:
        spec, tested = found
        _findings(run, prune, tested, pair)
        _precision(run, prune, spec, tested, waiting)
        parts_section(run, prune, tested, pair)
        _learning(run, prune, spec, tested)
    elif not waiting and st.button(
        "Test the differences", type="primary", icon=":material/balance:"
    ):
        _submit(run, evidence_flags(prune), f"Testing the differences at {prune.sparsity:.0%}")
    _across_sparsities(run, prune, pair, waiting)


def _submit(run: Run, flags: list[str], title: str) -> None:
    submit("evidence", title, ["analysis", "evidence", "--run", run.id, *flags])


def _findings(run: Run, prune: PruneSpec, tested: Pairs, pair: tuple[str, str]) -> None:
    from analysis.evaluation.specialisation import stored_specialisation
    from analysis.evidence.findings import cautions, magnitude_sentence, sentence
    from analysis.figures.evidence import index_chart

    measured = stored_specialisation(run, prune)
    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader("How distinct every pair is", anchor=False)
        show(index_chart(tested, style()), "distinctness", about=about(run, prune))
    with right:
        st.subheader("In words", anchor=False)
        for each in tested:
            if {each.domain_a, each.domain_b} == set(pair):
                st.markdown(sentence(each, label, measured))
                st.caption(
                    f"{magnitude_sentence(each, label)} The smallest p that {run.spec.sample.groups} groups and the shuffles allow "
                    f"is {each.smallest_p:.2g}. A filled dot: p below 0.05, adjusted for the number of "
                    "pairs (Benjamini-Hochberg)."
                )
        for caution in cautions(run, label):
            st.warning(caution, icon=":material/warning:")
        glossary("Distinctness index", "Two draws of one domain", "p-value")
    with st.expander("Every pair in words", icon=":material/notes:"):
        for each in tested:
            st.markdown(sentence(each, label, measured))


def _precision(
    run: Run, prune: PruneSpec, spec: EvidenceSpec, tested: Pairs, waiting: bool
) -> None:
    """What the sample of rows costs, and the way to do without it."""
    from analysis.evidence.findings import rows_sentence

    st.caption(rows_sentence(tested, spec.rows))
    if spec.rows == 0 or waiting:
        return
    rows = [weight.shape[0] for weight in run.weights]
    more = sum(rows) / sum(min(spec.rows, each) for each in rows)
    if st.button(
        "Count all rows",
        icon=":material/all_inclusive:",
        help=f"Exact, and about {more:.0f} times the work of this sample.",
    ):
        flags = evidence_flags(prune, replace(spec, rows=0))
        _submit(run, flags, f"Counting all rows at {prune.sparsity:.0%}")


def _learning(run: Run, prune: PruneSpec, spec: EvidenceSpec, tested: Pairs) -> None:
    """Whether the calibration text was enough."""
    from analysis.evidence.findings import is_enough, learning_sentence
    from analysis.evidence.learning_curve import stored_learning_curves
    from analysis.figures.learning_curve import learning_chart

    curves = stored_learning_curves(run, prune, spec)
    if curves is None:
        return
    st.header("Was there enough text?", anchor=False)
    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader("Masks from part of the text", anchor=False)
        show(learning_chart(curves, style()), "learning", about=about(run, prune))
    with right:
        st.subheader("In words", anchor=False)
        st.markdown(is_enough(curves, tested))
        st.caption(
            "Solid: masks from some groups of documents against the mask from all of them, which "
            "they are part of. Dotted: two sets of groups that share none. Bars: one standard "
            "deviation over random draws."
        )
        with st.expander("Every domain in words", icon=":material/notes:"):
            for curve in curves:
                st.markdown(learning_sentence(curve, label))


def _across_sparsities(run: Run, prune: PruneSpec, pair: tuple[str, str], waiting: bool) -> None:
    """The yardsticks at all sparsities at which they have been computed."""
    from analysis.evidence.testing import stored_at_sparsities

    if prune.block is not None:
        return
    found = stored_at_sparsities(run, prune)
    missing = [sparsity for sparsity in ACROSS if sparsity not in found]
    if not found:
        return
    st.header("The test at other sparsities", anchor=False)
    if len(found) > 1:
        _curves(run, prune, pair, found)
    if missing and not waiting:
        shares = ", ".join(f"{sparsity:.0%}" for sparsity in missing)
        st.caption(f"The test has not been made at {shares}.")
        if st.button("Test these sparsities too", icon=":material/ssid_chart:"):
            flags = evidence_flags(replace(prune, sparsity=missing[0]), others=missing[1:])
            _submit(run, flags, f"Testing the differences at {shares}")


def _curves(
    run: Run, prune: PruneSpec, pair: tuple[str, str], found: Mapping[float, Pairs]
) -> None:
    from analysis.figures.sparsity import index_lines, yardstick_lines

    names = " and ".join(label(name) for name in pair)
    caption = about(run, prune, every_sparsity=True)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(f"{names}, beside the yardsticks", anchor=False)
        show(yardstick_lines(found, pair, style()), "yardsticks-sparsity", about=caption)
    with right:
        st.subheader("How distinct every pair is", anchor=False)
        show(index_lines(found, pair, style()), "index-sparsity", about=caption)
