"""Which tasks to measure on, and how programs are drawn, as controls."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.state import choose_many, first_value, keep, number, slide, write
from pruning.errors import InputError

if TYPE_CHECKING:
    from analysis.evaluation.sampling import Sampling
    from analysis.evaluation.tasks import TaskSpec

KS = (1, 2, 5, 10, 25, 50, 100)  # of pass@k
HARNESS_NAME = re.compile(r"[A-Za-z0-9_][\w.:-]*", re.ASCII)


def choose_tasks() -> tuple[tuple[TaskSpec, ...], Sampling, bool]:
    """Sets of tasks beside the built-in ones, how programs are drawn, and whether METEOR is asked."""
    with st.expander("Tasks: how programs are drawn, tasks of your own", icon=":material/tune:"):
        sampling = _choose_sampling()
        sets = (*_choose_files(), *_choose_harness())
        meteor = _choose_meteor()
    return sets, sampling, meteor


def check_files(sets: tuple[TaskSpec, ...]) -> None:
    """InputError for tasks of a file or folder that cannot be read, before a job waits for them.

    What lies on the hub is not fetched for that.
    """
    from analysis.evaluation.program_sources import HUB
    from analysis.evaluation.tasks import HARNESS, load_tasks

    for each in sets:
        if each.kind != HARNESS and not each.source.startswith(HUB):
            load_tasks(each)


def _choose_sampling() -> Sampling:
    """One greedy program a task, or several that are drawn."""
    from analysis.evaluation.sampling import Sampling

    columns = st.columns(4, gap="medium")
    with columns[0]:
        samples = number(
            "Programs a task",
            "task-samples",
            1,
            1,
            200,
            help="One is the model's likeliest program, and gives pass@1. Several are drawn at "
            "random; pass@k is estimated from them without bias (Chen et al. 2021).",
        )
    if samples == 1:
        return Sampling()
    with columns[1]:
        temperature = slide("Temperature", 0.1, 2.0, "task-temperature", 0.8, 0.05)
    with columns[2]:
        top_p = slide("top-p", 0.05, 1.0, "task-top-p", 0.95, 0.01)
    with columns[3]:
        ks = choose_many("k of pass@k", [k for k in KS if k <= samples], "pass-at", (1,))
    return Sampling(
        samples=samples,
        temperature=round(temperature, 4),
        top_p=round(top_p, 4),
        ks=tuple(sorted(ks)),
    )


def _choose_files() -> list[TaskSpec]:
    from analysis.evaluation.tasks import parse_task_file

    lines = st.text_area(
        "Files of tasks, one a line",
        key="task-files",
        height=82,
        placeholder="gsm8k:math=/data/gsm8k.jsonl",
        help="KIND=PATH or NAME:KIND=PATH, JSON Lines on the machine that runs this app; the kinds "
        "are math, choices, translation, programs. Programs may also be hf:ID of the hub, such as "
        "code:programs=hf:openai/openai_humaneval. Under a domain's name, tasks are compared with "
        "that domain's own mask.",
    )
    return [parse_task_file(line.strip()) for line in lines.splitlines() if line.strip()]


def _choose_meteor() -> bool:
    from analysis.evaluation.meteor import is_installed

    there = is_installed()
    first_value("meteor", False)
    asked = st.checkbox(
        "METEOR of translations, beside chrF and BLEU",
        key="meteor",
        bind="query-params",
        disabled=not there,
        help="Words that are the same or have one stem. It needs nltk: "
        "`pip install -r requirements-meteor.txt`.",
    )
    return keep("meteor", asked) and there


def _choose_harness() -> list[TaskSpec]:
    """Tasks of lm-evaluation-harness, where it is installed."""
    from analysis.evaluation.tasks import HARNESS, TaskSpec

    try:
        metadata.version("lm_eval")
    except metadata.PackageNotFoundError:
        st.caption(
            "Tasks of lm-evaluation-harness can be chosen here once it is installed: "
            "`pip install -r requirements-lm-eval.txt`."
        )
        return []
    left, middle, right = st.columns([2, 2, 1], gap="medium")
    with left:
        names = write("Tasks of lm-evaluation-harness", "lm-eval", placeholder="hellaswag boolq")
    with middle:
        folder = write("Folder of harness tasks of your own", "lm-eval-include")
    with right:
        limit = number("Samples of each at most", "lm-eval-limit", 100, 1, 10**6)
    wrong = [name for name in names.split() if not HARNESS_NAME.fullmatch(name)]
    if wrong:
        raise InputError(f"{', '.join(wrong)}: no task of lm-evaluation-harness is called so.")
    return [TaskSpec(name=name, kind=HARNESS, source=folder, count=limit) for name in names.split()]
