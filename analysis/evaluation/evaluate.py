"""Measure a run's masks on held-out text and tasks, cell by cell, each cell once.

A cell is one mask on one text or set of tasks. It is stored with the run under a hash of the
model's fingerprint, the mask's making, and the exact documents or tasks, when it is measured; so an
evaluation that was stopped goes on where it was, and another that shares cells with it reuses them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from analysis.evaluation.held_out import held_out_documents
from analysis.evaluation.likelihood import document_losses
from analysis.evaluation.mask_sources import MaskSource, prune_of
from analysis.evaluation.measures import BITS_PER_BYTE, PERPLEXITY, Measured
from analysis.evaluation.meteor import check_installed
from analysis.evaluation.sampling import Sampling
from analysis.evaluation.spec import TEXT, Column, EvaluationSpec, columns_of, settings_of
from analysis.evaluation.store import has_cell, write_cell, write_table
from analysis.evaluation.submodels import prepare, put_on, submodel_of
from analysis.evaluation.table import EvaluationTable, stored_table
from analysis.evaluation.task_scores import score_tasks
from analysis.evaluation.tasks import load_tasks
from analysis.execution import Sandbox
from pruning.models.loading import LoadedModel, load_model
from pruning.progress import Meter, Progress, Report, ignore
from pruning.runs.run import Run
from pruning.specs import content_hash

FORMAT = 1  # of what a cell holds


@dataclass(frozen=True, kw_only=True)
class Content:
    """The documents or tasks of a column, and a hash of them."""

    units: Sequence[Any]
    digest: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A cell to measure, and the name of its file."""

    source: MaskSource
    sparsity: float
    column: Column
    name: str


def evaluate(
    run: Run,
    spec: EvaluationSpec,
    *,
    device: str = "auto",
    sandbox: Sandbox | None = None,
    report: Report = ignore,
) -> EvaluationTable:
    """Measure what is not measured yet, and give the whole table.

    device: where the model is loaded, as in ModelSpec. sandbox: where programs are run. Raises InputError for a choice that cannot
    be used, or where there is too little held-out text; AtlasError where the work fails.
    """
    run.require_done()
    report(Progress(stage="Drawing held-out text", done=0, total=1))
    contents = {column: content_of(run, column) for column in columns_of(run, spec)}
    cells = list(plan(run, spec, contents))
    missing = [cell for cell in cells if not has_cell(run, cell.name)]
    if missing:
        if spec.meteor:
            check_installed()
        meter = Meter(report, "Measuring", len(cells))
        meter.skip(len(cells) - len(missing))
        prepare(run, spec, [(cell.source, cell.sparsity) for cell in missing], report)
        loaded = load_model(replace(run.spec.model, device=device, stream=False), report)
        measuring = partial(
            measure_column, loaded, sampling=spec.sampling, sandbox=sandbox, meteor=spec.meteor
        )
        for cell, measured, seconds in _measured(run, spec, missing, loaded, contents, measuring):
            write_cell(run, cell.name, measured, seconds=seconds, device=str(loaded.device))
            percent = f" at {cell.sparsity:.0%}" if cell.sparsity else ""
            meter.step(f"{cell.source.title}{percent} on {cell.column.name}")
    write_table(
        run,
        spec.to_json(),
        [
            {
                "source": cell.source.to_json(),
                "sparsity": cell.sparsity,
                "column": cell.column.to_json(),
                "cell": cell.name,
            }
            for cell in cells
        ],
    )
    table = stored_table(run, spec)
    assert table is not None  # it was written above
    return table


def content_of(run: Run, column: Column) -> Content:
    """Draw or read what a column is measured on."""
    if column.kind == TEXT:
        documents = held_out_documents(run, column.domain, size=column.text_bytes)
        return Content(units=documents, digest=content_hash(documents))
    assert column.tasks is not None
    tasks = load_tasks(column.tasks)
    return Content(units=tasks, digest=content_hash([asdict(task) for task in tasks]))


def plan(run: Run, spec: EvaluationSpec, contents: dict[Column, Content]) -> Iterator[Planned]:
    """Every cell of the table, mask by mask."""
    for source, sparsity, columns in settings_of(run, spec):
        prune = prune_of(source, spec.at(sparsity)) if sparsity else None
        for column in columns:
            what = {
                "format": FORMAT,
                "fingerprint": run.manifest.fingerprint,
                "dtype": run.spec.model.dtype,
                "source": source.to_json(),
                "prune": prune.to_json() if prune else None,
                "content": contents[column].digest,
                "sampling": spec.sampling.to_json() if column.is_programs else None,
            }
            if spec.meteor and column.is_translation:
                what["meteor"] = True  # else no entry: cells made before METEOR keep their names
            submodel = submodel_of(run, source, spec, sparsity)
            if submodel is not None:  # else no entry, as in cells of masks alone
                what["submodel"] = replace(submodel, run="").to_json()
            yield Planned(source=source, sparsity=sparsity, column=column, name=content_hash(what))


def _measured(
    run: Run,
    spec: EvaluationSpec,
    cells: list[Planned],
    loaded: LoadedModel,
    contents: dict[Column, Content],
    measuring: Callable[[Column, Content], Measured],
) -> Iterator[tuple[Planned, Measured, float]]:
    """Measure cells; those of one mask follow each other, so that it is put on once."""
    for source, sparsity in dict.fromkeys((cell.source, cell.sparsity) for cell in cells):
        with put_on(loaded, run, source, spec, sparsity):
            for cell in cells:
                if (cell.source, cell.sparsity) == (source, sparsity):
                    started = time.monotonic()
                    measured = measuring(cell.column, contents[cell.column])
                    yield cell, measured, time.monotonic() - started


def measure_column(
    loaded: LoadedModel,
    column: Column,
    content: Content,
    *,
    sampling: Sampling | None = None,
    sandbox: Sandbox | None = None,
    meteor: bool = False,
) -> Measured:
    """Measure the model, as it is now, on a text or a set of tasks."""
    if column.kind == TEXT:
        losses = document_losses(loaded, content.units)
        per_byte = np.stack([losses.bits, losses.bytes.astype(np.float64)], axis=1)
        per_token = np.stack([losses.bits, losses.tokens.astype(np.float64)], axis=1)
        return Measured(statistics={BITS_PER_BYTE: per_byte, PERPLEXITY: per_token})
    assert column.tasks is not None
    return score_tasks(
        loaded,
        column.tasks.kind,
        content.units,
        sampling=sampling,
        sandbox=sandbox,
        meteor=meteor,
    )
