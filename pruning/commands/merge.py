"""`python -m pruning merge`: bring together what several machines have calibrated."""

from __future__ import annotations

import argparse
from pathlib import Path

from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `merge`."""
    parser.add_argument(
        "sources",
        metavar="FOLDER",
        type=Path,
        nargs="+",
        help="another workspace, or the folder of one run in it; it is only read",
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=merge)


def merge(arguments: argparse.Namespace, report: Report) -> Answer:
    """Take over the sums that are in the sources and not here."""
    from pruning.calibration import merging

    merged = merging.merge(arguments.sources, workspace_of(arguments), report)
    data = [
        {
            "run": each.run.id,
            "path": str(each.run.folder),
            "status": each.run.status,
            "added": each.added,
            "missing": each.missing,
        }
        for each in merged
    ]
    shown = [
        f"Run {each.run.id}: {each.added} groups added, "
        + (f"{each.missing} are missing" if each.missing else f"it is {each.run.status}")
        for each in merged
    ]
    return Answer(data=data, shown=shown)
