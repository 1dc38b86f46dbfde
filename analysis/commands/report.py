"""`python -m analysis report`: everything that is known of a run, as one page that works offline."""

from __future__ import annotations

import argparse
from pathlib import Path

from analysis.evidence.options import USUAL, add_effort, effort_of
from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_pruning,
    add_workspace,
    prune_spec_of,
    workspace_of,
)
from pruning.progress import Report
from pruning.specs import PruneSpec

HALF = PruneSpec().sparsity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `report`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_pruning(parser)
    parser.add_argument(
        "--out", metavar="FILE.html", type=Path, required=True, help="the page to write"
    )
    parser.add_argument(
        "--figures",
        metavar="DIR",
        type=Path,
        help="also write every figure there, as SVG and PNG; needs Chrome or Chromium",
    )
    parser.add_argument(
        "--tables",
        metavar="DIR",
        type=Path,
        help="also write every table and every figure's numbers there, as CSV and LaTeX",
    )
    add_effort(parser)
    parser.add_argument(
        "--stored-only",
        action="store_true",
        help="write what has been found already, and test nothing",
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=report_command)


def report_command(arguments: argparse.Namespace, report: Report) -> Answer:
    """Find what is missing, unless only what is stored is wanted, and write the page."""
    if arguments.sparsity is None and arguments.pattern == "unstructured":
        arguments.sparsity = HALF
    prune = prune_spec_of(arguments)
    from analysis.report.page import report_page
    from analysis.report.pictures import check_pictures, write_pictures
    from analysis.report.source import gather
    from analysis.report.written_tables import write_tables
    from pruning.machine.storage import atomic_write

    if arguments.figures is not None:
        check_pictures()
    run = workspace_of(arguments).run(arguments.run)
    asked = arguments.seed or any(getattr(arguments, name) is not None for name in USUAL)
    spec = effort_of(arguments) if asked else None  # None: the best that is stored
    source = gather(run, prune, spec, report, compute=not arguments.stored_only)
    page = report_page(source)
    out = arguments.out.expanduser().resolve()
    atomic_write(out, lambda temporary: temporary.write_text(page, encoding="utf-8"))
    files = [out]
    if arguments.figures is not None:
        files += write_pictures(source, arguments.figures.expanduser().resolve(), report)
    if arguments.tables is not None:
        files += write_tables(source, arguments.tables.expanduser().resolve())
    return Answer(
        data={"run": run.id, "prune": prune.to_json(), "files": [str(path) for path in files]},
        shown=[f"Wrote {path}" for path in files],
    )
