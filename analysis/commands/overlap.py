"""`python -m analysis overlap`: Jaccard overlaps of a run's domains, with the chance level."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from rich.table import Table

from analysis.commands.parts import add_of, overlap_of
from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_pruning,
    add_workspace,
    prune_spec_of,
    workspace_of,
)
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.overlap.table import OverlapTable
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

SETS = (("kept", True), ("pruned", False))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `overlap`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_pruning(parser)
    add_of(parser)
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=overlap)


def overlap(arguments: argparse.Namespace, report: Report) -> Answer:
    """Count, or read what was counted before."""
    prune = prune_spec_of(arguments)
    from analysis.overlap.table import overlap_table

    run = workspace_of(arguments).run(arguments.run)
    if arguments.of != "weights":
        table, data, shown = overlap_of(run, arguments.of, prune, report)
        return _answer(run, prune, arguments.of, table, data, shown)
    table = overlap_table(run, prune, report)
    return _answer(run, prune, "weights", table)


def _answer(
    run: Run,
    prune: PruneSpec,
    of: str,
    table: OverlapTable,
    more: Mapping[str, Any] | None = None,
    shown: Sequence[str | Table] = (),
) -> Answer:
    """of: what is compared; it is said where it is not weights. more, shown: what else is known."""
    parts = {} if of == "weights" else {"of": of}
    data = overlap_data(table)
    if of != "weights":
        data["units"] = data.pop("weights")
    if of == "layers":
        del data["per_layer"], data["per_projection"]  # all layers are one row
    return Answer(
        data={"run": run.id, "prune": prune.to_json(), **parts, **data, **(more or {})},
        shown=[
            *(
                part
                for name, kept in SETS
                for part in (
                    f"Jaccard overlap of the {name} {of} (below it: by chance)",
                    matrix(table, kept),
                )
            ),
            *shown,
        ],
    )


def overlap_data(table: OverlapTable) -> dict[str, Any]:
    """Matrices (domain, domain) and, for each pair of domains, layers and projections.

    Not-a-number (null in JSON) where both sets are empty.
    """
    pairs = list(combinations(table.domains, 2))
    matrices = {}
    for name, kept in SETS:
        matrices[f"jaccard_{name}"] = table.jaccard(kept=kept)
        matrices[f"chance_{name}"] = table.chance(kept=kept)
    return {
        "domains": table.domains,
        "weights": int(table.total.sum()),
        **matrices,
        "per_layer": [
            row
            for a, b in pairs
            for row in pair_rows(
                a, b, "layer", *(table.per_layer(a, b, kept=kept) for _, kept in SETS)
            )
        ],
        "per_projection": [
            row
            for a, b in pairs
            for row in pair_rows(
                a, b, "projection", *(table.per_projection(a, b, kept=kept) for _, kept in SETS)
            )
        ],
    }


def pair_rows(
    a: str,
    b: str,
    part: str,
    kept: list[tuple[Any, float, float]],
    pruned: list[tuple[Any, float, float]],
) -> list[dict[str, Any]]:
    """One dict for each layer or projection of a pair, from (part, Jaccard, chance level)."""
    return [
        {
            "domain_a": a,
            "domain_b": b,
            part: of_kept[0],
            "jaccard_kept": of_kept[1],
            "chance_kept": of_kept[2],
            "jaccard_pruned": of_pruned[1],
            "chance_pruned": of_pruned[2],
        }
        for of_kept, of_pruned in zip(kept, pruned, strict=True)
    ]


def matrix(table: OverlapTable, kept: bool) -> Table:
    """Jaccard overlaps with the chance level of each pair below."""
    jaccard, chance = table.jaccard(kept=kept), table.chance(kept=kept)
    shown = Table()
    shown.add_column("")
    for domain in table.domains:
        shown.add_column(domain, justify="right")
    for row, domain in enumerate(table.domains):
        cells = [
            number(jaccard[row, column])
            + ("" if row == column else f"\n({number(chance[row, column])})")
            for column in range(len(table.domains))
        ]
        shown.add_row(domain, *cells)
    return shown


def number(value: float) -> str:
    """Three decimals; a dash where there is nothing to compare."""
    return "-" if math.isnan(value) else f"{value:.3f}"
