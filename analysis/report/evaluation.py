"""What the sub-models can still do, on held-out text and on tasks."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evaluation.captions import NOT_COMPARED, are_held_out
from analysis.evaluation.findings import best_sentence, specialisation_sentences
from analysis.evaluation.measures import BITS_PER_BYTE, measure
from analysis.evaluation.spec import TASKS, TEXT
from analysis.evaluation.specialisation import stored_specialisation
from analysis.evaluation.table import EvaluationTable, Result, remarks
from analysis.figures.domains import label
from analysis.figures.evaluation import VALUES, evaluation_matrix
from analysis.figures.look import LIGHT
from analysis.figures.tables import columns_of
from analysis.report.html import Figure, Section, Table, heading, paragraph
from analysis.report.source import Source

INTERVALS = (
    "A frame marks the clearly best mask of a column (paired test, adjusted p below 0.05); below each value stands its 95% interval over the "
    "documents or tasks."
)


def evaluations(source: Source) -> Section | None:
    """One matrix of bits per byte of text, then those of tasks, as far as they were measured."""
    parts: list[str | Figure | Table] = []
    results = text_results(source)
    if results:
        caption = f"Bits per byte on held-out text; lower is better. {INTERVALS} {source.caption}"
        chart = evaluation_matrix(results, VALUES, LIGHT)
        parts += [
            paragraph(
                f"{best_sentence(results, label)} {remarks(source.evaluations[0].spec)}".strip()
            ),
            Figure(chart=chart, name="bits-per-byte", caption=caption),
            *_specialisation(source),
        ]
    parts += _tasks(source)
    return Section(name="What can each sub-model still do?", parts=parts) if parts else None


def _specialisation(source: Source) -> list[str | Figure | Table]:
    """How much more other masks need on a domain's text than its own, in words and a table."""
    found = stored_specialisation(source.run, source.prune)
    if found is None:
        return []
    return [
        heading("How special each mask is"),
        *(paragraph(said) for said in specialisation_sentences(found, label)),
        Table(
            columns=columns_of(found.table()),
            name="specialisation",
            caption="Bits that the other domains' masks need on each domain's held-out text, on "
            "average, over those that its own needs, less 1, with 95% intervals; p paired by document, "
            f"adjusted over the domains (Holm). {source.caption}",
        ),
    ]


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


def _newest(source: Source, kind: str, measure: str | None = None) -> tuple[Result, ...]:
    def select(table: EvaluationTable) -> tuple[Result, ...]:
        return table.select(measure=measure, sparsity=source.prune.sparsity, kind=kind)

    return next((found for table in source.evaluations if (found := select(table))), ())
