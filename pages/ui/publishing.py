"""Putting an export on the Hugging Face hub: the command, and a button where somebody is logged in."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from pages.ui.job_view import show_line
from pages.ui.library import queue, workspace_root
from pages.ui.words import size
from pruning.jobs.queue import Job

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


def publishing(folder: Path) -> None:
    """What would be uploaded and how; nothing is, unless it is confirmed here."""
    repository = st.text_input(
        "Repository", placeholder=f"user/{folder.name}", key=f"repository-{folder.name}"
    ).strip()
    shown = repository if REPOSITORY.fullmatch(repository) else f"user/{folder.name}"
    command = f"python -m pruning push --export {folder.name} --repo {shown}"
    st.code(f"{command} --dry-run\n{command} --private", language="sh")
    st.caption(
        "The first line only lists what would be uploaded. The model card and `submodel.json` go "
        "along, without the paths of this machine. The base model's licence applies."
    )
    job = latest_upload(folder)
    if job is not None:
        _told(job)
    if not _logged_in():
        st.caption("Nobody is logged in to the hub on this machine (`hf auth login`, or HF_TOKEN).")
        return
    _upload(folder, repository, busy=job is not None and job.active)


def _upload(folder: Path, repository: str, busy: bool) -> None:
    from pruning.exports.publishing import plan_upload

    if not REPOSITORY.fullmatch(repository):
        st.caption("Write the repository as user/name to upload from here.")
        return
    plan = plan_upload(folder, repository)
    private = st.checkbox("Private: only you see it there", value=True, key=f"hide-{folder.name}")
    sure = st.checkbox(
        f"Upload {len(plan.files)} files, {size(plan.bytes)}, to {repository}",
        key=f"sure-{folder.name}",
    )
    if st.button(
        "Upload",
        key=f"push-{folder.name}",
        icon=":material/cloud_upload:",
        disabled=busy or not sure,
    ):
        argv = ["-m", "pruning", "push", "--export", str(folder), "--repo", repository, "--json"]
        argv += ["--workspace", str(workspace_root()), *(["--private"] if private else [])]
        queue().submit("push", f"Uploading {folder.name}", argv)
        st.rerun()


def _told(job: Job) -> None:
    if job.active:
        show_line(job, "uploaded")
    elif job.status == "done" and job.result:
        st.markdown(f":green[:material/cloud_done:] Uploaded: {job.result['commit']}")
    else:
        st.markdown(f":red[:material/error:] {job.error or 'The upload was cancelled.'}")


def latest_upload(folder: Path) -> Job | None:
    """The latest upload of this export that was started here, however it ended."""
    jobs = [job for job in queue().list() if job.kind == "push" and str(folder) in job.argv]
    return max(jobs, key=lambda job: job.created, default=None)


def _logged_in() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None
