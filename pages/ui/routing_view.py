"""The section on experts: which of them a domain uses, and of which too little is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import label
from pages.ui.charts import show, style
from pages.ui.state import choose, switch
from pages.ui.words import glossary

if TYPE_CHECKING:
    from analysis.structure.routing import RoutingTable
    from pruning.runs.run import Run


def routing_section(run: Run) -> None:
    """Nothing for a model without experts."""
    from analysis.figures.routing import SHARE, VIEWS, routing_heatmap
    from analysis.structure.routing import (
        distance_sentence,
        routing_sentence,
        starved_experts_sentence,
    )

    if not run.has_experts:
        return
    st.header("Experts", anchor=False)
    st.caption(
        "In every layer a router sends each token to a few of many experts. This was counted while "
        "the text was read; it does not depend on the sparsity above."
    )
    with st.spinner("Reading the counts"):
        table = _counted(str(run.folder), run.manifest.updated)
    st.markdown(distance_sentence(table, label))
    left, right = st.columns(2, gap="large")
    with left:
        domain = choose("Experts of", run.domains, "experts", format_func=label)
    view = SHARE
    if len(run.domains) > 1:
        with right:
            view = switch("Show", VIEWS, "routing")
    st.markdown(routing_sentence(table, domain, label))
    show(routing_heatmap(table, domain, style(), view), f"routing-{domain}")
    starved = starved_experts_sentence(table, label)
    if starved:
        st.warning(starved, icon=":material/hourglass_empty:")
    glossary("Expert", "Starved expert")


@st.cache_resource(max_entries=16, show_spinner=False)
def _counted(folder: str, updated: float) -> RoutingTable:
    """The counts of a run."""
    from analysis.structure.routing import routing_table
    from pruning.runs.run import Run

    return routing_table(Run(Path(folder)))
