"""`python -m analysis structure`: the families of a run's domains, and the regions they keep."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

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
    from analysis.structure.families import Families
    from analysis.structure.regions import RegionCounts
    from analysis.structure.replication import Replication
    from analysis.structure.sharp import SharpRegions

SHOWN_REGIONS = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `structure`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_pruning(parser)
    parser.add_argument(
        "--top",
        type=float,
        default=0.05,
        help="sharp regions: share of a domain's own highest scores (default: 0.05)",
    )
    parser.add_argument(
        "--others-top",
        type=float,
        default=0.05,
        help="sharp regions: share of the other domains' highest scores (default: 0.05)",
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=structure)


def structure(arguments: argparse.Namespace, report: Report) -> Answer:
    """Count the regions, or read what was counted before; of too many domains, all but them."""
    prune = prune_spec_of(arguments)
    from analysis.overlap.table import overlap_table
    from analysis.structure import findings
    from analysis.structure.families import families
    from analysis.structure.regions import refusal, region_counts
    from analysis.structure.replication import replicated, replication_sentence
    from analysis.structure.sharp import SharpSpec, sharp_regions

    spec = SharpSpec(top=arguments.top, others_top=arguments.others_top)
    run = workspace_of(arguments).run(arguments.run)
    found = families(run.domains, overlap_table(run, prune, report).jaccard())
    reason = refusal(len(run.domains))  # the rest needs no regions
    regions = region_counts(run, prune, report) if reason is None else None
    kept = [reason] if reason else []
    if regions is not None:
        kept = [findings.core_sentence(regions), findings.exclusive_sentence(regions)]
    # of a score that ignores the text no domain can have a sharp region
    sharp = sharp_regions(run, prune, spec, report) if prune.reads_text else None
    again = replicated(run, prune, spec, report)
    tree = [findings.families_sentence(found), findings.trust_sentence(found)]
    own = [findings.sharp_sentence(sharp, spec)] if sharp else []
    own += [replication_sentence(rows, what) for what, rows in again.items()]
    return Answer(
        data={
            "run": run.id,
            "prune": prune.to_json(),
            "domains": run.domains,
            "families": families_data(found),
            "regions": region_rows(regions) if regions else [],
            "cells": cell_rows(regions) if regions else [],
            "sharp_spec": spec.to_json(),
            "sharp": sharp_rows(sharp) if sharp else [],
            "replication": {what: [each.row() for each in rows] for what, rows in again.items()},
            "sentences": [*filter(None, tree), *kept, *own],
        },
        shown=[
            *filter(None, tree),
            merges_table(found),
            *kept,
            *([regions_table(regions)] if regions else []),
            *own,
            *([sharp_table(sharp)] if sharp else []),
            *(replication_table(rows) for rows in again.values()),
        ],
    )


def families_data(found: Families) -> dict[str, Any]:
    """The tree and the map as plain data."""
    return {
        "order": found.order,
        "distances": found.distances,
        "merges": [asdict(merge) for merge in found.merges],
        "cophenetic_correlation": found.cophenetic,
        "points": found.points,
        "explained": found.explained,
    }


def region_rows(regions: RegionCounts) -> list[dict[str, Any]]:
    """Every region that holds a weight, the largest first."""
    counts, expected = regions.counts.sum(axis=0), regions.expected.sum(axis=0)
    total = int(counts.sum())
    return [
        {
            "kept_by": [name for name, kept in zip(regions.domains, members, strict=True) if kept],
            "weights": int(counts[region]),
            "share": counts[region] / total,
            "share_of_independent_masks": expected[region] / total,
        }
        for region in (-counts).argsort(kind="stable")
        if counts[region]
        for members in [regions.members[region]]
    ]


def cell_rows(regions: RegionCounts) -> list[dict[str, Any]]:
    """For every layer and projection: the core's share of what any domain keeps, and of what each
    domain keeps the share that it keeps alone."""
    whole = regions.kept_by_any
    layers, projections, core = regions.layer_by_projection(regions.core, whole)
    _, _, chance = regions.layer_by_projection(regions.core, whole, expected=True)
    alone = {
        name: regions.layer_by_projection(regions.exclusive(name), regions.kept_by(name))[2]
        for name in regions.domains
    }
    return [
        {
            "layer": layer,
            "projection": projection,
            "core": core[row, column],
            "core_of_independent_masks": chance[row, column],
            "exclusive": {name: cells[row, column] for name, cells in alone.items()},
        }
        for row, layer in enumerate(layers)
        for column, projection in enumerate(projections)
    ]


def sharp_rows(sharp: SharpRegions) -> list[dict[str, Any]]:
    """Every domain's sharp region."""
    return [
        {
            "domain": name,
            "top": int(sharp.top[index].sum()),
            "weights": int(sharp.sharp[index].sum()),
            "share_of_top": sharp.share_of_top(name),
            "share_of_top_of_independent_rankings": sharp.share_of_top(name, expected=True),
            "share_of_weights": sharp.share_of_weights(name),
            "in_fullest_channels": sharp.concentration(name),
        }
        for index, name in enumerate(sharp.domains)
    ]


def merges_table(found: Families) -> Table:
    """The joins of the tree, the lowest first."""
    shown = _table("joined", "distance")
    for merge in found.merges:
        shown.add_row(", ".join(merge.members), f"{merge.height:.4f}")
    return shown


def regions_table(regions: RegionCounts) -> Table:
    """The largest regions."""
    shown = _table("kept by exactly", "weights", "share", "independent")
    for row in region_rows(regions)[:SHOWN_REGIONS]:
        shown.add_row(
            ", ".join(row["kept_by"]) or "none",
            f"{row['weights']:,}",
            f"{row['share']:.2%}",
            f"{row['share_of_independent_masks']:.2%}",
        )
    return shown


def sharp_table(sharp: SharpRegions) -> Table:
    """Every domain's sharp region."""
    shown = _table("domain", "sharp weights", "of its top", "of all", "in the fullest 1% channels")
    for row in sharp_rows(sharp):
        shown.add_row(
            row["domain"],
            f"{row['weights']:,}",
            *(f"{row[name]:.2%}" for name in ("share_of_top", "share_of_weights")),
            f"{row['in_fullest_channels']:.0%}",
        )
    return shown


def replication_table(found: tuple[Replication, ...]) -> Table:
    """What of every domain's region came out again on the other half of the text."""
    shown = _table("domain", "found on a half", "of what it keeps", "again", "by chance", "floor")
    for each in found:
        row = each.row()
        shares = (row["confirmed_share"], row["by_chance_share"])
        shown.add_row(
            each.domain,
            f"{each.found:,}",
            f"{row['found_share']:.2%}",
            *("" if share is None else f"{share:.1%}" for share in shares),
            f"{row['floor_share']:.2%}",
        )
    return shown


def _table(first: str, *others: str) -> Table:
    shown = Table()
    shown.add_column(first)
    for heading in others:
        shown.add_column(heading, justify="right")
    return shown
