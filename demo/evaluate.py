"""Measure a model on the demo's domains: held-out tasks and bits per byte.

No training step saw the tasks: they are the held-out split, by meaning, of the generated domains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.evaluation.likelihood import document_losses
from analysis.evaluation.measures import ACCURACY, CHRF, EXACT, PASS, estimate
from analysis.evaluation.task_scores import score_tasks
from analysis.evaluation.tasks import PROGRAMS, built_in, load_tasks
from analysis.execution import require
from demo.real_text import find_records
from pruning.models.loading import LoadedModel

LANGUAGES = {"python": "Python", "java": "Java", "cpp": "C++", "javascript": "JavaScript"}


@dataclass(frozen=True, kw_only=True)
class Score:
    """One measure on one domain; `of` is the number of tasks, or of texts for bits per byte."""

    domain: str
    measure: str
    value: float
    of: int


MEASURES = {
    **dict.fromkeys(LANGUAGES, f"{PASS}1"),
    "math": EXACT,
    "commonsense": ACCURACY,
    "translation": CHRF,
}
NAMES = {ACCURACY: "4 choices"}  # of a measure in the demo's tables, where it has one of its own


def task_score(loaded: LoadedModel, domain: str, *, count: int) -> Score:
    """The task measure of a domain on `count` held-out tasks, of greedy completions.

    Programs are run in the machine's sandbox; AtlasError where it has none.
    """
    spec, measure = built_in(domain, count), MEASURES[domain]
    sandbox = require() if spec.kind == PROGRAMS else None
    measured = score_tasks(loaded, spec.kind, load_tasks(spec), sandbox=sandbox)
    found = estimate(measure, measured.statistics[measure])
    return Score(
        domain=domain, measure=NAMES.get(measure, measure), value=found.value, of=found.units
    )


def text_scores(
    loaded: LoadedModel, texts: Mapping[str, Sequence[str]], *, measure: str
) -> list[Score]:
    """Bits per byte of each domain's texts."""
    return [
        Score(
            domain=domain,
            measure=measure,
            value=document_losses(loaded, of_domain).bits_per_byte,
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
