"""`--of`: what `overlap` and `evidence` compare, single weights or whole parts of the model."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from analysis.overlap.parts import OF
from pruning.progress import Report

if TYPE_CHECKING:
    from analysis.evidence.comparisons import EvidenceSpec
    from analysis.evidence.yardsticks import PairEvidence
    from analysis.overlap.owners import Owners
    from analysis.overlap.table import OverlapTable
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

NAMED = 5  # units of every domain's own that are written out


def add_of(parser: argparse.ArgumentParser) -> None:
    """--of."""
    parser.add_argument(
        "--of",
        choices=OF,
        default=OF[0],
        help="what domains share or not: single weights, whole feed-forward channels, attention "
        "heads, or decoder layers, ranked by what they contribute (default: %(default)s)",
    )


def overlap_of(
    run: Run, of: str, prune: PruneSpec, report: Report
) -> tuple[OverlapTable, Mapping[str, Any], Sequence[str | Table]]:
    """The overlaps of whole parts; whose they are, as plain data; and the same to be shown."""
    from analysis.overlap.owners import owners
    from analysis.overlap.part_scores import overlap_of_parts, part_scores

    scores = part_scores(run, of, prune, report)
    whose = owners(scores, prune)
    own = {domain: whose.own(domain) for domain in whose.domains}
    data = {"owners": list(whose.rows()), "own": [row for rows in own.values() for row in rows]}
    shown: list[str | Table] = [
        f"Whose {of} are whose (kept by everybody, by one domain alone, by several, by nobody)",
        _whose(whose),
        *(
            f"{domain} alone keeps {len(rows)} {of}" + (f": {_named(rows, of)}" if rows else ".")
            for domain, rows in own.items()
        ),
    ]
    return overlap_of_parts(scores, prune), data, shown


def _whose(whose: Owners) -> Table:
    shown = Table()
    if whose.of != "layers":
        shown.add_column("layer")
    shown.add_column("part")
    for name in whose.names:
        shown.add_column(name, justify="right")
    for row in whose.rows():
        at = [] if whose.of == "layers" else [str(row["layer"])]
        shown.add_row(*at, row["part"], *(str(row[name]) for name in whose.names))
    return shown


def _named(rows: Sequence[Mapping[str, Any]], of: str) -> str:
    """The first of a domain's own units, by name."""
    said = ", ".join(
        f"layer {row['layer']}"
        + ("" if of == "layers" else f" {row['part']} {row['unit']}")
        + f" ({row['share']:.1%}, elsewhere at most {row['most_elsewhere']:.1%})"
        for row in rows[:NAMED]
    )
    return f"{said}, …" if len(rows) > NAMED else f"{said}."


def evidence_of(
    run: Run, of: str, prune: PruneSpec, spec: EvidenceSpec, report: Report
) -> tuple[Sequence[PairEvidence], Sequence[str]]:
    """The yardsticks of whole parts of every pair, and a sentence for each."""
    from analysis.evidence.findings import sentence
    from analysis.evidence.parts import evidence_of_parts

    pairs = evidence_of_parts(run, of, prune, spec, report)
    return pairs, [sentence(pair, of=of) for pair in pairs]
