"""`python -m analysis evidence`: are the domains' masks more different than two draws of one?"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

from pruning.commands.options import (
    add_json,
    add_pruning,
    add_workspace,
    prune_spec_of,
    workspace_of,
)
from pruning.console import Answer
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.evidence import PairEvidence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `evidence`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_pruning(parser)
    for flag, value, what in (
        ("--permutations", 200, "of the groups' labels, for the p-values"),
        ("--bootstraps", 200, "draws of groups with replacement, for the interval of the index"),
        ("--splits", 16, "random halvings of every domain's groups, for the ceiling"),
        ("--rows", 12, "rows of each matrix, drawn by the seed; 0 for all, which is exact"),
    ):
        parser.add_argument(flag, type=int, default=value, help=f"{what} (default: {value})")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=evidence)


def evidence(arguments: argparse.Namespace, report: Report) -> Answer:
    """Resample the stored sums, or read what was found before."""
    prune = prune_spec_of(arguments)
    from analysis.comparisons import EvidenceSpec
    from analysis.evidence import evidence as find
    from analysis.findings import cautions, sentence

    spec = EvidenceSpec(
        splits=arguments.splits,
        permutations=arguments.permutations,
        bootstraps=arguments.bootstraps,
        rows=arguments.rows,
        seed=arguments.seed,
    )
    run = workspace_of(arguments).run(arguments.run)
    pairs = find(run, prune, spec, report)
    warnings = cautions(run)
    return Answer(
        data={
            "run": run.id,
            "prune": prune.to_json(),
            "evidence": spec.to_json(),
            "pairs": [{**asdict(pair), "sentence": sentence(pair)} for pair in pairs],
            "cautions": warnings,
        },
        shown=[table(pairs), *warnings],
    )


def table(pairs: tuple[PairEvidence, ...]) -> Table:
    """The yardsticks of every pair, for the whole model."""
    shown = Table()
    for heading in ("domains", "overlap", "ceiling", "cross", "chance", "index", "95%", "p"):
        shown.add_column(heading, justify="left" if heading == "domains" else "right")
    for pair in pairs:
        whole = pair.whole
        shown.add_row(
            f"{pair.domain_a}, {pair.domain_b}",
            *(f"{value:.3f}" for value in (whole.overlap, whole.ceiling, whole.cross)),
            f"{whole.chance:.3f}",
            f"{whole.index:.3f}",
            f"{whole.index_low:.3f} to {whole.index_high:.3f}",
            f"{whole.p:.2g}",
        )
    return shown
