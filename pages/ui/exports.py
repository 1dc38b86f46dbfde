"""The exported sub-models of the workspace: what each is, whether it holds its word, download."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import streamlit as st

from analysis.figures.domains import label
from pages.ui.downloads import archive_path, link
from pages.ui.library import queue, workspace
from pages.ui.words import ago, listing, size
from pruning.jobs.queue import Job


def verify_after(path: str) -> None:
    """Have a freshly built export verified, once."""
    folder = Path(path)
    if folder.is_dir() and _verification(folder) is None:
        _verify(folder)
    st.caption("It is listed below, where it can be downloaded.")


def exports_list() -> None:
    """Every export, the newest first."""
    st.header("Sub-models in this workspace", anchor=False)
    folders = workspace().exports()
    if not folders:
        st.caption("None yet. Build one above; it appears here, and can be downloaded.")
    for folder in folders:
        with st.container(border=True):
            _export(folder)


def _export(folder: Path) -> None:
    record = _record(folder)
    left, right = st.columns([1, 1], gap="medium", vertical_alignment="center")
    with left:
        st.markdown(f"**{folder.name}**")
        st.caption(_summary(folder, record))
        _checked(folder)
    with right.container(horizontal=True, horizontal_alignment="right"):
        st.link_button("Download", link(folder.name), type="primary", icon=":material/download:")
        if st.button("Verify", key=f"verify-{folder.name}", icon=":material/fact_check:"):
            _verify(folder)
            st.rerun()
        with st.popover("", icon=":material/delete:", help="Delete this export"):
            st.markdown(f"Delete **{folder.name}** for good?")
            if st.button("Delete", type="primary", key=f"delete-{folder.name}"):
                archive_path(folder).unlink(missing_ok=True)
                shutil.rmtree(folder)
                st.rerun()
    with st.expander("How to load it", icon=":material/code:"):
        st.code(
            "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
            f'model = AutoModelForCausalLM.from_pretrained("{folder.name}")\n'
            f'tokenizer = AutoTokenizer.from_pretrained("{folder.name}")',
            language="python",
        )


@st.cache_data(max_entries=256, show_spinner=False)
def _read_record(path: str, changed: float) -> dict[str, Any]:
    record = json.loads(Path(path).read_text(encoding="utf-8"))
    return {key: value for key, value in record.items() if key not in ("tensors", "files")}


def _record(folder: Path) -> dict[str, Any]:
    path = folder / "submodel.json"
    try:
        return _read_record(str(path), path.stat().st_mtime)
    except (OSError, ValueError):
        return {}


def _summary(folder: Path, record: dict[str, Any]) -> str:
    stored = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    parts = []
    spec = record.get("export", {})
    if spec:
        names = [
            label(name) if weight == 1 else f"{label(name)} × {weight:g}"
            for name, weight in spec["mixture"]
        ]
        prune = spec["prune"]
        pattern = "" if prune["pattern"] == "unstructured" else f" {prune['pattern']}"
        parts = [
            f"for {listing(names, 8)}",
            f"{prune['sparsity']:.0%} pruned{pattern}",
            prune["score"],
            spec["mode"],
        ]
    return " · ".join([*parts, size(stored), ago(folder.stat().st_mtime)])


def _checked(folder: Path) -> None:
    job = _verification(folder)
    if job is None:
        return
    if job.active:
        st.fragment(_wait, run_every=1.0)(job.id)
        return
    checks = (job.result or {}).get("checks", [])
    good = [check for check in checks if check["ok"]]
    if job.status == "done":
        words = f":green[:material/verified:] Verified: {len(good)} of {len(checks)} checks passed."
    else:
        words = f":red[:material/gpp_bad:] {job.error or 'Not verified.'}"
    st.markdown(words)
    if checks:
        with st.popover("What was checked", type="tertiary"):
            for check in checks:
                mark = ":green[:material/check:]" if check["ok"] else ":red[:material/close:]"
                st.markdown(f"{mark} **{check['name']}** \n{check['detail']}")


def _wait(identifier: str) -> None:
    job = queue().get(identifier)
    if not job.active:
        st.rerun()
    where = "Waiting to be verified" if job.status == "queued" else "Verifying"
    done = ""
    if job.progress and job.progress.total:
        done = f" · {job.progress.done / job.progress.total:.0%}"
    st.caption(f":material/progress_activity: {where}{done}")


def _verify(folder: Path) -> None:
    argv = ["-m", "pruning", "verify", str(folder), "--json"]
    queue().submit("verify", f"Verifying {folder.name}", argv)


def _verification(folder: Path) -> Job | None:
    """The latest verification of this very folder."""
    jobs = [
        job
        for job in queue().list()
        if job.kind == "verify"
        and str(folder) in job.argv
        and job.created >= folder.stat().st_mtime - 1
    ]
    return max(jobs, key=lambda job: job.created, default=None)
