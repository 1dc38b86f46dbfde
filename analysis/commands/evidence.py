"""`python -m analysis evidence`: are the domains' masks more different than two draws of one?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
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
from pruning.errors import InputError
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.evidence import PairEvidence
    from analysis.learning_curve import LearningCurve


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
    parser.add_argument(
        "--more-sparsities",
        metavar="0.1,0.3,...",
        help="ask the same at these sparsities too, for curves over sparsity",
    )
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=evidence)


def evidence(arguments: argparse.Namespace, report: Report) -> Answer:
    """Resample the stored sums, or read what was found before."""
    prune = prune_spec_of(arguments)
    from analysis.comparisons import EvidenceSpec
    from analysis.evidence import evidence as find
    from analysis.findings import cautions, is_enough, learning_sentence, rows_sentence, sentence
    from analysis.learning_curve import learning_curves

    spec = EvidenceSpec(
        splits=arguments.splits,
        permutations=arguments.permutations,
        bootstraps=arguments.bootstraps,
        rows=arguments.rows,
        seed=arguments.seed,
    )
    others = sparsities_of(arguments)
    if others and prune.block is not None:
        raise InputError(f"The pattern {prune.pattern} has one sparsity; drop --more-sparsities.")
    run = workspace_of(arguments).run(arguments.run)
    pairs = find(run, prune, spec, report)
    curves = learning_curves(run, prune, spec, report)
    at = {}
    for other in others:
        at[other] = find(run, replace(prune, sparsity=other), spec, report)
        learning_curves(run, replace(prune, sparsity=other), spec, report)
    warnings = cautions(run)
    lines = [learning_sentence(curve) for curve in curves]
    enough = is_enough(curves, pairs)
    return Answer(
        data={
            "run": run.id,
            "prune": prune.to_json(),
            "evidence": spec.to_json(),
            "pairs": [{**asdict(pair), "sentence": sentence(pair)} for pair in pairs],
            "learning": [
                {**asdict(curve), "sentence": line}
                for curve, line in zip(curves, lines, strict=True)
            ],
            "enough": enough,
            "more_sparsities": [
                {"sparsity": other, "pairs": [asdict(pair) for pair in found]}
                for other, found in at.items()
            ],
            "cautions": warnings,
        },
        shown=[
            table(pairs),
            f"{rows_sentence(pairs, spec.rows)}\n",
            "Overlap of the mask from k groups of documents with that from all of them",
            learning_table(curves),
            *lines,
            f"{enough}\n",
            *(
                part
                for other, found in at.items()
                for part in (f"At {other:.0%} sparsity", table(found))
            ),
            *warnings,
        ],
    )


def sparsities_of(arguments: argparse.Namespace) -> list[float]:
    """The sparsities of `--more-sparsities`; each is checked where its PruneSpec is made."""
    if arguments.more_sparsities is None:
        return []
    try:
        return [float(part) for part in arguments.more_sparsities.split(",")]
    except ValueError:
        raise InputError(
            f"--more-sparsities is written like 0.1,0.3; {arguments.more_sparsities!r} is not."
        ) from None


def table(pairs: Sequence[PairEvidence]) -> Table:
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


def learning_table(curves: Sequence[LearningCurve]) -> Table:
    """A row a domain, a column a number of groups; the spread over draws in brackets."""
    shown = Table()
    shown.add_column("k")
    counts = sorted({point.groups for curve in curves for point in curve.points})
    for count in counts:
        shown.add_column(str(count), justify="right")
    for curve in curves:
        points = {point.groups: point for point in curve.points}
        cells = [points.get(count) for count in counts]
        shown.add_row(
            curve.domain,
            *(f"{p.with_all:.3f} ({p.with_all_spread:.3f})" if p else "" for p in cells),
        )
    return shown
