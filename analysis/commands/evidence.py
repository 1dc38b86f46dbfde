"""`python -m analysis evidence`: are the domains' masks more different than two draws of one?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from rich.table import Table

from analysis.commands.parts import add_of, evidence_of
from analysis.evidence.options import (
    add_effort,
    add_more_sparsities,
    effort_of,
    sparsities_of,
)
from pruning.commands.console import Answer
from pruning.commands.options import (
    add_json,
    add_pruning,
    add_workspace,
    prune_spec_of,
    workspace_of,
)
from pruning.errors import InputError
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.evidence.learning_curve import LearningCurve
    from analysis.evidence.yardsticks import PairEvidence, Yardsticks
    from pruning.specs import PruneSpec

EXACT = "--rows 0 counts all rows."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `evidence`."""
    parser.add_argument("--run", metavar="ID", required=True, help="a calibration run's id")
    add_pruning(parser)
    add_of(parser)
    add_effort(parser)
    add_more_sparsities(parser, "ask the same")
    add_workspace(parser)
    add_json(parser)
    parser.set_defaults(command=evidence)


def evidence(arguments: argparse.Namespace, report: Report) -> Answer:
    """Resample the stored sums, or read what was found before."""
    prune = prune_spec_of(arguments)
    if arguments.of != "weights":
        return of_parts(arguments, prune, report)
    from analysis.evaluation.specialisation import stored_specialisation
    from analysis.evidence.findings import (
        cautions,
        is_enough,
        learning_sentence,
        p_sentence,
        rows_sentence,
        sentence,
    )
    from analysis.evidence.learning_curve import learning_curves
    from analysis.evidence.testing import evidence as find

    spec = effort_of(arguments)
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
    measured = stored_specialisation(run, prune)
    words = [sentence(pair, measured=measured) for pair in pairs]
    lines = [learning_sentence(curve) for curve in curves]
    enough = is_enough(curves, pairs)
    sampled = rows_sentence(pairs, spec.rows) + (f" {EXACT}" if spec.rows else "")
    return Answer(
        data={
            "run": run.id,
            "prune": prune.to_json(),
            "evidence": spec.to_json(),
            "pairs": [
                {**asdict(pair), "sentence": said} for pair, said in zip(pairs, words, strict=True)
            ],
            "specialisation": measured.row() if measured else None,
            "learning": [
                {**asdict(curve), "sentence": line}
                for curve, line in zip(curves, lines, strict=True)
            ],
            "enough": enough,
            "rows": sampled,
            "more_sparsities": [
                {"sparsity": other, "pairs": [asdict(pair) for pair in found]}
                for other, found in at.items()
            ],
            "cautions": warnings,
        },
        shown=[
            *by_part(pairs),
            f"{sampled} {p_sentence(pairs)}\n",
            *words,
            "\nOverlap of the mask from k groups of documents with that from all of them",
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


def of_parts(arguments: argparse.Namespace, prune: PruneSpec, report: Report) -> Answer:
    """The same of whole parts: the yardsticks of every pair, a sentence each, and cautions."""
    from analysis.evidence.findings import cautions, p_sentence

    others, spec = sparsities_of(arguments), effort_of(arguments)
    run = workspace_of(arguments).run(arguments.run)
    at = {
        each.sparsity: evidence_of(run, arguments.of, each, spec, report)
        for each in (prune, *(replace(prune, sparsity=other) for other in others))
    }
    pairs, words = at[prune.sparsity]
    warnings = cautions(run)
    return Answer(
        data={
            "run": run.id,
            "of": arguments.of,
            "prune": prune.to_json(),
            "evidence": spec.to_json(),
            "pairs": [
                {**asdict(pair), "sentence": said} for pair, said in zip(pairs, words, strict=True)
            ],
            "more_sparsities": [
                {"sparsity": other, "pairs": [asdict(pair) for pair in at[other][0]]}
                for other in others
            ],
            "cautions": warnings,
        },
        shown=[
            *(by_part(pairs)[:4] if pairs[0].layers else ["The whole model", table(pairs)]),
            f"{p_sentence(pairs)}\n",
            *words,
            *(
                part
                for other in others
                for part in (f"At {other:.0%} sparsity", table(at[other][0]))
            ),
            *warnings,
        ],
    )


def by_part(pairs: Sequence[PairEvidence]) -> list[str | Table]:
    """The yardsticks of every pair: of the whole model, of each layer and of each projection."""
    return [
        "The whole model",
        table(pairs),
        "Every decoder layer",
        parts_table("layer", [(pair, row) for pair in pairs for row in pair.layers]),
        "Every projection",
        parts_table("projection", [(pair, row) for pair in pairs for row in pair.projections]),
    ]


def table(pairs: Sequence[PairEvidence]) -> Table:
    """The yardsticks of every pair, for the whole model."""
    return parts_table("", [(pair, pair.whole) for pair in pairs])


def parts_table(kind: str, rows: Sequence[tuple[PairEvidence, Yardsticks]]) -> Table:
    """A line for each pair and part. kind: of the parts; "" for the whole model."""
    shown = Table()
    shown.add_column("domains")
    if kind:
        shown.add_column(kind)
    for heading in ("overlap", "ceiling", "cross", "chance", "magnitudes", "index", "95%"):
        shown.add_column(heading, justify="right")
    for heading in ("unlimited text", "p", "adjusted p"):
        shown.add_column(heading, justify="right")
    for pair, row in rows:
        shown.add_row(
            f"{pair.domain_a}, {pair.domain_b}",
            *([row.part] if kind else []),
            *(f"{value:.3f}" for value in (row.overlap, row.ceiling, row.cross, row.chance)),
            f"{row.magnitude_a:.3f}, {row.magnitude_b:.3f}",
            f"{row.index:.3f}",
            f"{row.index_low:.3f} to {row.index_high:.3f}",
            f"{row.unlimited_index:.3f}",
            f"{row.p:.2g}",
            f"{row.adjusted_p:.2g}",
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
