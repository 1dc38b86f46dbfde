"""Savings: what pruning buys today on this machine, in bytes and in time, measured."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import label
from analysis.figures.savings import size_chart, speed_chart
from pages.ui.charts import show, style
from pages.ui.choices import choose_pruning, choose_run
from pages.ui.export_choice import choose_repair, repair_cost
from pages.ui.frame import go, sentences, title
from pages.ui.job_view import show_followed, submit
from pages.ui.removal_choice import choose_removal
from pages.ui.state import choose
from pages.ui.words import ago, glossary

if TYPE_CHECKING:
    from analysis.savings.measure import Savings
    from pruning.runs.run import Run
    from pruning.specs import ExportSpec


def draw() -> None:
    """The whole page."""
    title(
        "Savings",
        "What does pruning buy today? Zeros in an ordinary tensor save nothing by themselves, "
        "neither memory nor time. What other forms save on this machine is measured here.",
    )
    run = choose_run()
    job = show_followed("savings")
    with sentences():
        spec = _choose(run)
        _savings(run, spec, busy=job is not None and job.active)


def _choose(run: Run) -> ExportSpec:
    """The sub-model: whose, and what is removed how."""
    from pruning.specs import ExportSpec, PruneSpec

    with st.container(border=True):
        domain = choose("Sub-model for", run.domains, "domain", format_func=label)
        narrow = choose_removal()
        repair, prune = "none", PruneSpec(sparsity=0.0)
        if narrow is None:
            prune = choose_pruning(run)
            repair = choose_repair("mixture", prune)
    return ExportSpec(
        run=run.id, mixture=((domain, 1.0),), prune=prune, repair=repair, narrow=narrow
    )


def _savings(run: Run, spec: ExportSpec, *, busy: bool) -> None:
    """What was measured of it, here or elsewhere, or the offer to do so."""
    from analysis.savings.measure import measured, this_machine

    domain = spec.domains[0]
    found = {
        f"{each.machine['processor']} · {datetime.fromtimestamp(each.created):%Y-%m-%d %H:%M:%S}": each
        for each in measured(run)
        if each.spec == spec.to_json()
    }
    here = this_machine(run)["processor"]
    if all(each.machine["processor"] != here for each in found.values()):
        _offer(run, spec, label(domain), busy=busy)
    _forms()
    if not found:
        return
    name = next(iter(found)) if len(found) == 1 else choose("Measured", list(found), "machine")
    _measured(run, found[name])
    query = {"run": run.id, "for": domain}  # "for" is no Python name
    go("pages/export.py", "Export this sub-model", ":material/ios_share:", first=False, **query)


def _offer(run: Run, spec: ExportSpec, domain: str, *, busy: bool) -> None:
    """The button that measures a sub-model on this machine."""
    st.info(
        "This sub-model was not measured on this machine yet. The demo model takes about a minute; "
        "every form is written to a temporary folder and removed again.",
        icon=":material/timer:",
    )
    cost = repair_cost(run, spec)
    if cost:
        st.caption(cost)
    if spec.narrow is not None:
        st.caption(
            "To make it, the run's text passes through the model again, which takes about as long "
            "as calibrating this domain three times."
        )
    if st.button("Measure it", type="primary", icon=":material/timer:", disabled=busy):
        argv = ["analysis", "savings"]
        submit("savings", f"Measuring the sub-model for {domain}", argv, spec.to_json())


def _measured(run: Run, found: Savings) -> None:
    machine = found.machine
    st.caption(
        f"Measured {ago(found.created)} on {machine['processor']}, {machine['threads']} of "
        f"{machine['processors']} processors, PyTorch {machine['torch']}. Other work on the "
        "machine at that time slows all of it."
    )
    st.markdown(_in_words(found))
    look, name = style(), f"{run.id}-{found.created:.0f}"
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("On disk", anchor=False)
        show(size_chart(found.disk, "on disk", look), f"disk-{name}")
        st.subheader("In memory", anchor=False)
        show(size_chart(found.memory, "in memory", look), f"memory-{name}")
    with right:
        for what, heading in (("read", "Reading a prompt"), ("write", "Writing token by token")):
            st.subheader(heading, anchor=False)
            medians = {way: found.median(way, what) for way in found.speed}
            speeds = {way: found.speed[way][what] for way in found.speed}
            show(speed_chart(medians, speeds, look), f"{what}-{name}")
    st.caption(
        f"Prompt: {found.work['prompt']} tokens, then {found.work['new']} more. Bars are the "
        f"median of {found.work['repeats']} rounds, whiskers the slowest and the fastest."
    )
    for way, why in found.missing.items():
        st.caption(f"**{way}** was not measured: {why}")
    glossary("Sparsity", "Mask", "Pattern")


def _in_words(found: Savings) -> str:
    if "parts removed" in found.disk:
        return _narrowed_in_words(found)
    small = found.disk["bit masks"] / found.disk["dense"]
    masked = found.beside_dense("masked", "write")
    lines = [
        f"Stored as bit masks and kept values, the weight files have **{small:.0%}** of their "
        "size. With zeros written like other numbers they are as large as before.",
        "In memory a zero takes as much room as any other number, and nothing is skipped: with zeros "
        f"in dense matrices the model wrote at **{masked:.0%}** of the dense model's speed. Where the "
        "whiskers overlap, that may be chance.",
    ]
    if "sparse rows" in found.speed:
        sparse = found.beside_dense("sparse rows", "write")
        memory = found.memory["sparse rows"] / found.memory["dense"]
        lines.append(
            "As PyTorch's compressed sparse rows, in which every kept value carries the number of "
            f"its column, it needs **{memory:.0%}** of the memory and writes at **{sparse:.0%}** of "
            "the dense model's speed."
        )
    return "\n\n".join(lines)


def _narrowed_in_words(found: Savings) -> str:
    disk = found.disk["parts removed"] / found.disk["dense"]
    memory = found.memory["parts removed"] / found.memory["dense"]
    speeds = [found.beside_dense("parts removed", what) for what in ("read", "write")]
    return (
        "With whole parts removed it is an ordinary, smaller model, which `transformers` loads as it "
        f"is: **{disk:.0%}** of the weight files' bytes and **{memory:.0%}** of the memory. It read at "
        f"**{speeds[0]:.2f}** and wrote at **{speeds[1]:.2f}** times the dense model's speed of the "
        "same round (median). Where the whiskers overlap, that may be chance."
    )


def _forms() -> None:
    """Which form saves what, in general."""
    with st.expander("Which form saves what", icon=":material/table:"):
        st.markdown(
            "| | bytes | memory | time |\n|---|---|---|---|\n"
            "| zeros, repaired or not, in plain files | no | no | no |\n"
            "| the same stored small | yes | no: made plain again before use | no |\n"
            "| whole parts removed | yes | yes | less to compute; measure it here |\n"
            "| GGUF in q8_0 or q4_0, of any of them | yes | yes | the format's and the machine's |\n\n"
            "A repair changes what a sub-model can do, not its bytes. GGUF files and quality beside "
            "bytes are measured by `python -m bench runtimes`, the narrowed sub-model as the draft of "
            "the dense one by `python -m analysis speculative`; docs/RESULTS.md tells what was "
            "measured of the demo model, and what was not."
        )


draw()
