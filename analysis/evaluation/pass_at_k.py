"""pass@k: how likely at least one of k completions of a task passes its tests.

The estimator of Chen et al. (2021, "Evaluating Large Language Models Trained on Code", equation 1):
with c of n completions passing, pass@k = 1 - C(n - c, k) / C(n, k), unbiased for every k <= n,
averaged over tasks. Computed as the product 1 - prod_{i = n - c + 1}^{n} (1 - k / i), which forms
no large numbers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from analysis.evaluation.program_tasks import CodeTask
from analysis.execution import Limits, Outcome, Sandbox, require_language, run_tested
from pruning.errors import InputError
from pruning.progress import Meter, Report, ignore


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One completion: what the model wrote, cut at its stop, and how the program ended."""

    completion: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """All attempts at one task."""

    task: CodeTask
    attempts: tuple[Attempt, ...]

    @property
    def passed(self) -> int:
        """How many attempts passed."""
        return sum(attempt.outcome.passed for attempt in self.attempts)


def unbiased_pass_at_k(samples: int, passed: int, k: int) -> float:
    """The estimate for one task: `passed` of `samples` completions passed.

    Raises InputError for k > samples, since then nothing unbiased can be said.
    """
    _check_k(samples, k)
    if not 0 <= passed <= samples:
        raise InputError(f"{passed} of {samples} completions cannot have passed.")
    failed = samples - passed
    if failed < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(failed + 1, samples + 1)))


def _check_k(samples: int, k: int) -> None:
    if k < 1:
        raise InputError("pass@k needs k of at least 1.")
    if k > samples:
        raise InputError(
            f"pass@{k} needs at least {k} completions of each task, and there are {samples}; "
            "ask for more samples, or a smaller k."
        )


def evaluate_programs(
    sandbox: Sandbox,
    tasks: Sequence[CodeTask],
    texts: Sequence[Sequence[str]],
    *,
    limits: Limits | None = None,
    workers: int | None = None,
    report: Report = ignore,
) -> list[TaskResult]:
    """Run every text that a model wrote for every task, each in a sandbox of its own.

    texts: for each task, what was written after its prompt. workers: programs that run at the same
    time; as many as there are processors if None. Equal programs of a task run once. Returns
    results in the order of the tasks. Raises InputError for unequal lengths, or a language whose
    tools are missing; Cancelled, with every program ended, when `report` raises it.
    """
    if len(tasks) != len(texts):
        raise InputError(f"There are {len(tasks)} tasks, but completions of {len(texts)}.")
    for language in dict.fromkeys(task.language for task in tasks):
        require_language(sandbox, language)
    programs = {
        (number, task.completed(text))
        for number, (task, written) in enumerate(zip(tasks, texts, strict=True))
        for text in written
    }
    outcomes = _run_all(
        sandbox,
        tasks,
        sorted(programs),
        limits or Limits(),
        workers or processors(),
        report,
    )
    return [
        TaskResult(
            task=task,
            attempts=tuple(
                Attempt(completion=cut, outcome=outcomes[number, cut])
                for cut in map(task.completed, texts[number])
            ),
        )
        for number, task in enumerate(tasks)
    ]


def processors() -> int:
    """How many processors this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _run_all(
    sandbox: Sandbox,
    tasks: Sequence[CodeTask],
    programs: Sequence[tuple[int, str]],
    limits: Limits,
    workers: int,
    report: Report,
) -> dict[tuple[int, str], Outcome]:
    """Run programs, given as (number of the task, completion), several at a time."""
    cancel = threading.Event()
    meter = Meter(report, "Running programs", len(programs))

    def run(number: int, completion: str) -> Outcome:
        task = tasks[number]
        text = task.program(completion)
        return run_tested(sandbox, task.language, text, limits, cancel=cancel)

    found: dict[tuple[int, str], Outcome] = {}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting: dict[Future[Outcome], tuple[int, str]] = {
            pool.submit(run, *program): program for program in programs
        }
        try:
            for done in as_completed(waiting):
                found[waiting[done]] = done.result()
                meter.step(detail=tasks[waiting[done][0]].language)
        except BaseException:
            cancel.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return found
