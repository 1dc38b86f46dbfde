"""Export: a domain's sub-model as a folder that transformers loads, checked and ready to download."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from analysis.captions import model_name
from analysis.figures.overlap import layer_heatmap
from pages.ui.charts import show, style
from pages.ui.choices import DEMO, choose_parts, choose_pruning, choose_run
from pages.ui.export_choice import choose_domains, choose_repair, repair_cost
from pages.ui.export_form import Form, choose_form, state_costs
from pages.ui.exports import exports_list, verify_after
from pages.ui.frame import sentences, title
from pages.ui.job_view import followed, show_followed, show_job, submit
from pages.ui.library import finished_runs, workspace
from pages.ui.removal_choice import choose_removal, narrow_preview
from pages.ui.state import switch
from pages.ui.words import count, explain, glossary, size
from pruning.commands.submodel_choice import choice_flags
from pruning.errors import InputError
from pruning.jobs.queue import Job
from pruning.specs import MODES, ExportSpec, PruneSpec
from pruning.specs.narrowing import removal_text

if TYPE_CHECKING:
    from pruning.exports.planning import ExportPlan
    from pruning.runs.run import Run

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def draw() -> None:
    """The whole page."""
    title(
        "Export",
        "Walk away with the sub-model: pruned weights set to zero, or whole parts gone, everything "
        "else untouched, as a folder that transformers loads.",
    )
    job = followed("export")
    if job is not None:
        show_job(job, _built)
    if workspace().exports() and not finished_runs():  # then the page ends with the next line
        exports_list()
    run = choose_run()
    with sentences():
        _make(run, busy=job is not None and job.active)
    exports_list()


def _make(run: Run, *, busy: bool) -> None:
    """The choice of a sub-model, what it will look like, and the button that builds it."""
    with st.container(border=True):
        mixture, combination = choose_domains(run)
        narrow = choose_removal() if combination == "mixture" else None
        mode, repair, prune = "one-shot", "none", PruneSpec(sparsity=0.0)
        if narrow is None:
            prune = choose_pruning(run)
            if combination == "mixture":
                how = explain("One-shot and sequential")
                mode = switch("How to prune", MODES, "mode", help=how)
            repair = choose_repair(combination, prune)
            prune = choose_parts(run, prune)
        form = choose_form(narrow=narrow is not None)
    from pruning.exports.planning import plan_export

    spec = ExportSpec(
        run=run.id,
        mixture=tuple(mixture.items()),
        prune=prune,
        mode=mode,
        combination=combination,
        repair=repair,
        narrow=narrow,
    )
    if narrow is not None or _counted(run, spec):
        with st.spinner("Counting"):
            plan = plan_export(run, spec)
        if plan.narrow is not None:
            narrow_preview(plan, plan.narrow)
        else:
            _preview(plan, spec, form)
        _build(run, spec, form, busy)


def _counted(run: Run, spec: ExportSpec) -> bool:
    """Whether the sub-model's size is known or quickly found; else offer to count it as a job."""
    from pruning.repair.recipe import recipe_of

    job = show_followed("plan")
    if recipe_of(run, spec).is_quick:
        return True
    if job is None or not job.active:
        st.info(
            "How many weights this keeps follows from the masks themselves, which takes a while "
            "for a model of this size. Count them once; the result is kept with the run.",
            icon=":material/hourglass_top:",
        )
        if st.button("Count the weights", type="primary", icon=":material/play_arrow:"):
            submit("plan", "Counting the sub-model", ["pruning", "plan"], spec.to_json())
    return False


