"""The exported sub-models of the workspace: what each is, whether it holds its word, download."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import label
from pages.ui.downloads import PACKED_AT_ONCE, archive_path, is_packed, link
from pages.ui.frame import sentences
from pages.ui.job_view import show_line
from pages.ui.library import queue, workspace
from pages.ui.publishing import latest_upload, publishing
from pages.ui.words import ago, listing, size
from pruning.exports.gguf.running import run_lines
from pruning.jobs.queue import Job

if TYPE_CHECKING:
    from pruning.exports.record import GgufRecord, Record

FOR = {
    "mixture": "for {}",
    "union": "what any of {} needs",
    "intersection": "what all of {} need",
    "removal": "without what only {} needs",
}


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
        with st.container(border=True), sentences():  # one that is damaged hides no other
            _export(folder)


def _export(folder: Path) -> None:
    record = _record(folder)
    checked = _verification(folder)
    left, right = st.columns([1, 1], gap="medium", vertical_alignment="center")
    with left:
        st.markdown(f"**{folder.name}**")
        st.caption(_summary(folder, record))
        if checked is not None:
            _checked(checked)
    with right.container(horizontal=True, horizontal_alignment="right"):
        _download(folder)
        if st.button(
            "Verify",
            key=f"verify-{folder.name}",
            icon=":material/fact_check:",
            disabled=checked is not None and checked.active,
        ):
            _verify(folder)
            st.rerun()
        with st.popover("", icon=":material/delete:", help="Delete this export"):
            st.markdown(f"Delete **{folder.name}** for good?")
            if st.button("Delete", type="primary", key=f"delete-{folder.name}"):
                archive_path(folder).unlink(missing_ok=True)
                shutil.rmtree(folder)
                st.rerun()
    left, right = st.columns(2, gap="medium")
    with left.expander("How to load it", icon=":material/code:"):
        _how_to_load(folder, record)
    with right.expander(
        "Publish it on the Hugging Face hub",
        icon=":material/cloud_upload:",
        expanded=latest_upload(folder) is not None,
    ):
        publishing(folder)


def _how_to_load(folder: Path, record: Record) -> None:
    if record.gguf is not None:
        _how_to_run(folder, record.gguf)
        return
    source = folder.name
    if record.form != "plain":
        source = f"{folder.name}-plain"
        st.code(f"python -m pruning decompress {folder.name} --out {source}", language="sh")
    st.code(
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'model = AutoModelForCausalLM.from_pretrained("{source}")\n'
        f'tokenizer = AutoTokenizer.from_pretrained("{source}")',
        language="python",
    )


def _how_to_run(folder: Path, file: GgufRecord) -> None:
    """The lines for llama.cpp and Ollama, and what Ollama reads."""
    chat = "TEMPLATE" not in (folder / "Modelfile").read_text(encoding="utf-8")
    st.code("\n".join(run_lines(folder.name, file.file, chat)), language="sh", wrap_lines=True)
    st.caption("The Modelfile that Ollama reads is in the folder:")
    st.code((folder / "Modelfile").read_text(encoding="utf-8"), language="docker")


def _download(folder: Path) -> None:
    """The download; of a large sub-model, its archive is packed first, as a job."""
    if is_packed(folder) or _stored(folder) <= PACKED_AT_ONCE:
        st.link_button("Download", link(folder.name), type="primary", icon=":material/download:")
        return
    job = _latest("archive", folder)
    if job is not None and job.active:
        show_line(job, "packed")
        return
    if job is not None and job.error:
        st.markdown(f":red[:material/error:] {job.error}")
    if st.button("Prepare the download", key=f"pack-{folder.name}", icon=":material/folder_zip:"):
        argv = ["-m", "pruning", "archive", str(folder), "--out", str(archive_path(folder))]
        queue().submit("archive", f"Packing {folder.name}", [*argv, "--json"])
        st.rerun()


def _stored(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@st.cache_resource(max_entries=64, show_spinner=False)
def _read_record(path: str, changed: float) -> Record:
    from pruning.exports.record import read_record  # brings libraries along

    return read_record(Path(path))


def _record(folder: Path) -> Record:
    return _read_record(str(folder), (folder / "submodel.json").stat().st_mtime)


def _summary(folder: Path, record: Record) -> str:
    spec = record.spec
    names = [
        label(name) if weight == 1 else f"{label(name)} × {weight:g}"
        for name, weight in spec.mixture
    ]
    pattern = "" if spec.prune.block is None else f" {spec.prune.pattern}"
    parts = [FOR[spec.combination].format(listing(names, 8))]
    if record.narrowing is not None:
        gone = 1 - record.parameters / record.narrowing.base_parameters
        parts.append(f"{gone:.0%} of the parameters gone")
    if record.narrowing is None or record.pruned:
        pruned = f"{record.sparsity:.0%} of the model pruned{pattern}"
        parts += [pruned, spec.prune.score, spec.mode]
    if record.gguf is not None:
        parts.append(f"GGUF in {record.gguf.quant}")
    elif record.form != "plain":
        parts.append("stored small")
    return " · ".join([*parts, size(_stored(folder)), ago(folder.stat().st_mtime)])


def _checked(job: Job) -> None:
    """How a verification ended, or that it is still to end."""
    if job.active:
        show_line(job, "verified")
        return
    result = job.result or {}
    checks = result.get("checks", [])
    good = [check for check in checks if check["ok"]]
    passed = f"{len(good)} of {len(checks)} checks passed."
    if job.status == "done" and result.get("ok") is True:
        words = f":green[:material/verified:] Verified: {passed}"
    elif job.status == "cancelled":
        words = ":material/cancel: The verification was cancelled."
    else:
        reason = job.error or f"Not verified: {passed}"
        words = f":red[:material/gpp_bad:] {reason}"
    st.markdown(words)
    if checks:
        with st.popover("What was checked", type="tertiary"):
            for check in checks:
                mark = ":green[:material/check:]" if check["ok"] else ":red[:material/close:]"
                st.markdown(f"{mark} **{check['name']}** \n{check['detail']}")


def _verify(folder: Path) -> None:
    argv = ["-m", "pruning", "verify", str(folder), "--json"]
    queue().submit("verify", f"Verifying {folder.name}", argv)


def _verification(folder: Path) -> Job | None:
    """The latest verification of this very folder."""
    return _latest("verify", folder)


def _latest(kind: str, folder: Path) -> Job | None:
    """The latest job of this kind on this very folder."""
    jobs = [
        job
        for job in queue().list()
        if job.kind == kind
        and str(folder) in job.argv
        and job.created >= folder.stat().st_mtime - 1
    ]
    return max(jobs, key=lambda job: job.created, default=None)
