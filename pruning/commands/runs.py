"""`python -m pruning runs`: the calibration runs of the workspace."""

from __future__ import annotations

import argparse
import datetime
import sys

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `runs`."""
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=runs)


def runs(arguments: argparse.Namespace, report: Report) -> Answer:
    """List them, the newest first; those that cannot be read are named on stderr."""
    workspace = workspace_of(arguments)
    found = workspace.runs()
    for problem in workspace.problems():
        print(problem, file=sys.stderr)
    table = Table()
    for heading in ("run", "model", "domains", "samples", "layers", "status", "created"):
        table.add_column(heading)
    for run in found:
        sample = run.spec.sample
        created = datetime.datetime.fromtimestamp(run.manifest.created)
        table.add_row(
            run.id,
            run.spec.model.source,
            ", ".join(run.domains),
            f"{sample.num_samples} x {sample.seq_len} tokens",
            str(len(run.layers)),
            run.status,
            f"{created:%Y-%m-%d %H:%M}",
        )
    data = [
        {
            "run": run.id,
            "path": str(run.folder),
            "status": run.status,
            "created": run.manifest.created,
            "domains": list(run.domains),
            "layers": list(run.layers),
            "spec": run.spec.to_json(),
        }
        for run in found
    ]
    return Answer(data=data, shown=[table if found else f"There are no runs in {workspace.root}."])
