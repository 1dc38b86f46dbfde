"""The part of the Overlap page that is about whole channels, heads or layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.captions import about
from analysis.evidence.options import evidence_flags
from analysis.figures.domains import label
from analysis.overlap.parts import OF
from pages.ui.charts import downloads, show, style
from pages.ui.job_view import show_followed, submit
from pages.ui.library import parts
from pages.ui.state import switch
from pages.ui.words import explain, glossary
from pruning.commands.options import pruning_flags
from pruning.errors import InputError

if TYPE_CHECKING:
    from analysis.evidence.yardsticks import PairEvidence
    from analysis.overlap.owners import Owners
    from analysis.overlap.table import OverlapTable
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec


def choose_of() -> str:
    """What is compared: single weights or whole parts."""
    return switch("Of", OF, "of", help=explain("Whole parts"))


def counted_parts(run: Run, prune: PruneSpec, of: str) -> tuple[OverlapTable, Owners] | None:
    """The overlaps of whole parts and whose they are; else says why there are none, or offers them."""
    from analysis.overlap.part_scores import is_quick

    job = show_followed("overlap")
    try:
        if is_quick(run, of, prune):
            return parts(run, prune, of)
    except InputError as error:
        st.info(str(error), icon=":material/info:")
        return None
    if job is None or not job.active:
        st.info(
            f"What whole {of} are multiplied by is read from the weights once; from then on this view "
            "opens at once.",
            icon=":material/hourglass_top:",
        )
        if st.button("Compare them", type="primary", icon=":material/play_arrow:"):
            argv = ["analysis", "overlap", "--run", run.id, *pruning_flags(prune), "--of", of]
            submit("overlap", f"Comparing {of} at {prune.sparsity:.0%}", argv)
    return None


def tested_parts(run: Run, prune: PruneSpec, of: str) -> tuple[PairEvidence, ...] | None:
    """The yardsticks of whole parts, if they were asked as hard as is usual."""
    from analysis.evidence.comparisons import EvidenceSpec
    from analysis.evidence.parts import stored_evidence_of_parts

    return stored_evidence_of_parts(run, of, prune, EvidenceSpec(seed=prune.seed))


def owners_section(run: Run, prune: PruneSpec, whose: Owners) -> None:
    """The map of layers and units, and each domain's own ones."""
    from analysis.figures.parts import owners_map

    of = whose.of
    st.header(f"Whose {of} are whose", anchor=False)
    caption = about(run, prune)
    show(owners_map(whose, style()), f"owners-{of}", about=caption)
    own = [row for domain in whose.domains for row in whose.own(domain)]
    if not own:
        st.caption(f"No domain keeps any of the {of} alone.")
        return
    columns = {
        "domain": [label(row["domain"]) for row in own],
        **{name: [row[name] for row in own] for name in ("layer", "part", "unit")},
        "share": [row["share"] for row in own],
        "most_elsewhere": [row["most_elsewhere"] for row in own],
    }
    with st.expander(f"Every domain's own {of}, the largest first", icon=":material/table_rows:"):
        percent = st.column_config.NumberColumn(format="percent")
        st.dataframe(
            columns, hide_index=True, column_config={"share": percent, "most_elsewhere": percent}
        )
        st.caption(
            f"Kept by one domain alone. Share: of what all {of} of the layer contribute on that domain's "
            "text; most elsewhere: the largest such share in another domain."
        )
        with st.container(horizontal=True, gap="small"):
            downloads(columns, f"Every domain's own {of}.", f"own-{of}", caption)


def parts_evidence(
    run: Run,
    prune: PruneSpec,
    of: str,
    pair: tuple[str, str],
    tested: tuple[PairEvidence, ...] | None,
) -> None:
    """Whether the differences of whole parts are real, or the button that has them tested."""
    from analysis.evidence.findings import sentence
    from analysis.evidence.resampling import refusal
    from analysis.figures.evidence import index_chart

    st.header("Is the difference real?", anchor=False)
    reason = refusal(prune)
    if reason is not None:
        st.info(reason, icon=":material/info:")
        return
    job = show_followed("evidence")
    if tested is None:
        if (job is None or not job.active) and st.button(
            "Test the differences", type="primary", icon=":material/balance:"
        ):
            title = f"Testing the {of} at {prune.sparsity:.0%}"
            flags = [*evidence_flags(prune), "--of", of]
            submit("evidence", title, ["analysis", "evidence", "--run", run.id, *flags])
        return
    left, right = st.columns([5, 3], gap="large")
    with left:
        st.subheader("How distinct every pair is", anchor=False)
        show(index_chart(tested, style()), f"distinctness-{of}", about=about(run, prune))
    with right:
        st.subheader("In words", anchor=False)
        for each in tested:
            if {each.domain_a, each.domain_b} == set(pair):
                st.markdown(sentence(each, label, of=of))
        glossary("Distinctness index", "Two draws of one domain", "p-value")
    with st.expander("Every pair in words", icon=":material/notes:"):
        for each in tested:
            st.markdown(sentence(each, label, of=of))
