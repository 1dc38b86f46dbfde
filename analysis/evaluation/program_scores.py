"""pass@k of a model on programming tasks: its programs are written, then run in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evaluation.generation import generate, most_new_tokens
from analysis.evaluation.measures import PASS, Measured, shares
from analysis.evaluation.pass_at_k import evaluate_programs, unbiased_pass_at_k
from analysis.evaluation.program_tasks import CodeTask
from analysis.evaluation.sampling import Sampling
from analysis.execution import Sandbox
from pruning.models.loading import LoadedModel
from pruning.progress import Report, ignore

PROGRAM_TOKENS = 320  # new tokens at most


def programs_passing(
    loaded: LoadedModel,
    tasks: Sequence[CodeTask],
    sampling: Sampling,
    sandbox: Sandbox,
    *,
    report: Report = ignore,
) -> Measured:
    """Each task's unbiased pass@k for every k of `sampling`; outputs: each task's first program."""
    texts = write_programs(loaded, tasks, sampling, report=report)
    results = evaluate_programs(sandbox, tasks, texts, report=report)
    passed = [result.passed for result in results]
    return Measured(
        statistics={
            f"{PASS}{k}": shares([unbiased_pass_at_k(sampling.samples, n, k) for n in passed])
            for k in sampling.ks
        },
        outputs=tuple(result.attempts[0].completion for result in results),
    )


def write_programs(
    loaded: LoadedModel,
    tasks: Sequence[CodeTask],
    sampling: Sampling,
    *,
    report: Report = ignore,
) -> list[list[str]]:
    """What the model writes after every task's prompt; tasks that end alike share batches."""
    texts: list[list[str]] = [[] for _ in tasks]
    for stop in dict.fromkeys(task.stop for task in tasks):
        places = [number for number, task in enumerate(tasks) if task.stop == stop]
        written = generate(
            loaded,
            [tasks[number].prompt for number in places],
            max_new_tokens=min(PROGRAM_TOKENS, most_new_tokens(loaded)),
            stop=stop,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            samples=sampling.samples,
            report=report,
        )
        for number, of_task in zip(places, written, strict=True):
            texts[number] = of_task
    return texts
