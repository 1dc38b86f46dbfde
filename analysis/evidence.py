"""Is the overlap of two domains really smaller than that of two draws of one domain?

Everything here comes from the stored sums per group of documents, without a forward pass. The
yardsticks of a pair of domains, for the model, each layer and each projection:

- chance: independent masks of the same density;
- magnitude: each domain's mask against the mask of the weights' magnitudes alone;
- ceiling: masks of two disjoint halves of one domain's groups, over many random halvings, mean of
  the two domains;
- cross: masks of a half of one domain and a half of the other, the same sizes as for the ceiling;
- index = (ceiling - cross) / (ceiling - chance): 0 = no more different than two draws of one
  domain, 1 = as different as independent masks. Its interval is index +- 1.96 standard errors,
  from a bootstrap over groups of documents and, where only some rows were taken, from the rows;
- p: permutation test on the groups' labels, of the overlap of the two full masks, one-sided
  (smaller overlap), with the +1 correction (Phipson & Smyth 2010).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from analysis.comparisons import Comparison, Counts, EvidenceSpec, join
from analysis.resampling import check_resampling, each_matrix
from pruning.progress import Report, ignore
from pruning.specs import PruneSpec, content_hash
from pruning.storage import atomic_json
from pruning.submodels import selected_weights
from pruning.workspace import Run

Float = NDArray[np.float64]
FORMAT = 2  # of the stored file; another number is another file
NORMAL_95 = 1.959964  # two-sided 95% of a normal distribution


@dataclass(frozen=True, kw_only=True)
class Yardsticks:
    """One pair of domains, in the whole model or a part of it; overlaps are Jaccard of kept sets.

    adjusted_p: Benjamini-Hochberg over the pair's layers, or over its projections, or, for the
    whole model, over the run's pairs. *_se: the standard error that the sample of rows brings; 0
    where all rows were taken. It is part of the index's interval.
    """

    part: str
    overlap: float
    chance: float
    ceiling: float
    cross: float
    index: float
    index_low: float
    index_high: float
    magnitude_a: float
    magnitude_b: float
    p: float
    adjusted_p: float
    overlap_se: float
    ceiling_se: float
    cross_se: float
    index_se: float


@dataclass(frozen=True, kw_only=True)
class PairEvidence:
    """All that is known of one pair of domains. smallest_p: the least p that was possible."""

    domain_a: str
    domain_b: str
    whole: Yardsticks
    layers: tuple[Yardsticks, ...]
    projections: tuple[Yardsticks, ...]
    smallest_p: float

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild from plain data."""
        parts = {
            name: tuple(Yardsticks(**row) for row in data[name])
            for name in ("layers", "projections")
        }
        return cls(**{**data, **parts, "whole": Yardsticks(**data["whole"])})


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
    comparison = Comparison({domain: run.stats(domain) for domain in run.domains}, spec)
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
    layers = np.array([str(weight.key.layer) for weight in weights])
    projections = np.array([weight.key.projection for weight in weights])
    found = tuple(
        PairEvidence(
            domain_a=run.domains[a],
            domain_b=run.domains[b],
            whole=yardsticks(np.full(len(weights), "whole model"), counts, number, a, b)[0],
            layers=yardsticks(layers, counts, number, a, b),
            projections=yardsticks(projections, counts, number, a, b),
            smallest_p=comparison.smallest_p((a, b)),
        )
        for number, (a, b) in enumerate(comparison.pairs)
    )
    found = _adjusted_over_pairs(found)
    atomic_json(_path(run, prune, spec), [asdict(pair) for pair in found])
    return found


def stored_evidence(
    run: Run, prune: PruneSpec, spec: EvidenceSpec
) -> tuple[PairEvidence, ...] | None:
    """What `evidence` found before; None if it was not asked yet."""
    path = _path(run, prune, spec)
    if not path.exists():
        return None
    return tuple(PairEvidence.from_json(pair) for pair in json.loads(path.read_text()))


def stored_at_sparsities(
    run: Run, prune: PruneSpec, spec: EvidenceSpec
) -> dict[float, tuple[PairEvidence, ...]]:
    """What has been found at each whole percent of sparsity, for the same choice otherwise.

    Empty for an n:m pattern, whose sparsity is its own.
    """
    if prune.block is not None:
        return {}
    at = {percent / 100: replace(prune, sparsity=percent / 100) for percent in range(1, 100)}
    found = {sparsity: stored_evidence(run, each, spec) for sparsity, each in at.items()}
    return {sparsity: pairs for sparsity, pairs in found.items() if pairs is not None}


