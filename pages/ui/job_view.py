"""A job on a page: its place in line, its progress, how it ended, and what can be done then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.frame import sentences
from pages.ui.library import queue, workspace_root
from pages.ui.state import kept_choices
from pages.ui.words import duration
from pruning.errors import InputError
from pruning.jobs.queue import Job

POLL_SECONDS = 1.0


def submit(kind: str, title: str, argv: list[str], spec: dict[str, Any] | None = None) -> None:
    """Put a job in line, show it, and write its id to the address, so that a reload finds it.

    argv: what follows `python -m`. spec: what the command reads from its `--spec` file.
    """
    argv = ["-m", *argv, "--json", "--workspace", str(workspace_root())]
    follow(queue().submit(kind, title, argv, spec))


def follow(job: Job) -> None:
    """Show this job on its kind's page from now on."""
    kept_choices()[f"job-{job.kind}"] = job.id
    st.query_params["job"] = job.id
    st.rerun()


def followed(kind: str) -> Job | None:
    """The job that this page shows: of the address, else the one last started in this session."""
    asked = st.query_params.get("job")
    for identifier in (asked, kept_choices().get(f"job-{kind}")):
        job = _find(identifier) if identifier else None
        if job is not None and job.kind == kind:
            if job.id != asked:
                st.query_params["job"] = job.id
            return job
    return None


def _find(identifier: str) -> Job | None:
    try:
        return queue().get(identifier)
    except InputError:  # a link to a job that was deleted since
        return None


def dismiss(kind: str) -> None:
    """Show no job any more."""
    kept_choices().pop(f"job-{kind}", None)
    st.query_params.pop("job", None)
    st.rerun()


def show_job(
    job: Job, on_done: Callable[[Job], None], on_failed: Callable[[Job], None] | None = None
) -> None:
    """The job, polled while it is active; `on_done` draws what can be done with its result."""
    if job.active:
        st.fragment(_follow, run_every=POLL_SECONDS)(job.id)
        return
    with st.container(border=True):
        _ended(job, on_done, on_failed)


def _follow(identifier: str) -> None:
    with sentences():
        job = queue().get(identifier)
        if not job.active:
            st.rerun()
        with st.container(border=True):
            _active(job)


def _active(job: Job) -> None:
    st.markdown(f"**{job.title}**")
    progress = job.progress
    if job.status == "queued":
        before = job.position or 0
        st.progress(0.0)
        st.caption(
            "Starting." if not before else
            f"The machine is busy. {before} {'job is' if before == 1 else 'jobs are'} before "
            "yours; it starts by itself. You may close this page."
        )  # fmt: skip
    elif progress is None:
        st.progress(0.0)
        st.caption("Starting the worker.")
    else:
        share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
        st.progress(share)
        left = progress.seconds_left
        parts = (
            f"**{progress.stage}**",
            progress.detail,
            f"{share:.0%}",
            f"about {duration(left)} left" if left is not None else "",
        )
        st.caption(" · ".join(part for part in parts if part))
    if job.cancel_asked:
        st.caption("Cancelling: the work stops at the next safe point.")
    elif st.button("Cancel", icon=":material/close:", key=f"cancel-{job.id}"):
        queue().cancel(job.id)
        st.rerun(scope="fragment")


def _ended(
    job: Job, on_done: Callable[[Job], None], on_failed: Callable[[Job], None] | None
) -> None:
    if job.status == "done":
        took = f" in {duration(job.finished - job.started)}" if job.finished and job.started else ""
        st.markdown(f":material/check_circle: **{job.title}**: done{took}.")
        on_done(job)
    elif job.status == "cancelled":
        st.markdown(f":material/cancel: **{job.title}** was cancelled. Nothing is lost.")
    else:
        st.error(job.error or "The job ended without saying why.", icon=":material/error:")
        if on_failed is not None:
            on_failed(job)
    with st.container(horizontal=True):
        if job.status != "done" and st.button(
            "Start it again", icon=":material/replay:", key=f"again-{job.id}"
        ):
            follow(queue().resubmit(job.id))
        if st.button("Close", type="tertiary", icon=":material/close:", key=f"close-{job.id}"):
            dismiss(job.kind)
