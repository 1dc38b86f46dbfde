"""`python -m analysis routing`: which experts each domain's tokens are sent to."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rich.table import Table

from pruning.commands.console import Answer
from pruning.commands.options import add_json, add_workspace, workspace_of
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.structure.routing import RoutingTable

SHOWN_EXPERTS = 16  # in a layer, for which the shares are printed; --json has all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `routing`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=routing)


def routing(arguments: argparse.Namespace, report: Report) -> Answer:
    """From the stored counts, without a forward pass."""
    from analysis.structure.routing import (
        distance_sentence,
        routing_sentence,
        routing_table,
        starved_experts_sentence,
    )
    from pruning.runs.statistics import ENOUGH_TOKENS

    run = workspace_of(arguments).run(arguments.run)
    table = routing_table(run)
    sentences = [routing_sentence(table, domain) for domain in table.domains]
    sentences.append(distance_sentence(table))
    starved = starved_experts_sentence(table)
    return Answer(
        data={
            "run": run.id,
            "domains": table.domains,
            "layers": table.layers,
            "text_tokens": table.text,
            "experts": list(table.rows()),
            "distance": table.distance(),
            "enough_tokens": ENOUGH_TOKENS,
            "starved": table.starved(),
            "sentences": sentences,
        },
        shown=[_shares(table), *sentences, *([starved] if starved else [])],
    )


def _shares(table: RoutingTable) -> Table:
    """A row for each domain and layer, a column for each expert."""
    shown = min(table.experts, SHOWN_EXPERTS)
    more = f" (the first {shown} of {table.experts})" if shown < table.experts else ""
    drawn = Table(title=f"Share of the tokens sent to each expert{more}", title_justify="left")
    drawn.add_column("domain")
    drawn.add_column("layer", justify="right")
    for expert in range(shown):
        drawn.add_column(str(expert), justify="right")
    for name, of_domain in zip(table.domains, table.shares(), strict=True):
        for layer, shares in zip(table.layers, of_domain[:, :shown], strict=True):
            cells = ["" if share != share else f"{share:.1%}" for share in shares]
            drawn.add_row(name, str(layer), *cells)
    return drawn