def _adjusted_over_pairs(pairs: Sequence[PairEvidence]) -> tuple[PairEvidence, ...]:
    """With the p-values of the whole model adjusted over the pairs of domains."""
    adjusted = false_discovery_control([pair.whole.p for pair in pairs])
    return tuple(
        replace(pair, whole=replace(pair.whole, adjusted_p=float(p)))
        for pair, p in zip(pairs, adjusted, strict=True)
    )


def _path(run: Run, prune: PruneSpec, spec: EvidenceSpec) -> Path:
    name = content_hash([FORMAT, prune.to_json(), spec.to_json()])
    return run.folder / "evidence" / f"{name}.json"


def yardsticks(
    labels: NDArray[np.str_], counts: Counts, pair: int, a: int, b: int
) -> tuple[Yardsticks, ...]:
    """One row for each distinct label of the matrices (W,), in their order.

    pair: the pair's number; a, b: its domains'. The p-values are adjusted over the rows.
    """
    names: Sequence[str] = list(dict.fromkeys(labels.tolist()))
    found = [_measure(counts, labels == name, pair, a, b) for name in names]
    adjusted = false_discovery_control([row["p"] for row in found])
    return tuple(
        Yardsticks(part=name, adjusted_p=float(p), **row)
        for name, p, row in zip(names, adjusted, found, strict=True)
    )


def _measure(
    counts: Counts, part: NDArray[np.bool_], pair: int, a: int, b: int
) -> dict[str, float]:
    kept = counts.kept[part].sum()

    def jaccard(both: Float) -> Float:
        """(W, ...) -> (...): counts are added over the part's matrices before dividing."""
        shared = both[part].sum(axis=0)
        return shared / (2 * kept - shared)

    chance = float(jaccard(counts.kept**2 / counts.total))
    overlap = float(jaccard(counts.full[:, pair]))
    ceiling = (jaccard(counts.within[:, a]) + jaccard(counts.within[:, b])).mean() / 2
    cross = jaccard(counts.cross[:, pair]).mean()
    boot_ceiling = (jaccard(counts.boot_within[:, a]) + jaccard(counts.boot_within[:, b])) / 2
    boot_cross = jaccard(counts.boot_cross[:, pair])
    index = float(_index(ceiling, cross, chance))
    draws = _index(boot_ceiling.mean(axis=-1), boot_cross.mean(axis=-1), chance)
    errors = _row_errors(counts, part, pair, (a, b), chance)
    margin = NORMAL_95 * float(np.hypot(draws.std(ddof=1), errors["index_se"]))
    as_small = np.count_nonzero(jaccard(counts.permuted[:, pair]) <= overlap)
    return {
        "overlap": overlap,
        "chance": chance,
        "ceiling": float(ceiling),
        "cross": float(cross),
        "index": index,
        "index_low": index - margin,
        "index_high": index + margin,
        "magnitude_a": float(jaccard(counts.magnitude[:, a])),
        "magnitude_b": float(jaccard(counts.magnitude[:, b])),
        "p": float((1 + as_small) / (1 + counts.permuted.shape[-1])),
        **errors,
    }


def _row_errors(
    counts: Counts, part: NDArray[np.bool_], pair: int, domains: tuple[int, int], chance: float
) -> dict[str, float]:
    """Standard errors of a pair's yardsticks from the sample of rows, by the delta method.

    Matrices are the strata: their covariances add up. J = S / (2K - S) has the derivative
    2K / (2K - S)^2 by the number S of weights kept by both, with K kept by each.
    """
    a, b = domains
    kept = counts.kept[part].sum()
    halves = (counts.within[:, a], counts.within[:, b], counts.cross[:, pair])
    shared = np.array(
        [counts.full[part, pair].sum(), *(h[part].sum(axis=0).mean() for h in halves)]
    )
    jaccard = shared / (2 * kept - shared)
    slope = 2 * kept / (2 * kept - shared) ** 2
    covariance = counts.row_covariance[part, pair].sum(axis=0) * np.outer(slope, slope)
    ceiling, cross = jaccard[1:3].mean(), jaccard[3]
    room = ceiling - chance
    by_ceiling, by_cross = ((cross - chance) / room**2, -1 / room) if room > 1e-12 else (0.0, 0.0)
    weights = {
        "overlap_se": (1, 0, 0, 0),
        "ceiling_se": (0, 0.5, 0.5, 0),
        "cross_se": (0, 0, 0, 1),
        "index_se": (0, by_ceiling / 2, by_ceiling / 2, by_cross),
    }
    return {
        name: float(np.sqrt(max(np.array(w) @ covariance @ np.array(w), 0.0)))
        for name, w in weights.items()
    }


def _index(ceiling: NDArray, cross: NDArray, chance: float) -> NDArray:
    """0 where there is no room between chance and ceiling, as when nothing is pruned."""
    room = np.asarray(ceiling) - chance
    return np.where(room > 1e-12, (ceiling - cross) / np.maximum(room, 1e-12), 0.0)