def _preview(plan: ExportPlan, spec: ExportSpec, form: Form) -> None:
    from pruning.masks.starved import left_dense_sentence

    st.header("What it will look like", anchor=False)
    if spec.combination != "mixture":
        st.markdown(
            f"Every domain's own mask prunes {spec.prune.sparsity:.0%}. Combined, "
            f"**{plan.prunable_sparsity:.1%}** of the chosen weights are pruned: that follows from "
            "how much the masks overlap."
        )
    if spec.prune.block is not None and not spec.holds_pattern:
        st.warning(
            f"Combined like this, the masks no longer keep the pattern {spec.prune.pattern}, so "
            "that hardware made for it will not run the sub-model faster.",
            icon=":material/grid_off:",
        )
    left_dense = left_dense_sentence([weight.key for weight in plan.left_dense])
    if left_dense:
        st.caption(left_dense)
    columns = st.columns(4, gap="small")
    columns[0].metric(
        "Parameters kept",
        count(plan.kept),
        f"of {count(plan.parameters)}",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    columns[1].metric(
        "Chosen weights pruned",
        f"{plan.prunable_sparsity:.1%}",
        f"{count(plan.pruned)} set to zero",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    columns[2].metric(
        "Sparsity of the whole model",
        f"{plan.sparsity:.1%}",
        "embeddings stay whole",
        delta_color="off",
        delta_arrow="off",
        border=True,
    )
    columns[3].metric(
        "Size on disk",
        size(form.bytes(plan)),
        f"{form.bytes(plan) / plan.bytes:.0%} of {size(plan.bytes)} dense",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="Of the weights, in the form that is chosen. The table below has the other forms.",
    )
    state_costs(plan, form)
    with st.expander("Sparsity in every layer and projection", icon=":material/grid_on:"):
        _sparsity_in_parts(plan)
    glossary("Sparsity", "Mask", "One-shot and sequential", "Pattern")


def _sparsity_in_parts(plan: ExportPlan) -> None:
    """How much is pruned of every projection of every layer."""
    layers = sorted({weight.layer for weight in plan.weights})
    projections = list(dict.fromkeys(weight.projection for weight in plan.weights))
    pruned = np.zeros((len(layers), len(projections)))
    total = np.zeros_like(pruned)
    for weight in plan.weights:
        cell = layers.index(weight.layer), projections.index(weight.projection)
        pruned[cell] += weight.pruned
        total[cell] += weight.pruned + weight.kept
    with np.errstate(invalid="ignore"):
        share = np.where(total > 0, pruned / total, np.nan)
    chart = layer_heatmap(layers, projections, share, style(), "sparsity", "sparsity", ".1%")
    show(chart, "planned-sparsity")


def _build(run: Run, spec: ExportSpec, form: Form, busy: bool) -> None:
    proposed = _free_name(run, spec)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    name = left.text_input(
        "Name", value=proposed, help="The folder's name in this workspace.", key=f"name-{proposed}"
    ).strip()
    cost = repair_cost(run, spec)
    if cost:
        st.caption(cost)
    if right.button(
        "Build the sub-model",
        type="primary",
        icon=":material/construction:",
        disabled=busy,
        width="stretch",
    ):
        if not NAME.fullmatch(name):
            raise InputError("A name has 1 to 80 letters, digits, '.', '_' or '-'.")
        folder = workspace().exports_folder / name
        if folder.exists():
            raise InputError(f"There is an export named {name} already; choose another name.")
        argv = ["pruning", "export", "--out", str(folder), *form.flags]
        submit("export", f"Building {name}", argv, spec.to_json())
    with st.expander("The same on the command line", icon=":material/terminal:"):
        flags = [*choice_flags(spec), *form.flags, "--out", f"exports/{name}"]
        words = ["python", "-m", "pruning", "export", *flags]
        st.code(shlex.join(words), language="sh", wrap_lines=True)


def _free_name(run: Run, spec: ExportSpec) -> str:
    pattern = spec.prune.pattern.replace(":", "of")
    amount = f"{spec.prune.sparsity:.0%}".rstrip("%") if pattern == "unstructured" else pattern
    if spec.narrow is not None:
        amount = re.sub(r"[=,]", "-", removal_text(spec.narrow, weights=False))
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", model_name(run, DEMO).lower())
    domains = "-".join(spec.domains)
    how = "" if spec.combination == "mixture" else f"{spec.combination}-"
    repaired = "" if spec.repair == "none" else f"-{spec.repair}"
    stem = f"{base}-{how}{domains}-{amount}{repaired}"[:70]
    taken = {folder.name for folder in workspace().exports_folder.iterdir()}
    names = [stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _built(job: Job) -> None:
    if job.result:
        verify_after(job.result["path"])


draw()
