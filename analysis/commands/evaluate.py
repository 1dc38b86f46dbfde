"""`python -m analysis evaluate`: bits per byte and tasks, of every mask on every domain."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rich.table import Table

from analysis.evaluation.captions import about_tasks
from analysis.evaluation.options import add_evaluation, evaluation_spec_of
from analysis.execution import Sandbox, add_consent_argument, consented_sandbox
from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.progress import Report
from pruning.specs.words import percent

if TYPE_CHECKING:
    from analysis.evaluation.spec import Column
    from analysis.evaluation.table import EvaluationTable, Result
    from pruning.runs.workspace import Workspace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `evaluate`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_evaluation(parser)
    add_consent_argument(parser)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=evaluate)


def evaluate(arguments: argparse.Namespace, report: Report) -> Answer:
    """Measure, or read what was measured before."""
    spec = evaluation_spec_of(arguments)
    from analysis.evaluation import evaluate as evaluation
    from analysis.evaluation.findings import specialisation_sentences
    from analysis.evaluation.paired_tests import CLEAR
    from analysis.evaluation.spec import columns_of
    from analysis.evaluation.specialisation import specialisation

    workspace = workspace_of(arguments)
    run = workspace.run(arguments.run)
    table = evaluation.evaluate(
        run,
        spec,
        device=arguments.device,
        sandbox=sandbox_of(arguments, workspace, columns_of(run, spec)),
        report=report,
    )
    said = remarks_on(table)
    special = {each: specialisation(table, each) for each in spec.sparsities}
    return Answer(
        data={
            "run": run.id,
            "evaluation": spec.to_json(),
            "held_out": said,
            "results": [result.row() for result in table.results],
            "specialisation": [
                {"sparsity": each, **found.row()} for each, found in special.items() if found
            ],
        },
        shown=[
            *tables(table),
            f"* marks what is clearly the best of its column (adjusted p below {CLEAR:g}).",
            *(
                f"At {percent(each)} sparsity: {' '.join(specialisation_sentences(found))}"
                for each, found in special.items()
                if found
            ),
            said,
        ],
    )


def remarks_on(table: EvaluationTable) -> str:
    """What to know when reading the tables: what was held out, and which masks prune more."""
    from analysis.evaluation.spec import TEXT
    from analysis.evaluation.table import HELD_OUT, LEFT_DENSE

    tasks = [column.tasks for column in table.columns if column.tasks is not None]
    said = [HELD_OUT] if any(column.kind == TEXT for column in table.columns) else []
    if tasks:
        said.append(about_tasks(tasks))
    if table.spec.prune.starved == "dense":
        said.append(LEFT_DENSE)
    return " ".join(said)


def sandbox_of(
    arguments: argparse.Namespace, workspace: Workspace, columns: tuple[Column, ...]
) -> Sandbox | None:
    """Where programs are run; None if none are. Raises as `consented_sandbox` does."""
    if not any(column.is_programs for column in columns):
        return None
    return consented_sandbox(workspace.root, allow=arguments.allow_execution)


def tables(table: EvaluationTable) -> list[Any]:
    """One table for each measure and sparsity, with a heading."""
    parts: list[Any] = []
    for sparsity in table.spec.sparsities:
        for name in table.measures:
            chosen = table.select(measure=name, sparsity=sparsity)
            parts += [f"{name}, {percent(sparsity)} of the weights pruned", _table(chosen)]
    return parts


def _table(results: tuple[Result, ...]) -> Table:
    """Rows are what a mask was calibrated on; * marks the clearly best mask of a column."""
    columns = list(dict.fromkeys(result.column for result in results))
    shown = Table()
    shown.add_column("calibrated on")
    for column in columns:
        shown.add_column(column.name, justify="right")
    for title in dict.fromkeys(result.source.title for result in results):
        cells = {each.column: each for each in results if each.source.title == title}
        shown.add_row(title, *(_cell(cells.get(column)) for column in columns))
    return shown


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    found = result.estimate
    written = f"{'*' if result.best else ''}{number(found.value)}"
    if not found.has_interval:
        return written
    return f"{written}\n{number(found.low)} to {number(found.high)}"


def number(value: float) -> str:
    """Three significant decimals for small values, one for large ones."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
