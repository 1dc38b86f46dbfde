"""Playground: one prompt, the dense model and up to three sub-models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analysis.figures.domains import colours, label
from analysis.playground.records import GenerationSpec, SubModel
from pages.ui.charts import style
from pages.ui.choices import SCORE_NAMES, choose_run
from pages.ui.frame import sentences, title
from pages.ui.playground_choices import choose_prompt, choose_sampling, choose_submodels
from pages.ui.playground_live import ask, followed, show
from pages.ui.playground_programs import programs_section
from pages.ui.playground_view import Column, grid, legend, sheet, tokens_csv
from pages.ui.words import glossary, listing
from pruning.specs import NONE

if TYPE_CHECKING:
    from analysis.playground.client import Generation
    from analysis.playground.prompts import Prompt


def draw() -> None:
    """The whole page."""
    title(
        "Playground",
        "One prompt, continued by the dense model and by its sub-models. See where they stop "
        "saying the same, and how sure each was of every token.",
    )
    run = choose_run()
    found = followed()
    with st.container(border=True):
        text, tasks = choose_prompt(run, found.spec.prompt if found else None)
    with st.container(border=True):
        submodels = choose_submodels(run)
        sampling = choose_sampling()
    st.html(sheet(style(), len(found.passages) if found else 1))
    with sentences():
        if st.button("Write", type="primary", icon=":material/edit_note:", key="write"):
            task = _task_of(text, tasks)
            spec = GenerationSpec(
                run=run.id,
                prompt=text,
                submodels=submodels,
                sampling=sampling,
                stops=task.stops if task else (),
            )
            ask(run, spec)
        if found is not None:
            show(found, _passages)
            if not found.active:
                _afterwards(found, _task_of(found.spec.prompt, tasks))
    glossary("Mask", "Sparsity", "Pattern", "Wanda score", "Repair")


def _task_of(text: str, tasks: list[Prompt]) -> Prompt | None:
    """The task whose prompt this text is, if it is one."""
    return next((task for task in tasks if task.text == text), None)


def _columns(found: Generation) -> list[Column]:
    """What stands above each passage."""
    look = style()
    names = dict.fromkeys(name for each in found.spec.submodels for name, _ in each.mixture)
    of_domain = colours(list(names), look)
    return [
        Column(name="Dense", detail="the whole model", colour=look.ink),
        *(
            Column(
                name=listing([label(name) for name, _ in submodel.mixture]),
                detail=_pruned(submodel),
                colour=of_domain[submodel.mixture[0][0]],
            )
            for submodel in found.spec.submodels
        ),
    ]


def _pruned(submodel: SubModel) -> str:
    if submodel.narrow is not None:
        return f"{submodel.narrow.channels:.0%} of channels gone"
    prune = submodel.prune
    amount = f"{prune.sparsity:.0%} pruned" if prune.block is None else f"{prune.pattern} pruned"
    if prune.score != "wanda":
        amount += f", {SCORE_NAMES[prune.score]}"
    return amount if submodel.repair == NONE else f"{amount}, repaired ({submodel.repair})"


def _passages(found: Generation) -> None:
    """The text so far; while a request waits or the model is loaded, nobody writes."""
    writing = None
    if found.active:
        writing = found.writing if found.status == "running" else -1
    st.html(legend())
    st.html(
        grid(_columns(found), found.passages, found.spec.prompt, writing=writing, stage=found.stage)
    )


def _afterwards(found: Generation, task: Prompt | None) -> None:
    """What goes with complete passages: legend, table, the task's answer, running programs."""
    if found.status == "failed":
        st.error(found.failure, icon=":material/error:")
        return
    columns = _columns(found)
    st.caption(
        "Rest the pointer on a token to see its probability and what else was likely. Zeros in a "
        "dense matrix are still computed, also those of channels that are gone, so a sub-model is not "
        "faster here."
    )
    st.download_button(
        "CSV",
        tokens_csv(columns, found.passages),
        file_name="playground-tokens.csv",
        mime="text/csv",
        key="tokens-csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        help="Every token of every passage as a table.",
    )
    if task is None:
        return
    with st.expander("What a right answer looks like", icon=":material/fact_check:"):
        st.code(task.expected.strip("\n"), language=None, wrap_lines=True)
    if task.tests is not None:
        programs_section(found, task, columns)


draw()
