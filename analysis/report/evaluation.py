"""What the sub-models can still do, on held-out text and on tasks."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evaluation.captions import NOT_COMPARED, are_held_out
from analysis.evaluation.measures import BITS_PER_BYTE, measure
from analysis.evaluation.spec import TASKS, TEXT
from analysis.evaluation.table import EvaluationTable, Result, remarks
from analysis.figures.domains import label
from analysis.figures.evaluation import VALUES, evaluation_matrix
from analysis.figures.look import LIGHT
from analysis.report.html import Figure, Section, paragraph
from analysis.report.source import Source

INTERVALS = (
    "A frame marks the best mask of a column; below each value stands its 95% interval over the "
    "documents or tasks."
)


def evaluations(source: Source) -> Section | None:
    """One matrix of bits per byte of text, then those of tasks, as far as they were measured."""
    parts: list[str | Figure] = []
    results = text_results(source)
    if results:
        caption = f"Bits per byte on held-out text; lower is better. {INTERVALS} {source.caption}"
        chart = evaluation_matrix(results, VALUES, LIGHT)
        parts += [
            paragraph(f"{best_sentence(results)} {remarks(source.evaluations[0].spec)}".strip()),
            Figure(chart=chart, name="bits-per-byte", caption=caption),
        ]
    parts += _tasks(source)
    return Section(name="What can each sub-model still do?", parts=parts) if parts else None


def _tasks(source: Source) -> list[Figure]:
    """Tasks scored in percent; apart from them those of the harness that give bits per byte."""
    measured = _newest(source, TASKS)
    found: list[Figure] = []
    for name, words, higher in (
        ("tasks", "in percent; higher is better", True),
        ("tasks-bits-per-byte", "in bits per byte; lower is better", False),
    ):
        results = [r for r in measured if measure(r.measure).higher_is_better is higher]
        if results:
            chart = evaluation_matrix(results, VALUES, LIGHT)
            caption = f"{_tasks_words(results, words)} {INTERVALS} {source.caption}"
            found.append(Figure(chart=chart, name=name, caption=caption))
    return found


def _tasks_words(results: Sequence[Result], words: str) -> str:
    """What the tasks of a figure are, and whether they are held out."""
    if are_held_out(result.column.tasks for result in results if result.column.tasks):
        return f"Held-out tasks, {words}."
    return f"Tasks, {words}. {NOT_COMPARED}"


def text_results(source: Source) -> tuple[Result, ...]:
    """Bits per byte at the report's sparsity; empty if that was not measured."""
    return _newest(source, TEXT, BITS_PER_BYTE)


def best_sentence(results: Sequence[Result]) -> str:
    """How often a domain's own mask is the best of its column; "" if none was measured there."""
    own = [result for result in results if result.is_own]
    if not own:
        return ""
    best = [label(result.column.name) for result in own if result.best]
    names = f" ({', '.join(best)})" if best else ""
    return (
        f"On held-out text, a domain's own mask is the best of its column in {len(best)} of "
        f"{len(own)} domains{names}."
    )


def _newest(source: Source, kind: str, measure: str | None = None) -> tuple[Result, ...]:
    def select(table: EvaluationTable) -> tuple[Result, ...]:
        return table.select(measure=measure, sparsity=source.prune.sparsity, kind=kind)

    return next((found for table in source.evaluations if (found := select(table))), ())
