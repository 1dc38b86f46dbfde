"""`python -m analysis savings`: what a sub-model saves on this machine, measured."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.commands.submodel_choice import add_choice, spec_of
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.savings.measure import Savings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `savings`."""
    add_choice(parser)
    for flag, value, what in (
        ("--prompt-tokens", 256, "tokens read at once"),
        ("--new-tokens", 32, "tokens written one by one"),
        ("--repeats", 5, "times that each way is timed"),
    ):
        parser.add_argument(flag, type=int, default=value, help=f"{what} (default: {value})")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=lambda arguments, report: savings(arguments, parser, report))


def savings(
    arguments: argparse.Namespace, parser: argparse.ArgumentParser, report: Report
) -> Answer:
    """Measure, or say what was measured on this machine before."""
    spec = spec_of(arguments, parser)
    from analysis.savings.measure import savings as measure
    from analysis.savings.speed import Workload

    work = Workload(
        prompt=arguments.prompt_tokens, new=arguments.new_tokens, repeats=arguments.repeats
    )
    run = workspace_of(arguments).run(spec.run)
    found = measure(run, spec, work, report)
    return Answer(
        data={"run": run.id, **asdict(found)},
        shown=[
            table(found),
            *(f"{way}: not measured. {why}" for way, why in found.missing.items()),
        ],
    )


def table(found: Savings) -> Table:
    """Bytes and medians, one row a form or way."""
    shown = Table(title=f"{found.machine['processor']}, {found.machine['threads']} threads")
    for heading in ("", "MB on disk", "MB in memory", "read, tokens/s", "write, tokens/s"):
        shown.add_column(heading, justify="right" if heading else "left")
    for form, size in found.disk.items():
        shown.add_row(form, f"{size / 1e6:,.2f}", "", "", "")
    for way in found.speed:
        memory = found.memory.get(way)
        shown.add_row(
            way,
            "",
            f"{memory / 1e6:,.2f}" if memory else "",
            f"{found.median(way, 'read'):,.0f}",
            f"{found.median(way, 'write'):,.0f}",
        )
    return shown
