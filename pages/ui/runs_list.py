"""Earlier runs: open one, go on with one that was stopped, delete one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.choices import run_summary
from pages.ui.library import workspace
from pages.ui.state import kept_choices

if TYPE_CHECKING:
    from collections.abc import Callable

    from pruning.workspace import Run

WORDS = {
    "running": ":material/progress_activity: not finished",
    "cancelled": ":material/cancel: cancelled",
    "failed": ":material/error: failed",
}


def runs_list(go_on: Callable[[Run], None]) -> None:
    """Every run of the workspace, the newest first. `go_on` starts an unfinished one again."""
    st.header("Earlier runs", anchor=False)
    runs = workspace().runs()
    if not runs:
        st.caption("None yet. Start the first one above.")
    for problem in workspace().problems():
        st.warning(problem, icon=":material/warning:")
    for run in runs:
        with st.container(border=True):
            _row(run, go_on)


def _row(run: Run, go_on: Callable[[Run], None]) -> None:
    left, right = st.columns([1, 1], gap="medium", vertical_alignment="center")
    with left:
        st.markdown(f"**Run {run.id}** {WORDS.get(run.status, '')}")
        st.caption(run_summary(run))
    with right.container(horizontal=True, horizontal_alignment="right"):
        if run.status == "done":
            if st.button("Overlap", key=f"overlap-{run.id}", icon=":material/join_inner:"):
                open_run(run.id, "pages/overlap.py")
            if st.button("Masks", key=f"masks-{run.id}", icon=":material/grid_on:"):
                open_run(run.id, "pages/masks.py")
            if st.button("Export", key=f"export-{run.id}", icon=":material/ios_share:"):
                open_run(run.id, "pages/export.py")
        elif st.button("Go on with it", key=f"go-on-{run.id}", icon=":material/play_arrow:"):
            go_on(run)
        with st.popover("", icon=":material/delete:", help="Delete this run"):
            st.markdown(
                f"Delete run **{run.id}** with its texts and sums? What was exported from it stays."
            )
            if st.button("Delete", type="primary", key=f"delete-{run.id}"):
                workspace().delete_run(run.id)
                st.rerun()


def open_run(run_id: str, page: str) -> None:
    """Go to a page and look at this run there."""
    kept_choices()["run"] = run_id
    st.switch_page(page)
