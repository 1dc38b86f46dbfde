"""The part of the Overlap page that asks whether a difference is real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import label
from pages.ui.charts import show, style
from pages.ui.job_view import followed, show_job, submit
from pages.ui.words import glossary

if TYPE_CHECKING:
    from analysis.evidence import PairEvidence
    from pruning.specs import PruneSpec
    from pruning.workspace import Run


def evidence_section(run: Run, prune: PruneSpec, pair: tuple[str, str]) -> None:
    """The yardsticks of every pair if they are known, else the button that has them computed."""
    from analysis.comparisons import EvidenceSpec
    from analysis.evidence import stored_evidence

    st.header("Is the difference real?", anchor=False)
    st.caption(
        "Two draws of the *same* domain do not give the same mask either. So each domain's "
        "documents are halved at random, again and again, and the masks of the halves compared, "
        "within a domain and across; the groups' labels are shuffled to see what chance can do. "
        "All of it from the stored sums, for the whole model or what you chose of it."
    )
    if prune.score != "wanda" or prune.comparison_group != "row":
        st.info(
            "This test is for the Wanda score with weights that compete within their output row.",
            icon=":material/info:",
        )
        return
    job = followed("evidence")
    if job is not None and (job.active or job.status != "done"):
        show_job(job, lambda _: None)
    found = stored_evidence(run, prune, EvidenceSpec())
    if found is not None:
        _findings(run, found, pair)
    elif job is None or not job.active:
        _offer(run, prune)


def _offer(run: Run, prune: PruneSpec) -> None:
    if st.button("Test the differences", type="primary", icon=":material/balance:"):
        argv = ["analysis", "evidence", "--run", run.id, "--sparsity", str(prune.sparsity)]
        argv += ["--pattern", prune.pattern]
        if prune.layers is not None:
            argv += ["--layers", ",".join(map(str, prune.layers))]
        if prune.projections is not None:
            argv += ["--projections", ",".join(prune.projections)]
        submit("evidence", f"Testing the differences at {prune.sparsity:.0%}", argv)


def _findings(run: Run, found: tuple[PairEvidence, ...], pair: tuple[str, str]) -> None:
    from analysis.figures.evidence import index_chart
    from analysis.findings import cautions, sentence

    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader("How distinct every pair is", anchor=False)
        show(index_chart(found, style()), "distinctness")
    with right:
        st.subheader("In words", anchor=False)
        for each in found:
            if {each.domain_a, each.domain_b} == set(pair):
                st.markdown(sentence(each, label))
                st.caption(
                    f"The smallest p that {run.spec.sample.groups} groups and the shuffles allow "
                    f"is {each.smallest_p:.2g}. A filled dot: p below 0.05."
                )
        for caution in cautions(run):
            st.warning(caution, icon=":material/warning:")
        glossary("Distinctness index", "Two draws of one domain", "p-value")
