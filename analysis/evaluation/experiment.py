"""The paper's experiment as one piece of work: calibrate, prune, measure on tasks, write the table.

A model, a list of calibration sets and a list of tasks (Puccioni et al. 2025): every set's mask is
measured on every task, beside the dense model. Calibration and evaluation both go on where they
were stopped, so doing it again does only what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.meteor import check_installed
from analysis.evaluation.spec import EvaluationSpec, columns_of
from analysis.evaluation.table import EvaluationTable
from analysis.evaluation.written_table import WrittenTable
from analysis.execution import consented_sandbox
from pruning.calibration.calibrating import calibrate
from pruning.machine.storage import atomic_write
from pruning.progress import Report, ignore
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, Spec
from pruning.specs.words import percent


@dataclass(frozen=True, kw_only=True)
class ExperimentSpec(Spec):
    """calibration: the model, its calibration sets, how much of each. evaluation: the rest."""

    calibration: CalibrationSpec
    evaluation: EvaluationSpec


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A finished experiment. tables: one a sparsity."""

    run: Run
    table: EvaluationTable
    tables: tuple[WrittenTable, ...]


def experiment(
    spec: ExperimentSpec,
    workspace: Workspace,
    *,
    allow_execution: bool = False,
    report: Report = ignore,
) -> Experiment:
    """Do what is missing of an experiment and give its tables.

    allow_execution: consent to running the programs that the model writes. Raises InputError for a
    choice that cannot be used, AtlasError where the work fails or there is no sandbox.
    """
    if spec.evaluation.meteor:
        check_installed()
    run = calibrate(spec.calibration, workspace, report)
    programs = any(column.is_programs for column in columns_of(run, spec.evaluation))
    table = evaluate(
        run,
        spec.evaluation,
        device=spec.calibration.model.device,
        sandbox=consented_sandbox(workspace.root, allow=allow_execution) if programs else None,
        report=report,
    )
    return Experiment(
        run=run,
        table=table,
        tables=tuple(
            WrittenTable.of(table, sparsity, _caption(spec, sparsity))
            for sparsity in spec.evaluation.sparsities
        ),
    )


def write_tables(tables: tuple[WrittenTable, ...], folder: Path) -> list[Path]:
    """Write every table as .txt, .csv and .tex; gives the files."""
    written = []
    for number, table in enumerate(tables, 1):
        for ending, text in (
            ("txt", table.as_text()),
            ("csv", table.as_csv()),
            ("tex", table.as_latex()),
        ):
            path = folder / f"table-{number}.{ending}"
            atomic_write(path, lambda temporary, text=text: temporary.write_text(text, "utf-8"))  # type: ignore[misc]
            written.append(path)
    return written


def _caption(spec: ExperimentSpec, sparsity: float) -> str:
    source = spec.calibration.model.source.rstrip("/").rsplit("/", 1)[-1]
    sample = spec.calibration.sample
    return (
        f"{source} at {percent(sparsity)} sparsity, {sample.num_samples} samples of "
        f"{sample.seq_len} tokens of each calibration set; 95% intervals over documents or tasks"
    )
