"""`python -m pruning domains`: the built-in domains."""

from __future__ import annotations

import argparse

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json
from pruning.progress import Report

YOUR_OWN = (
    "Your own: name=PATH (a file, folder or zip archive) or "
    "name=hf:ID[:CONFIG[:SPLIT[:COLUMN]]] (a data set of the Hugging Face hub)."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `domains`."""
    add_json(parser)
    parser.set_defaults(command=domains)


def domains(arguments: argparse.Namespace, report: Report) -> Answer:
    """List them in their usual order."""
    from pruning.domains import describe_builtin

    described = describe_builtin()
    table = Table()
    for heading in ("domain", "title", "what it holds"):
        table.add_column(heading)
    for row in described:
        table.add_row(*row)
    data = [
        {"domain": name, "title": title, "description": sentence}
        for name, title, sentence in described
    ]
    return Answer(data=data, shown=[table, YOUR_OWN])
