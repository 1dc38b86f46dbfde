"""Calibrate: choose a model, domains and how much text; start; see it run; find earlier runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.figures.domains import label
from pages.ui import estimate
from pages.ui.domain_choice import choose_domains
from pages.ui.frame import title
from pages.ui.job_view import followed, show_job, submit
from pages.ui.library import finished_runs
from pages.ui.model_choice import (
    choose_model,
    choose_precision,
    describe,
    look_at,
    memory_note,
)
from pages.ui.runs_list import open_links, runs_list
from pages.ui.state import choose_many, number
from pages.ui.words import count, duration, explain, listing, size
from pruning.errors import InputError
from pruning.jobs.queue import Job
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, SampleSpec

if TYPE_CHECKING:
    from pruning.models.inspection import ModelReport
    from pruning.runs.run import Run


def draw() -> None:
    """The whole page."""
    title(
        "Calibrate",
        "Read some text of each domain with the unchanged model and note how loud every input "
        "channel is. Everything else in this atlas is arithmetic on these notes.",
    )
    job = followed("calibrate")
    if job is not None:
        show_job(job, _done, _failed)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("1 · Model", anchor=False)
        chosen = choose_model()
        report = None
        usable = False
        if chosen is not None:
            try:
                report = look_at(*chosen)
            except InputError as error:
                st.error(str(error), icon=":material/block:")
            else:
                usable = describe(report)
        st.subheader("2 · Domains", anchor=False)
        domains = choose_domains()
        st.subheader("3 · How much text", anchor=False)
        sample = _choose_sample()
        with st.expander("Advanced: layers, precision, batches, seed", icon=":material/tune:"):
            more = _choose_more(report, sample)
    with right, st.container(border=True):
        st.subheader("Ready?", anchor=False)
        _start(chosen, report, usable, domains, more, busy=job is not None and job.active)
    runs_list(_go_on)


def _choose_sample() -> tuple[int, int]:
    """Sequences of each domain, and tokens in a sequence."""
    left, right = st.columns(2, gap="medium")
    with left:
        samples = number(
            "Sequences of each domain",
            "samples",
            128,
            1,
            100_000,
            help="128 is what the Wanda paper uses. More text makes the masks steadier.",
        )
    with right:
        length = number(
            "Tokens in a sequence",
            "length",
            512,
            2,
            131_072,
            help="Whole documents are packed into sequences of this length.",
        )
    return samples, length


def _choose_more(report: ModelReport | None, sample: tuple[int, int]) -> dict[str, Any]:
    """The choices that most people leave alone."""
    left, right = st.columns(2, gap="medium")
    most, length = sample
    with left:
        groups = number(
            "Groups of documents",
            "groups",
            min(16, most),
            1,
            most,
            help=explain("Group of documents"),
        )
    with right:
        seed = number(
            "Seed", "seed", 0, 0, 2**31 - 1, help="The same seed draws the same documents."
        )
    layers = projections = None
    if report is not None and report.num_layers:
        layers = choose_many(
            "Decoder layers",
            range(report.num_layers),
            "only_layers",
            placeholder="all layers",
            help="Only these layers' sums are kept. Leave it empty for all.",
        )
        projections = choose_many(
            "Projections",
            report.projections,
            "only_projections",
            placeholder="all projections",
            help=explain("Projection"),
        )
    dtype, device = choose_precision(report)
    batch = number(
        "Sequences in a batch",
        "batch",
        0,
        0,
        4096,
        help="0: as many as are sensible for the device. The result does not depend on it beyond "
        "rounding.",
    )
    return {
        "sample": SampleSpec(num_samples=most, seq_len=length, groups=groups, seed=seed),
        "layers": tuple(layers) if layers else None,
        "projections": tuple(projections) if projections else None,
        "dtype": dtype,
        "device": device,
        "batch_size": batch or None,
    }


def _start(
    chosen: tuple[str, str | None] | None,
    report: ModelReport | None,
    usable: bool,
    domains: list[DomainSpec],
    more: dict[str, Any],
    busy: bool,
) -> None:
    """The summary, the estimate and the button."""
    if chosen is None:
        st.caption("Name a model first.")
    if not domains:
        st.caption("Choose at least one domain.")
    elif len(domains) == 1:
        st.caption("One domain makes a sub-model; choose two or more to compare them.")
    if chosen is not None and report is not None and domains:
        model = ModelSpec(
            source=chosen[0], revision=chosen[1], dtype=more["dtype"], device=more["device"]
        )
        _show_estimate(report, model, domains, more)
        memory_note(report, model)
    ready = usable and bool(domains) and not busy
    if st.button(
        "Start calibration",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not ready,
        width="stretch",
    ):
        rest = ("sample", "layers", "projections", "batch_size")
        spec = CalibrationSpec(
            model=model, domains=tuple(domains), **{name: more[name] for name in rest}
        )
        _submit(spec)
    if busy:
        st.caption("The calibration above is still at work; cancel or hide it to start another.")
    st.caption("It runs in the background: you may leave this page, reload it or close it.")


def _show_estimate(
    report: ModelReport, model: ModelSpec, domains: list[DomainSpec], more: dict[str, Any]
) -> None:
    sample: SampleSpec = more["sample"]
    tokens = len(domains) * sample.num_samples * sample.seq_len
    device = "cuda" if model.device != "cpu" and report.free_gpu_bytes is not None else "cpu"
    parameters = report.parameters or report.prunable_parameters
    speed = estimate.measured_speed(finished_runs(), device)
    seconds = estimate.seconds(parameters, tokens, device, speed)
    sequences = more["batch_size"] or sample.sequences_per_batch(device)
    needed = estimate.memory(
        report.memory_bytes(model.dtype), report.hidden_size or 0, sequences * sample.seq_len
    )
    names = listing([label(domain.name) for domain in domains], 8)
    st.markdown(f"**{names}**")
    st.caption(f"{sample.num_samples} × {sample.seq_len} tokens each, {count(tokens)} in all")
    left, right = st.columns(2)
    left.metric("Time, about", duration(seconds), help=estimate.FORMULA)
    right.metric("Memory, about", size(needed), help=estimate.FORMULA)


def _submit(spec: CalibrationSpec) -> None:
    source = "the demo model" if spec.model.source == "demo" else spec.model.source
    submit("calibrate", f"Calibrating {source}", ["pruning", "calibrate"], spec.to_json())


def _go_on(run: Run) -> None:
    _submit(run.spec)


def _done(job: Job) -> None:
    if not job.result:
        return
    with st.container(horizontal=True):
        open_links(job.result["run"], first=True)


def _failed(job: Job) -> None:
    """Too little text: offer to go on with what there is."""
    trouble = job.error_details or {}
    if not trouble.get("available"):
        return
    st.caption(f"There is text for {trouble['available']} of {trouble['needed']} sequences.")
    if st.button("Go on with fewer", type="primary", icon=":material/play_arrow:"):
        data = json.loads((job.folder / "spec.json").read_text())
        data["sample"]["allow_fewer"] = True
        _submit(CalibrationSpec.from_json(data))


draw()
