"""Any task of lm-evaluation-harness on the model in memory, masked or not; an optional extra.

    pip install -r requirements-lm-eval.txt

The harness gets the loaded module itself, so a sub-model is measured without being written to disk.
Its own prompts, few-shot examples and scores are used. Of its metrics those are kept that are means
of samples from 0 to 1, higher being better, under their own name with "(lm-eval)" behind it, and
bits per byte; so they get intervals and paired differences like any other measure. Where a task has
several filters (ways to read an answer), each gives a measure, which also has the filter's name.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.evaluation.measures import BITS_PER_BYTE, HARNESS, Float, Measured, shares
from pruning.errors import InputError
from pruning.machine.paths import allowed_path

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

BATCH_SIZE = 8
CLOSE = 1e-6  # between a reported value and the mean of the samples


@dataclass(frozen=True, kw_only=True)
class HarnessTask:
    """One of the harness's tasks, and what its results depend on beside the model.

    include: a folder of task files (.yaml) of one's own, or "". limit: samples at most. files: a
    hash of what lies in that folder.
    """

    name: str
    include: str
    limit: int | None
    version: str
    files: str


def harness_task(name: str, include: str = "", limit: int | None = None) -> HarnessTask:
    """A task by name. InputError where the harness is not installed, or the folder not there."""
    try:
        version = metadata.version("lm_eval")
    except metadata.PackageNotFoundError as error:
        raise InputError(
            "lm-evaluation-harness is not installed; pip install -r requirements-lm-eval.txt."
        ) from error
    folder = allowed_path(include) if include else None
    if folder is not None and not folder.is_dir():
        raise InputError(f"There is no folder {include} of harness tasks.")
    return HarnessTask(
        name=name,
        include=str(folder or ""),
        limit=limit,
        version=version,
        files=_digest(folder) if folder else "",
    )


def harness_measured(loaded: LoadedModel, task: HarnessTask) -> Measured:
    """Run a task; InputError for one that the harness does not know, or that has no fit metric."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    manager = _manager_of(task)
    model = HFLM(pretrained=loaded.module, tokenizer=loaded.tokenizer, batch_size=BATCH_SIZE)
    found: Any = simple_evaluate(
        model=model,
        tasks=[task.name],
        limit=task.limit,
        bootstrap_iters=0,
        log_samples=True,
        task_manager=manager,
    )
    statistics, refused = _statistics(found)
    if not statistics:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items()) or "none is reported"
        raise InputError(
            f"The harness's task {task.name} has no metric that is a mean of samples from 0 to 1, "
            f"higher being better ({reasons})."
        )
    return Measured(statistics=statistics)


def _manager_of(task: HarnessTask) -> Any:
    """What finds the task: the person's own folder alone, else all that the harness has."""
    for own_only in (True, False) if task.include else (False,):
        manager = _manager(task.include, task.files, own_only)
        if task.name in manager.all_tasks:
            return manager
    raise InputError(f"lm-evaluation-harness has no task {task.name!r}.")


@lru_cache(maxsize=2)
def _manager(include: str, files: str, own_only: bool) -> Any:
    """An index of tasks; that of all the harness's own takes many seconds. files: see HarnessTask."""
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=include or None, include_defaults=not own_only)


def _statistics(found: Mapping[str, Any]) -> tuple[dict[str, Float], dict[str, str]]:
    """measure -> its statistics from the samples; metric -> why it is none of the measures.

    found: what `simple_evaluate` gives: results, samples and higher_is_better of every task.
    """
    reported = _reported(found["results"])
    filters = Counter(metric for metric, _ in reported)
    samples = [sample for of_task in found["samples"].values() for sample in of_task]
    better = (found.get("higher_is_better") or {}).values()
    statistics: dict[str, Float] = {}
    refused: dict[str, str] = {}
    for (metric, kind), value in reported.items():
        values = [sample.get(metric) for sample in samples if sample.get("filter", kind) == kind]
        name = metric if filters[metric] == 1 else f"{metric}, {kind}"
        if metric == "bits_per_byte" and _are_pairs(values):
            pairs = np.array(values, dtype=np.float64)
            statistics[BITS_PER_BYTE] = pairs * np.array([-1 / math.log(2), 1.0])
        elif any(of_task.get(metric) is False for of_task in better):
            refused[name] = "lower is better"
        elif why := _no_share(values, value):
            refused[name] = why
        else:
            statistics[f"{name}{HARNESS}"] = shares(values)
    return statistics, refused


def _reported(results: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """(metric, filter) -> value, of the keys "metric,filter"; of several tasks, the first's."""
    found: dict[tuple[str, str], float] = {}
    for of_task in results.values():
        for name, value in of_task.items():
            metric, comma, kind = name.partition(",")
            if comma and isinstance(value, Real) and not metric.endswith("_stderr"):
                found.setdefault((metric, kind), float(value))
    return found


def _are_pairs(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(pair, tuple | list) for pair in values)


def _no_share(values: Sequence[Any], value: float) -> str:
    """Why a reported value is no mean of samples from 0 to 1; "" if it is one."""
    if not values or not all(isinstance(each, Real) for each in values):
        return "it has no number for every sample"
    numbers = np.array(values, dtype=np.float64)
    if not abs(numbers.mean() - value) < CLOSE:  # nor is NaN
        return "it is no mean of its samples"
    return "" if numbers.min() >= 0 and numbers.max() <= 1 else "its samples are not from 0 to 1"


def _digest(folder: Path) -> str:
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
            found.update(hashlib.blake2b(path.read_bytes()).digest())
    return found.hexdigest()
