"""Evidence on whole parts: the same halves, draws and shuffles, of channels, heads or layers.

A row of units is handed on as a weight matrix of one row (see `overlap.part_scores`), so nothing
is counted or tested in another way than for weights.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import torch

from analysis.evidence.comparisons import Comparison, EvidenceSpec, join
from analysis.evidence.origins import origins
from analysis.evidence.resampling import SampledRows, check_resampling
from analysis.evidence.testing import FOLDER, FORMAT, pair_evidence
from analysis.evidence.yardsticks import PairEvidence
from analysis.overlap.part_scores import PartScores, part_scores
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import PruneSpec


def evidence_of_parts(
    run: Run, of: str, prune: PruneSpec, spec: EvidenceSpec, report: Report = ignore
) -> tuple[PairEvidence, ...]:
    """The yardsticks of every pair of domains, of whole parts; stored with the run and read back.

    of: "channels", "heads" or "layers"; of layers there are yardsticks of the whole model only. All
    units are counted, so `spec.rows` has no say. Raises as `part_scores` and `evidence`.
    """
    stored = stored_evidence_of_parts(run, of, prune, spec)
    if stored is not None:
        return stored
    check_resampling(prune)
    scores = part_scores(run, of, prune, report)
    comparison = Comparison(scores.stats, spec, origins(run))
    meter = Meter(report, f"Testing the overlaps of {of} at {prune.sparsity:.0%}", len(scores.rows))
    counts = []
    for sampled in rows_of_units(scores):
        counts.append(comparison.count(sampled, prune))
        meter.step(str(sampled.key))
    found = pair_evidence(run.domains, comparison, join(counts), [row.key for row in scores.rows])
    if of == "layers":
        found = tuple(replace(pair, layers=(), projections=()) for pair in found)
    _kept(run, of, prune, spec).write({"pairs": [asdict(pair) for pair in found]})
    return found


def rows_of_units(scores: PartScores) -> list[SampledRows]:
    """Every row of units as a matrix whose only row is in the sample."""
    return [
        SampledRows(
            weight=row,
            magnitude=torch.from_numpy(scores.magnitude[row.key]).float()[None],
            scale=1.0,
        )
        for row in scores.rows
    ]


def stored_evidence_of_parts(
    run: Run, of: str, prune: PruneSpec, spec: EvidenceSpec
) -> tuple[PairEvidence, ...] | None:
    """What `evidence_of_parts` found before; None if it was not asked yet."""
    return _kept(run, of, prune, spec).find(
        lambda record: tuple(PairEvidence.from_json(pair) for pair in record["pairs"])
    )


def _kept(run: Run, of: str, prune: PruneSpec, spec: EvidenceSpec) -> Kept:
    asked = [FORMAT, prune.to_json(), replace(spec, rows=0).to_json()]
    return Kept.of(run.folder / FOLDER, asked, f"{of}-")
