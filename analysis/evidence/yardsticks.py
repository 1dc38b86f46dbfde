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
  (smaller overlap), with the +1 correction (Phipson & Smyth 2010). What is shuffled: `design`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.comparisons import Counts
from pruning.specs.plain import Plain

Float = NDArray[np.float64]
NORMAL_95 = 1.959964  # two-sided 95% of a normal distribution


@dataclass(frozen=True, kw_only=True)
class Yardsticks:
    """One pair of domains, in the whole model or a part of it; overlaps are Jaccard of kept sets.

    adjusted_p: Benjamini-Hochberg over the pair's layers, or over its projections, or, for the
    whole model, over the run's pairs. *_se: the standard error that the sample of rows brings; 0
    where all rows were taken, and of an overlap that was counted on all weights anyway. It is part
    of the index's interval.
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

    @property
    def unlimited_index(self) -> float:
        """The index that unlimited text would give: of masks that no choice of documents blurs.

        Masks differ in proportion to the root of the variance between their norms, and variances
        add up: halves of two domains differ by the domains and by two draws, halves of one by two
        draws. So of the kept weights that change, c = (1 - J) / (1 + J), the domains' own share is
        the root of c_cross^2 - c_ceiling^2; the ceiling is then 1.
        """
        cross, ceiling = ((1 - each) / (1 + each) for each in (self.cross, self.ceiling))
        changed = max(cross**2 - ceiling**2, 0.0) ** 0.5
        room = 1 - self.chance
        return (1 - (1 - changed) / (1 + changed)) / room if room > 1e-12 else 0.0


@dataclass(frozen=True, kw_only=True)
class PairEvidence(Plain):
    """All that is known of one pair of domains. smallest_p: the least p that was possible.

    units: how many of either domain were shuffled; None in results of before they were counted.
    equalised, clustered, blocked: see `design.Design`.
    """

    domain_a: str
    domain_b: str
    whole: Yardsticks
    layers: tuple[Yardsticks, ...]
    projections: tuple[Yardsticks, ...]
    smallest_p: float
    units: tuple[int, int] | None = None
    equalised: bool = False
    clustered: bool = False
    blocked: bool = False


def adjusted_p(p: Sequence[float]) -> NDArray[np.float64]:
    """p-values adjusted for their number (Benjamini & Hochberg 1995): (n,) -> (n,)."""
    from scipy.stats import false_discovery_control  # slow to import; pages only read

    return false_discovery_control(p)


def yardsticks(
    labels: NDArray[np.str_], counts: Counts, pair: int, a: int, b: int
) -> tuple[Yardsticks, ...]:
    """One row for each distinct label of the matrices (W,), in their order.

    pair: the pair's number; a, b: its domains'. The p-values are adjusted over the rows.
    """
    names: Sequence[str] = list(dict.fromkeys(labels.tolist()))
    found = [_measure(counts, labels == name, pair, a, b) for name in names]
    adjusted = adjusted_p([row["p"] for row in found])
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
    observed = float(jaccard(counts.observed[:, pair]))
    as_small = np.count_nonzero(jaccard(counts.permuted[:, pair]) <= observed)
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
