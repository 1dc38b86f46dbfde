"""`python -m pruning archive`: an exported sub-model as one .zip file."""

from __future__ import annotations

import argparse
from pathlib import Path

from pruning.commands.console import Answer
from pruning.commands.options import add_json
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `archive`."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="an exported folder")
    parser.add_argument(
        "--out", metavar="FILE.zip", type=Path, required=True, help="the archive to write"
    )
    add_json(parser)
    parser.set_defaults(command=archive)


def archive(arguments: argparse.Namespace, report: Report) -> Answer:
    """Pack the folder; an archive that is there is replaced when the new one is complete."""
    from pruning.machine import archive as library

    target = library.archive(arguments.folder.resolve(), arguments.out.absolute(), report)
    size = target.stat().st_size
    return Answer(
        data={"path": str(target), "bytes": size}, shown=[f"{target} has {size / 1e6:,.1f} MB."]
    )
