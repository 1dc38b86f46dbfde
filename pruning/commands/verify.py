"""`python -m pruning verify`: is an exported sub-model what its card says?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `verify`."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="an exported folder")
    parser.add_argument(
        "--base", metavar="DIR", type=Path, help="the dense model's folder, if it has moved"
    )
    add_json(parser)
    parser.set_defaults(command=verify)


def verify(arguments: argparse.Namespace, report: Report) -> Answer:
    """Make every check; a failed one makes the exit status 1."""
    from pruning.exports import verifying as library

    found = library.verify(arguments.folder, arguments.base, report)
    table = Table()
    for heading in ("check", "", "found"):
        table.add_column(heading)
    for check in found.checks:
        table.add_row(check.name, "ok" if check.ok else "FAILED", check.detail)
    failed = [check.name for check in found.checks if not check.ok]
    return Answer(
        data={"ok": found.ok, **asdict(found)},
        shown=[table],
        failure=f"{arguments.folder} is not what it says: {', '.join(failed)}." if failed else None,
    )
