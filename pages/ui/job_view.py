"""A job on a page: its place in line, its progress, how it ended, and what can be done then.

The address names the jobs that a page shows, `?job=...`, one of each kind of job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.ui.frame import sentences
from pages.ui.library import queue, workspace_root
from pages.ui.state import kept_choices
from pages.ui.words import duration
from pruning.errors import AtlasError, InputError
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
    _remember(job)
    st.rerun()


def followed(kind: str) -> Job | None:
    """The job of this kind that this page shows.

    Of the address, else the one last shown in this session, else the newest that waits or runs, so
    that whoever comes back finds it. After `dismiss`, only one that is started or linked to.
    """
    named = _of_address()
    if kind in named:
        return named[kind]
    kept = kept_choices().get(f"job-{kind}")
    job = _newest_active(kind) if kept is None else _find(kept)
    if job is not None:
        _remember(job)
    return job


def show_followed(kind: str) -> Job | None:
    """`followed`, and drawn unless it is done: what it has found is on the page then."""
    job = followed(kind)
    if job is not None and (job.active or job.status != "done"):
        show_job(job, lambda _: None)
    return job


def dismiss(kind: str) -> None:
    """Show no job of this kind any more in this session; one that waits or runs goes on."""
    kept_choices()[f"job-{kind}"] = ""
    named = _of_address()
    named.pop(kind, None)
    _to_address(named)
    st.rerun()


def _remember(job: Job) -> None:
    kept_choices()[f"job-{job.kind}"] = job.id
    _to_address({**_of_address(), job.kind: job})


def _of_address() -> dict[str, Job]:
    """Kind -> the job that the address names; one that was deleted since is left out."""
    found = [_find(identifier) for identifier in st.query_params.get_all("job")]
    return {job.kind: job for job in found if job is not None}


def _to_address(jobs: dict[str, Job]) -> None:
    if jobs:
        st.query_params["job"] = [job.id for job in jobs.values()]
    else:
        st.query_params.pop("job", None)


def _find(identifier: str) -> Job | None:
    try:
        return queue().get(identifier)
    except InputError:  # a link to a job that was deleted since
        return None


def _newest_active(kind: str) -> Job | None:
    try:
        jobs = [job for job in queue().list() if job.kind == kind and job.active]
    except (AtlasError, OSError):  # the sidebar says so
        return None
    return max(jobs, key=lambda job: job.created, default=None)


def show_job(
    job: Job, on_done: Callable[[Job], None], on_failed: Callable[[Job], None] | None = None
) -> None:
    """The job, polled while it is active; `on_done` draws what can be done with its result."""
    if job.active:
        st.fragment(_follow, run_every=POLL_SECONDS)(job.id)
        return
    with st.container(border=True):
        _ended(job, on_done, on_failed)


def show_line(job: Job, what: str) -> None:
    """An active job in one line, polled, with a button that cancels it.

    what: what is done to its object, such as "packed".
    """
    st.fragment(_line, run_every=POLL_SECONDS)(job.id, what)


def _line(identifier: str, what: str) -> None:
    with sentences():
        job = queue().get(identifier)
        if not job.active:
            st.rerun()
        where = f"Waiting to be {what}" if job.status == "queued" else f"Being {what}"
        done = ""
        if job.progress and job.progress.total:
            done = f" · {min(job.progress.done / job.progress.total, 1.0):.0%}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/progress_activity: {where}{done}")
            _cancel_button(job)


def _cancel_button(job: Job) -> None:
    """The button that cancels an active job; once that was asked, what happens then."""
    if job.cancel_asked:
        st.caption("Cancelling: the work stops at the next safe point.")
    elif st.button("Cancel", icon=":material/close:", key=f"cancel-{job.id}"):
        queue().cancel(job.id)
        st.rerun()


def _follow(identifier: str) -> None:
    with sentences():
        job = queue().get(identifier)
        if not job.active:
            st.rerun()
        with st.container(border=True):
            _active(job)


def _active(job: Job) -> None:
    st.markdown(f"**{job.title}**")
    _progress(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        _cancel_button(job)
        if st.button(
            "Hide",
            type="tertiary",
            icon=":material/visibility_off:",
            help="It goes on in the background, and you may start another one here.",
            key=f"hide-job-{job.id}",
        ):
            dismiss(job.kind)


def _progress(job: Job) -> None:
    """Its place in line, or how far it is."""
    progress = job.progress
    if job.status == "queued":
        before = job.position or 0
        st.progress(0.0)
        st.caption(
            "Starting." if not before else
            f"The machine is busy. {before} {'job is' if before == 1 else 'jobs are'} before "
            "this one; it starts by itself. You may close this page."
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
