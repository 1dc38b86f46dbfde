"""Whether what was measured is held out from calibration, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluation.tasks import TaskSpec

TASKS_HELD_OUT = "Tasks are held out by meaning: no calibration text shares one."
NOT_COMPARED = "Own files and lm-eval tasks are not compared with the calibration text."


def are_held_out(tasks: Iterable[TaskSpec]) -> bool:
    """Whether all sets of tasks are built in; no others are compared with the calibration text."""
    from analysis.evaluation.tasks import BUILT_IN  # brings all texts along

    return all(each.source == BUILT_IN for each in tasks)


def about_tasks(tasks: Iterable[TaskSpec]) -> str:
    """Whether sets of tasks are held out, in a sentence."""
    return TASKS_HELD_OUT if are_held_out(tasks) else NOT_COMPARED
