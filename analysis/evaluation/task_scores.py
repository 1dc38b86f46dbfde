"""What a model does on a set of tasks, as statistics for `analysis.evaluation.measures`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from analysis.evaluation.choices import choose
from analysis.evaluation.generation import generate, most_new_tokens
from analysis.evaluation.harness import harness_measured
from analysis.evaluation.measures import (
    ACCURACY,
    BLEU,
    CHRF,
    EXACT,
    METEOR,
    NORMALISED,
    Measured,
    shares,
)
from analysis.evaluation.meteor import meteor_scores
from analysis.evaluation.program_scores import programs_passing
from analysis.evaluation.sampling import Sampling
from analysis.evaluation.tasks import CHOICES, HARNESS, MATH, PROGRAMS, TRANSLATION, number_in
from analysis.evaluation.translation_metrics import bleu_statistics, chrf_statistics
from analysis.execution import Sandbox
from demo.texts.tasks import ChoiceTask, MathTask, TranslationTask
from pruning.errors import InputError
from pruning.models.loading import LoadedModel
from pruning.progress import Report, ignore

SOLUTION_TOKENS, SENTENCE_TOKENS = 256, 96  # new tokens at most: a worked solution, a translation


def score_tasks(
    loaded: LoadedModel,
    kind: str,
    tasks: Sequence[Any],
    *,
    sampling: Sampling | None = None,
    sandbox: Sandbox | None = None,
    meteor: bool = False,
    report: Report = ignore,
) -> Measured:
    """Measure a model, as it is now, on tasks of one kind.

    sampling: how programs are written, greedily if None. sandbox: where they are run; InputError
    for programs without one. meteor: also METEOR of translations; InputError without nltk.
    """
    if kind == HARNESS:
        return harness_measured(loaded, tasks[0])
    if kind == PROGRAMS:
        if sandbox is None:
            raise InputError(
                "Programs that a model writes are run only with your consent: give "
                "--allow-execution once, or consent in the app."
            )
        return programs_passing(loaded, tasks, sampling or Sampling(), sandbox, report=report)
    scorers: dict[str, Callable[..., Measured]] = {
        MATH: problems_solved,
        CHOICES: choices_right,
        TRANSLATION: partial(translations_alike, meteor=meteor),
    }
    return scorers[kind](loaded, tasks, report=report)


def problems_solved(
    loaded: LoadedModel, tasks: Sequence[MathTask], *, report: Report = ignore
) -> Measured:
    """Exact answer: whether the number at the end of a greedy solution equals the right one."""
    written = _greedy(
        loaded, [task.prompt for task in tasks], SOLUTION_TOKENS, ("\nQuestion:",), report
    )
    right = [
        number_in(text, task.marker) == number_in(task.answer)
        for text, task in zip(written, tasks, strict=True)
    ]
    return Measured(statistics={EXACT: shares(right)}, outputs=tuple(written))


def choices_right(
    loaded: LoadedModel, tasks: Sequence[ChoiceTask], *, report: Report = ignore
) -> Measured:
    """Accuracy by likelihood of the whole choice, and by likelihood per byte."""
    chosen = choose(
        loaded, [task.prompt for task in tasks], [task.choices for task in tasks], report=report
    )
    pairs = list(zip(chosen, tasks, strict=True))
    return Measured(
        statistics={
            ACCURACY: shares([found.raw == task.label for found, task in pairs]),
            NORMALISED: shares([found.normalised == task.label for found, task in pairs]),
        },
        outputs=tuple(task.choices[found.raw] for found, task in pairs),
    )


def translations_alike(
    loaded: LoadedModel,
    tasks: Sequence[TranslationTask],
    *,
    meteor: bool = False,
    report: Report = ignore,
) -> Measured:
    """chrF, BLEU and, if asked, METEOR of the first line of each greedy translation."""
    prompts = [task.prompt for task in tasks]
    written = [text.strip() for text in _greedy(loaded, prompts, SENTENCE_TOKENS, ("\n",), report)]
    references = [task.reference.strip() for task in tasks]
    statistics = {
        CHRF: chrf_statistics(written, references),
        BLEU: bleu_statistics(written, references),
    }
    if meteor:
        statistics[METEOR] = shares(meteor_scores(written, references))
    return Measured(statistics=statistics, outputs=tuple(written))


def _greedy(
    loaded: LoadedModel,
    prompts: Sequence[str],
    longest: int,
    stop: Sequence[str],
    report: Report,
) -> list[str]:
    room = min(longest, most_new_tokens(loaded))
    found = generate(loaded, prompts, max_new_tokens=room, stop=stop, report=report)
    return [text for (text,) in found]
