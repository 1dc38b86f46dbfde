"""Measure a model on the demo's domains: held-out tasks and bits per byte.

No training step saw the tasks: they are the held-out split, by meaning, of the generated domains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from analysis.evaluation.pass_at_k import evaluate_programs
from analysis.evaluation.program_tasks import built_in_tasks
from analysis.execution import require
from demo.generation import complete
from demo.likelihood import bits_per_byte, choose
from demo.real_text import find_records
from demo.texts import commonsense, math_problems, translation

LANGUAGES = {"python": "Python", "java": "Java", "cpp": "C++", "javascript": "JavaScript"}
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Score:
    """One measure on one domain; `of` is the number of tasks, or of texts for bits per byte."""

    domain: str
    measure: str
    value: float
    of: int


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model with its tokenizer: what is measured."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase


def programs_passing(subject: Subject, language: str, *, count: int) -> Score:
    """pass@1 in percent: the share of greedy completions that compile and pass their task's tests.

    The programs are run in the machine's sandbox; AtlasError where it has none.
    """
    tasks = built_in_tasks(language, count=count)
    texts = complete(subject.model, subject.tokenizer, [task.prompt for task in tasks])
    results = evaluate_programs(require(), tasks, [[text] for text in texts])
    passed = sum(result.passed for result in results)
    return Score(domain=language, measure="pass@1", value=100 * passed / len(tasks), of=len(tasks))


def answer_in(text: str, marker: str) -> str:
    """The number after the last marker of a worked solution, without thousands separators."""
    number = NUMBER.search(text.rpartition(marker)[2]) if marker in text else None
    return number.group().replace(",", "") if number else ""


def problems_solved(subject: Subject, *, count: int) -> Score:
    """Word problems in percent: the share whose final number is exactly right."""
    tasks = math_problems.tasks(count=count)
    texts = complete(subject.model, subject.tokenizer, [task.prompt for task in tasks])
    right = sum(
        answer_in(text, task.marker) == task.answer for text, task in zip(texts, tasks, strict=True)
    )
    return Score(
        domain="math", measure="exact answer", value=100 * right / len(tasks), of=len(tasks)
    )


def choices_right(subject: Subject, *, count: int) -> Score:
    """Questions of four choices in percent: how often the right choice is the likeliest."""
    tasks = commonsense.tasks(count=count)
    chosen = choose(
        subject.model,
        subject.tokenizer,
        [task.prompt for task in tasks],
        [task.choices for task in tasks],
    )
    right = sum(index == task.label for index, task in zip(chosen, tasks, strict=True))
    return Score(
        domain="commonsense", measure="4 choices", value=100 * right / len(tasks), of=len(tasks)
    )


def translations_alike(subject: Subject, *, count: int) -> Score:
    """chrF (Popović 2015, sacrebleu's defaults) of the first line of each translation, 0 to 100."""
    try:
        from sacrebleu.metrics import CHRF
    except ImportError as error:
        raise ValueError(
            "Measuring translations needs sacrebleu: pip install -r requirements-dev.txt."
        ) from error
    tasks = translation.tasks(count=count)
    texts = complete(subject.model, subject.tokenizer, [task.prompt for task in tasks], longest=96)
    lines = [text.strip().partition("\n")[0] for text in texts]
    score = CHRF().corpus_score(lines, [[task.reference.strip() for task in tasks]]).score
    return Score(domain="translation", measure="chrF", value=score, of=len(tasks))


def task_score(subject: Subject, domain: str, *, count: int) -> Score:
    """The task measure of a domain on `count` held-out tasks."""
    if domain in LANGUAGES:
        return programs_passing(subject, domain, count=count)
    measures: dict[str, Callable[..., Score]] = {
        "math": problems_solved,
        "commonsense": choices_right,
        "translation": translations_alike,
    }
    return measures[domain](subject, count=count)


def text_scores(
    subject: Subject, texts: Mapping[str, Sequence[str]], *, measure: str
) -> list[Score]:
    """Bits per byte of each domain's texts."""
    return [
        Score(
            domain=domain,
            measure=measure,
            value=bits_per_byte(subject.model, subject.tokenizer, of_domain),
            of=len(of_domain),
        )
        for domain, of_domain in texts.items()
    ]


def real_held_out_texts(folder: Path, *, bytes_each: int = 100_000) -> dict[str, list[str]]:
    """The held-out records of a folder of data sets, about `bytes_each` of each file, by domain."""
    texts: dict[str, list[str]] = {}
    for file in find_records(folder):
        size = 0
        for text in file.texts(held_out=True):
            if size >= bytes_each:
                break
            texts.setdefault(file.domain, []).append(text)
            size += len(text.encode())
    return texts
