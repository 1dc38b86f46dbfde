"""Is the overlap of two domains really smaller than that of two draws of one domain?

Asks `comparisons` to count, `yardsticks` to measure, and keeps what was found with the run. All of
it comes from the stored sums per group of documents, without a forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from analysis.evidence.comparisons import Comparison, Counts, EvidenceSpec, join
from analysis.evidence.design import UNEVEN
from analysis.evidence.origins import origins
from analysis.evidence.resampling import check_resampling, each_matrix
from analysis.evidence.yardsticks import PairEvidence, Yardsticks, adjusted_p, yardsticks
from analysis.overlap.table import OverlapTable, is_quick, overlap_table
from pruning.masks.making import selected_weights
from pruning.progress import Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import PruneSpec, WeightKey, content_hash

FORMAT = 4  # of the stored file; another number is another file
OLDER = 3  # whose p of domains with unequal text is too small; else the same figures
FOLDER = "evidence"  # in the run's


def evidence(
    run: Run, prune: PruneSpec, spec: EvidenceSpec, report: Report = ignore
) -> tuple[PairEvidence, ...]:
    """The yardsticks of every pair of a run's domains; stored with the run and read back.

    Raises InputError for a score or comparison group that this cannot be asked of, and where a
    run has fewer than two domains or groups.
    """
    stored = stored_evidence(run, prune, spec)
    if stored is not None:
        return stored
    check_resampling(prune)
    weights = selected_weights(run, prune)
    stats = {domain: run.stats(domain) for domain in run.domains}
    comparison = Comparison(stats, spec, origins(run))
    counts = join(
        each_matrix(
            run,
            prune,
            spec.rows,
            spec.seed,
            lambda sampled: comparison.count(sampled, prune),
            report,
            f"Testing the overlaps at {prune.sparsity:.0%}",
        )
    )
    found = pair_evidence(run.domains, comparison, counts, [weight.key for weight in weights])
    if is_quick(run, prune):
        table = overlap_table(run, prune, report)
        found = tuple(_counted(pair, table) for pair in found)
    asked = {"prune": prune.to_json(), "spec": spec.to_json()}
    _kept(run, prune, spec).write({**asked, "pairs": [asdict(pair) for pair in found]})
    return found


def pair_evidence(
    domains: Sequence[str], comparison: Comparison, counts: Counts, keys: Sequence[WeightKey]
) -> tuple[PairEvidence, ...]:
    """The yardsticks of every pair from the counts of the matrices `keys`, in their order."""
    layers = np.array([str(key.layer) for key in keys])
    projections = np.array([key.projection for key in keys])
    found = tuple(
        PairEvidence(
            domain_a=domains[a],
            domain_b=domains[b],
            whole=yardsticks(np.full(len(keys), "whole model"), counts, number, a, b)[0],
            layers=yardsticks(layers, counts, number, a, b),
            projections=yardsticks(projections, counts, number, a, b),
            smallest_p=comparison.smallest_p((a, b)),
            units=comparison.designs[a, b].units,
            equalised=comparison.designs[a, b].equalised,
            clustered=comparison.designs[a, b].clustered,
            blocked=comparison.designs[a, b].blocked,
        )
        for number, (a, b) in enumerate(comparison.pairs)
    )
    return _adjusted_over_pairs(found)


def stored_evidence(
    run: Run, prune: PruneSpec, spec: EvidenceSpec
) -> tuple[PairEvidence, ...] | None:
    """What `evidence` found before; None if it was not asked yet.

    An older program's answer counts where a new one would be the same: with equal text.
    """
    found = _kept(run, prune, spec).find(_rebuild)
    if found is None and not is_uneven(run) and not origins(run):
        found = _kept(run, prune, spec, OLDER).find(_rebuild)
    return None if found is None else found[1]


def is_uneven(run: Run) -> bool:
    """Whether the run's domains have so unequal amounts of text that they are cut for the test."""
    tokens = [entry.tokens for entry in run.manifest.domains.values()]
    return min(tokens) < (1 - UNEVEN) * max(tokens)


def best_evidence(
    run: Run, prune: PruneSpec
) -> tuple[EvidenceSpec, tuple[PairEvidence, ...]] | None:
    """What was found where it was looked at hardest, and how hard; None if it was not asked yet.

    First come the most permutations, as they limit the p-values, then the most rows.
    """
    for version in (FORMAT, OLDER):
        there = (run.folder / FOLDER).glob(f"{_name(prune, version)}-*.json")
        found = [Kept(path).read(_rebuild) for path in there]
        if found:
            return max(found, key=lambda each: _effort(each[0]))
    return None


def stored_at_sparsities(run: Run, prune: PruneSpec) -> dict[float, tuple[PairEvidence, ...]]:
    """The best evidence at each whole percent of sparsity, for the same choice otherwise.

    Empty for an n:m pattern, whose sparsity is its own.
    """
    if prune.block is not None or not (run.folder / FOLDER).exists():
        return {}
    there = {path.name.split("-")[0] for path in (run.folder / FOLDER).glob("*.json")}
    found = {}
    for percent in range(1, 100):
        at = replace(prune, sparsity=percent / 100)
        names = {_name(at, version) for version in (FORMAT, OLDER)}
        best = best_evidence(run, at) if names & there else None
        if best is not None:
            found[at.sparsity] = best[1]
    return found


def _effort(spec: EvidenceSpec) -> tuple[float, ...]:
    rows = spec.rows or np.inf
    return spec.permutations, rows, spec.bootstraps, spec.splits, -spec.seed


def _rebuild(record: dict[str, Any]) -> tuple[EvidenceSpec, tuple[PairEvidence, ...]]:
    pairs = tuple(PairEvidence.from_json(pair) for pair in record["pairs"])
    return EvidenceSpec.from_json(record["spec"]), pairs


def _counted(pair: PairEvidence, table: OverlapTable) -> PairEvidence:
    """With overlaps counted on all weights in place of those estimated from some rows."""
    names = pair.domain_a, pair.domain_b
    a, b = (table.domains.index(name) for name in names)
    by_part = {str(part): each for part, each, _ in table.per_layer(*names)}
    by_part |= {part: each for part, each, _ in table.per_projection(*names)}
    by_part[pair.whole.part] = float(table.jaccard()[a, b])

    def exact(row: Yardsticks) -> Yardsticks:
        return replace(row, overlap=by_part[row.part], overlap_se=0.0)

    return replace(
        pair,
        whole=exact(pair.whole),
        layers=tuple(map(exact, pair.layers)),
        projections=tuple(map(exact, pair.projections)),
    )


def _adjusted_over_pairs(pairs: Sequence[PairEvidence]) -> tuple[PairEvidence, ...]:
    """With the p-values of the whole model adjusted over the pairs of domains."""
    adjusted = adjusted_p([pair.whole.p for pair in pairs])
    return tuple(
        replace(pair, whole=replace(pair.whole, adjusted_p=float(p)))
        for pair, p in zip(pairs, adjusted, strict=True)
    )


def _kept(run: Run, prune: PruneSpec, spec: EvidenceSpec, version: int = FORMAT) -> Kept:
    return Kept.of(run.folder / FOLDER, spec.to_json(), f"{_name(prune, version)}-")


def _name(prune: PruneSpec, version: int = FORMAT) -> str:
    """What the files of these masks begin with."""
    return content_hash([version, prune.to_json()])
