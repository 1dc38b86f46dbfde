"""`python -m pruning export`: the sub-model for a domain or mixture, as a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from pruning.commands.options import (
    add_json,
    add_pruning,
    add_workspace,
    only_with_spec,
    prune_spec_of,
    read_spec,
    spec_error,
    workspace_of,
)
from pruning.console import Answer
from pruning.errors import InputError
from pruning.progress import Report
from pruning.specs import MODES

if TYPE_CHECKING:
    from pruning.export import ExportResult
    from pruning.export_plan import ExportSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `export`."""
    parser.add_argument("--run", metavar="ID", help="a calibration run's id")
    parser.add_argument(
        "--domain",
        metavar="D[,D2=0.5]",
        action="append",
        default=[],
        help="a domain of the run, or several with weights (1 where none is given)",
    )
    add_pruning(parser)
    parser.add_argument("--mode", choices=MODES, default="one-shot", help="default: one-shot")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the new folder to write"
    )
    parser.add_argument("--spec", metavar="FILE.json", type=Path, help="all choices, as JSON")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=lambda arguments, report: export(arguments, parser, report))


def export(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, report: Report
) -> Answer:
    """Write the sub-model."""
    spec = spec_of(arguments, parser)
    from pruning import export as library

    run = workspace_of(arguments).run(spec.run)
    result = library.export(run, spec, arguments.out, report)
    return Answer(
        data=result.to_json(), shown=[f"The sub-model is in {result.folder}", summary(result)]
    )


def spec_of(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> ExportSpec:
    """The ExportSpec of the flags, or of the spec file."""
    from pruning.export_plan import ExportSpec, parse_mixture

    if arguments.spec is not None:
        only_with_spec(arguments, parser)
        try:
            return ExportSpec.from_json(read_spec(arguments.spec))
        except (KeyError, TypeError, AttributeError) as error:
            raise spec_error(arguments.spec, error) from error
    if not arguments.run:
        raise InputError("Name a run: --run ID; `python -m pruning runs` lists them.")
    if not arguments.domain:
        raise InputError("Name a domain of the run, e.g. --domain python or python,java=0.5.")
    return ExportSpec(
        run=arguments.run,
        mixture=parse_mixture(",".join(arguments.domain)),
        prune=prune_spec_of(arguments),
        mode=arguments.mode,
    )


def summary(result: ExportResult) -> Table:
    """What was written, for a person."""
    plan = result.plan
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_row("parameters", f"{plan.parameters:,}")
    table.add_row("kept", f"{plan.kept:,}")
    table.add_row("pruned", f"{plan.pruned:,}")
    table.add_row("sparsity of the whole model", f"{plan.sparsity:.2%}")
    table.add_row("sparsity of the chosen weights", f"{plan.prunable_sparsity:.2%}")
    table.add_row("size on disk", f"{plan.bytes / 1e6:,.1f} MB")
    return table
