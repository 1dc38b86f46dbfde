"""Which model: the demo, one from the hub, a folder here; and what is known before loading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.state import choose, switch, write
from pages.ui.warm import wait_for
from pages.ui.words import count, size
from pruning.specs import ModelSpec

if TYPE_CHECKING:
    from pruning.models.inspection import ModelReport

SOURCES = {"demo": "Demo model", "hub": "Hub", "folder": "Folder"}
CHECKED_FOR = 60  # seconds that a look at a model stays good: free memory changes


def choose_model() -> tuple[str, str | None] | None:
    """(source, revision); None while nothing is named yet."""
    kind = switch(
        "Where the model is",
        list(SOURCES),
        "from",
        format_func=SOURCES.__getitem__,
        help="The demo model is built in. Hub: a model id of huggingface.co. Folder: on the "
        "machine that runs this app.",
    )
    if kind == "demo":
        return "demo", None
    if kind == "folder":
        source = write(
            "Model folder",
            "folder",
            placeholder="/models/Llama-3.2-1B",
            help="A folder on the machine that runs this app, as `save_pretrained` writes it: "
            "config.json, safetensors files and the tokenizer.",
        )
        return (source, None) if source else None
    left, right = st.columns([3, 2], gap="medium")
    with left:
        source = write(
            "Model id",
            "model",
            placeholder="Qwen/Qwen3-0.6B",
            help="As on huggingface.co. Nothing is downloaded before you start.",
        )
    with right:
        revision = write(
            "Revision",
            "revision",
            placeholder="main",
            help="A branch, tag or commit. Empty: the newest version; its commit is kept with the "
            "run.",
        )
    return (source, revision or None) if source else None


def look_at(source: str, revision: str | None) -> ModelReport:
    """What is known of the model; raises InputError for one that is not there."""
    wait_for("models")
    with st.spinner("Looking at the model"):
        return _inspect(source, revision)


@st.cache_resource(ttl=CHECKED_FOR, max_entries=32, show_spinner=False)
def _inspect(source: str, revision: str | None) -> ModelReport:
    from pruning.models.inspection import inspect_model

    return inspect_model(source, revision)


def describe(report: ModelReport) -> bool:
    """What is known before loading, and every reason against it; whether it can be used."""
    facts = [
        report.architecture or "unknown architecture",
        f"{count(report.parameters)} parameters" if report.parameters else "size unknown",
        f"{report.num_layers} decoder layers" if report.num_layers else "",
        f"{count(report.prunable_parameters)} prunable" if report.shapes else "",
        f"{size(report.checkpoint_bytes)} on disk" if report.checkpoint_bytes else "",
        f"stored as {report.checkpoint_dtype}" if report.checkpoint_dtype else "",
    ]
    st.caption(" · ".join(fact for fact in facts if fact))
    if report.download_bytes:
        st.caption(
            f":material/cloud_download: {size(report.download_bytes)} will be downloaded; "
            f"{size(report.free_disk_bytes)} are free on the disk."
        )
    if report.gated:
        st.warning(
            "This model is gated: accept its licence on huggingface.co and give this server a "
            "token (`hf auth login`) before you start.",
            icon=":material/lock:",
        )
    for problem in report.problems:
        st.error(problem, icon=":material/block:")
    return not report.problems


def choose_precision(report: ModelReport | None) -> tuple[str | None, str]:
    """(dtype, device) for loading; None lets the library decide."""
    left, right = st.columns(2, gap="medium")
    with left:
        dtype = choose(
            "Precision",
            ("automatic", "float32", "bfloat16", "float16"),
            "dtype",
            help="Automatic: float32 on a CPU, the checkpoint's own on a GPU. A CPU without "
            "bfloat16 arithmetic emulates it, several times slower. The sums themselves are always "
            "kept in float64.",
        )
    with right:
        device = choose(
            "Device",
            ("auto", "cpu", "cuda"),
            "device",
            help="Auto takes a GPU where there is one.",
        )
    return (None if dtype == "automatic" else dtype), device


def memory_note(report: ModelReport, spec: ModelSpec) -> None:
    """How the weights will be held: in memory, or, where they do not fit, streamed from disk."""
    on_gpu = spec.device.startswith("cuda") or (
        spec.device == "auto" and report.free_gpu_bytes is not None
    )
    if not report.parameters:
        return
    if report.fits_memory(spec.dtype, "cuda" if on_gpu else "cpu"):
        st.caption("The model fits into memory and will be read as a whole.")
        return
    free = report.free_gpu_bytes if on_gpu else report.free_memory_bytes
    spread = "spread over all GPUs if that suffices, else " if on_gpu else ""
    st.info(
        f"The weights take {size(report.memory_bytes(spec.dtype))} in {spec.dtype or 'float32'}, "
        f"and {size(free or 0)} are free now. So they will be {spread}read from disk layer by "
        "layer: the result is the same, and it takes longer.",
        icon=":material/memory:",
    )
