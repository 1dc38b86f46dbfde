"""What the machine is doing, in the sidebar of every page: everybody waits in one line."""

from __future__ import annotations

import streamlit as st

from pages.ui.library import queue
from pages.ui.words import duration
from pruning.errors import AtlasError
from pruning.jobs.queue import Job
from pruning.machine.paths import PROJECT_FOLDER

PAGE_OF_KIND = {  # of every kind of job that a page submits
    "calibrate": "pages/calibrate.py",
    "overlap": "pages/overlap.py",
    "evidence": "pages/overlap.py",
    "structure": "pages/structure.py",
    "channels": "pages/structure.py",
    "evaluate": "pages/evaluate.py",
    "cause": "pages/cause.py",
    "plan": "pages/export.py",
    "export": "pages/export.py",
    "verify": "pages/export.py",
    "archive": "pages/export.py",
    "push": "pages/export.py",
    "savings": "pages/savings.py",
}


@st.fragment(run_every=3)
def machine_status(here: str) -> None:
    """One line while idle; the running job with its progress, and how many wait, while busy.

    here: the title of the page that is shown; it needs no link to itself.
    """
    try:
        active = [job for job in queue().list() if job.active]
    except (AtlasError, OSError) as error:
        st.caption(f":material/error: {error}")
        return
    running = [job for job in active if job.status == "running"]
    waiting = len(active) - len(running)
    if not active:
        st.caption(":material/check_circle: The machine is free.")
        return
    if running:
        job = running[0]
        st.caption(f":material/progress_activity: **{job.title}**{_left(job)}")
        if job.progress and job.progress.total:
            st.progress(min(job.progress.done / job.progress.total, 1.0))
        page = PAGE_OF_KIND.get(job.kind)
        if page is not None and here.lower() not in page:
            place, query = PROJECT_FOLDER / page, {"job": job.id}
            st.page_link(place, label="Show it", icon=":material/visibility:", query_params=query)
    if waiting:
        st.caption(f"{waiting} more {'job waits' if waiting == 1 else 'jobs wait'} in line.")


def _left(job: Job) -> str:
    if job.progress is None or job.progress.seconds_left is None:
        return ""
    return f" · {duration(job.progress.seconds_left)} left"
