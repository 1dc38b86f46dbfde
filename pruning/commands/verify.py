"""`python -m pruning verify`: is an exported sub-model what its card says?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.progress import Report

if TYPE_CHECKING:
    from pruning.exports.verifying import Check


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `verify`."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="an exported folder")
    parser.add_argument(
        "--base", metavar="DIR", type=Path, help="the dense model's folder, if it has moved"
    )
    parser.add_argument(
        "--errors",
        action="store_true",
        help="of a repaired sub-model: compute each layer's output error again, with the text of the "
        "run that it was made from",
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=verify)


def verify(arguments: argparse.Namespace, report: Report) -> Answer:
    """Make every check; a failed one makes the exit status 1."""
    from pruning.exports import verifying as library

    run = None
    if arguments.errors:
        from pruning.exports.record import read_record

        run = workspace_of(arguments).run(read_record(arguments.folder).run.id)
    found = library.verify(arguments.folder, arguments.base, report, run)
    failed = [check.name for check in found.checks if not check.ok]
    return Answer(
        data={"ok": found.ok, **asdict(found)},
        shown=[checks_table(found.checks)],
        failure=f"{arguments.folder} is not what it says: {', '.join(failed)}." if failed else None,
    )


def checks_table(checks: Sequence[Check]) -> Table:
    """A line for each check: what was looked at, whether it holds, what was found."""
    table = Table()
    for heading in ("check", "", "found"):
        table.add_column(heading)
    for check in checks:
        table.add_row(check.name, "ok" if check.ok else "FAILED", check.detail)
    return table
