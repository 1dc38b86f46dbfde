"""The report of what the Overlap page shows, as one file to keep, print or send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec


def report_section(run: Run, prune: PruneSpec, tested: bool) -> None:
    """The button that downloads the report; it is written from stored results when it is pressed."""

    def page() -> bytes:
        from analysis.report.page import report_page
        from analysis.report.source import gather

        return report_page(gather(run, prune, compute=False)).encode()

    st.header("Take the report with you", anchor=False)
    st.caption(
        "One page with all figures, tables and sentences, the methods with their formulas, where "
        "everything came from and the commands that make it again. It opens in any browser "
        "without a network, and prints."
        + ("" if tested else " Test the differences first, and they will be in it too.")
    )
    st.download_button(
        "Report",
        page,
        file_name=f"{run.id}-{prune.sparsity:.0%}-report.html".replace("%", ""),
        mime="text/html",
        key="report",
        on_click="ignore",
        icon=":material/article:",
    )
