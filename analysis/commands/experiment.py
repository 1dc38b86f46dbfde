"""`python -m analysis experiment`: calibrate on several sets, measure on tasks, write the table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.evaluation.options import add_measuring, evaluation_spec_of
from analysis.execution import add_consent_argument
from pruning.commands import calibrate
from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_workspace,
    only_with_spec,
    read_spec,
    spec_error,
    workspace_of,
)
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.evaluation.experiment import ExperimentSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `experiment`: those of calibrating, and those of measuring."""
    calibrate.add_model_and_text(parser)
    add_measuring(parser)
    add_consent_argument(parser)
    parser.add_argument(
        "--yardsticks", action="store_true", help="also measure the masks that `evaluate` adds"
    )
    parser.add_argument(
        "--published", action="store_true", help="print the paper's own table beside, as a format"
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="write the tables there as .txt, .csv and .tex"
    )
    parser.add_argument("--spec", metavar="FILE.json", type=Path, help="all choices, as JSON")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(stream=None)  # measuring needs the whole model in memory
    parser.set_defaults(command=lambda arguments, report: experiment(arguments, parser, report))


def experiment(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, report: Report
) -> Answer:
    """Do what is missing, and write the tables."""
    spec = experiment_spec_of(arguments, parser)
    from analysis.evaluation import experiment as experiments
    from analysis.evaluation.written_table import WrittenTable

    found = experiments.experiment(
        spec,
        workspace_of(arguments),
        allow_execution=arguments.allow_execution,
        report=report,
    )
    written = experiments.write_tables(found.tables, arguments.out) if arguments.out else []
    beside = [WrittenTable.published()] if arguments.published else []
    return Answer(
        data={
            "run": found.run.id,
            "experiment": spec.to_json(),
            "results": [result.row() for result in found.table.results],
            "files": written,
        },
        shown=[
            *(table.as_text() for table in (*found.tables, *beside)),
            *(f"Written: {path}" for path in written),
        ],
    )


def experiment_spec_of(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser
) -> ExperimentSpec:
    """The ExperimentSpec of the flags, or of the spec file."""
    from analysis.evaluation.experiment import ExperimentSpec

    if arguments.spec is not None:
        flags = vars(arguments) | {"published": False, "allow_execution": False}
        only_with_spec(argparse.Namespace(**flags), parser)
        try:
            return ExperimentSpec.from_json(read_spec(arguments.spec))
        except (KeyError, TypeError, AttributeError) as error:
            raise spec_error(arguments.spec, error) from error
    arguments.no_yardsticks = not arguments.yardsticks
    return ExperimentSpec(
        calibration=calibrate.spec_of(arguments, parser), evaluation=evaluation_spec_of(arguments)
    )
