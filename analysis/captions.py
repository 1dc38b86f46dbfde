"""What a table or figure was made of, in one line: its model, how it was pruned, its run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluation.tasks import TaskSpec
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

TASKS_HELD_OUT = "Tasks are held out by meaning: no calibration text shares one."
NOT_COMPARED = "Own files and lm-eval tasks are not compared with the calibration text."


def percent(share: float) -> str:
    """A share as people write it, to four digits: "50%", "62.5%", "0.5%"."""
    return f"{100 * share:.4g}%"


def model_name(run: Run) -> str:
    """What a person calls the run's model; of a folder its last part, as paths are private."""
    source = run.spec.model.source
    return "the demo model" if source == "demo" else source.rstrip("/").rsplit("/", 1)[-1]


def about_run(run: Run) -> str:
    """The same of what no mask was made for: "Model: gemma. Run: 1f0c."."""
    return f"Model: {model_name(run)}. Run: {run.id}."


def about(run: Run, prune: PruneSpec, *, every_sparsity: bool = False) -> str:
    """One line for captions: "Model: gemma. 50% sparsity; Wanda score within each row. Run: 1f0c.".

    every_sparsity: what is shown is not of the sparsity of `prune`, but over all of them.
    """
    score = f"{'Wanda' if prune.score == 'wanda' else prune.score} score"
    if prune.block is None:  # in a pattern, scores compete within its blocks
        score += f" within each {prune.comparison_group}"
    parts = [score] if every_sparsity else [_sparsity(prune), score]
    if prune.allocation == "owl":
        parts.append("layers pruned by their outliers (OWL)")
    if prune.starved == "dense":
        parts.append("starved experts left dense")
    if prune.layers is not None:
        parts.append(f"layers {', '.join(map(str, prune.layers))}")
    if prune.projections is not None:
        parts.append(", ".join(prune.projections))
    return f"Model: {model_name(run)}. {'; '.join(parts)}. Run: {run.id}."


def are_held_out(tasks: Iterable[TaskSpec]) -> bool:
    """Whether all sets of tasks are built in; no others are compared with the calibration text."""
    from analysis.evaluation.tasks import BUILT_IN  # brings all texts along

    return all(each.source == BUILT_IN for each in tasks)


def about_tasks(tasks: Iterable[TaskSpec]) -> str:
    """Whether sets of tasks are held out, in a sentence."""
    return TASKS_HELD_OUT if are_held_out(tasks) else NOT_COMPARED


def _sparsity(prune: PruneSpec) -> str:
    """How much is pruned: of every block of a pattern, of every layer, or with OWL on average."""
    share = f"{percent(prune.sparsity)} sparsity"
    if prune.block is not None:
        return f"{prune.pattern} pattern ({share})"
    return f"{share} on average" if prune.allocation == "owl" else share
