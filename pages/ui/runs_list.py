"""Earlier runs: open one, go on with one that was stopped, delete one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.choices import run_summary
from pages.ui.frame import go
from pages.ui.library import workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from pruning.runs.run import Run

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
        _texts(run)
    with right.container(horizontal=True, horizontal_alignment="right"):
        if run.status == "done":
            open_links(run.id)
        elif st.button("Go on with it", key=f"go-on-{run.id}", icon=":material/play_arrow:"):
            go_on(run)
        with st.popover("", icon=":material/delete:", help="Delete this run"):
            st.markdown(
                f"Delete run **{run.id}** with its texts and sums? What was exported from it stays."
            )
            if st.button("Delete", type="primary", key=f"delete-{run.id}"):
                workspace().delete_run(run.id)
                st.rerun()


def _texts(run: Run) -> None:
    """What was read of one's own texts, what was left out and why."""
    readings = {name: run.reading(name) for name in run.domains}
    if not any(readings.values()):
        return
    with st.popover("What was read", icon=":material/description:", type="tertiary"):
        for name, sentences in readings.items():
            if sentences:
                st.text("\n".join([f"{name}:", *sentences]))


def open_links(run_id: str, first: bool = False) -> None:
    """Links to the pages that look at this run; first: the first of them is the thing to do."""
    go("pages/overlap.py", "Overlap", ":material/join_inner:", first=first, run=run_id)
    go("pages/masks.py", "Masks", ":material/grid_on:", run=run_id)
    go("pages/export.py", "Export", ":material/ios_share:", run=run_id)
