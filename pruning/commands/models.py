"""`python -m pruning models`: the models that are on this machine."""

from __future__ import annotations

import argparse

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json
from pruning.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `models`."""
    add_json(parser)
    parser.set_defaults(command=models)


def models(arguments: argparse.Namespace, report: Report) -> Answer:
    """List the demo model and what the hub's cache holds."""
    from pruning.models.inspection import list_models

    found = list_models()
    table = Table()
    for heading in ("model", "title", "where"):
        table.add_column(heading)
    for model in found:
        table.add_row(str(model["source"]), str(model["title"]), str(model["where"]))
    return Answer(data=found, shown=[table])
