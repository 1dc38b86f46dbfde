"""Core and exclusive weights at every whole percent of sparsity, from one ranking of the scores.

A weight's level in a domain is the first percent at which that domain prunes it (see
`analysis.overlap.sparsity_curve`). At percent p every domain keeps it if its lowest level is above p, some
domain if its highest is, and domain d alone if d's level is above p and no other's is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.overlap.sparsity_curve import NEVER, pruning_levels
from analysis.overlap.table import is_small
from pruning.masks.making import from_scores
from pruning.masks.norms import score_norms
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import KeptArrays
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from pruning.specs.selection import select_weights

Integer = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RegionCurves:
    """Weights at the percents 0, 1, ... 99 of sparsity, per weight matrix (W).

    core: (W, 100), kept by every domain. any_domain: (W, 100), kept by at least one. exclusive:
    (W, D, 100), kept by one alone. kept: (W, 100), kept by a domain, the same for each of them.
    total: (W, 1), weights of the matrix.
    """

    domains: tuple[str, ...]
    core: Integer
    any_domain: Integer
    exclusive: Integer
    kept: Integer
    total: Integer

    def core_share(self) -> Float:
        """Of what any domain keeps, what all keep: (100,)."""
        return self.core.sum(axis=0) / self.any_domain.sum(axis=0)

    def exclusive_share(self, domain: str) -> Float:
        """Of what a domain keeps, what no other does: (100,)."""
        own = self.exclusive[:, self.domains.index(domain)]
        return own.sum(axis=0) / self.kept.sum(axis=0)

    def core_share_of_independent_masks(self) -> Float:
        """As `core_share`, with the expected counts of independent masks as dense as these: (100,)."""
        density, count = self.kept / self.total, len(self.domains)
        core = (self.total * density**count).sum(axis=0)
        return core / (self.total * (1 - (1 - density) ** count)).sum(axis=0)

    def exclusive_share_of_independent_masks(self) -> Float:
        """As `exclusive_share`, of independent masks, the same for every domain: (100,)."""
        alone = self.kept * (1 - self.kept / self.total) ** (len(self.domains) - 1)
        return alone.sum(axis=0) / self.kept.sum(axis=0)


def count_curves(levels: Sequence[NDArray[np.uint8]]) -> dict[str, Integer]:
    """Of one matrix, the levels of each domain (out, in): the counts of RegionCurves without W."""
    below, above = [np.zeros_like(levels[0])], [np.zeros_like(levels[0])]
    for level in levels[:-1]:
        below.append(np.maximum(below[-1], level))
    for level in levels[:0:-1]:
        above.append(np.maximum(above[-1], level))
    exclusive = []
    for level, before, after in zip(levels, below, above[::-1], strict=True):
        others = np.maximum(before, after)  # the highest level of any other domain
        exclusive.append(_kept(level) - _kept(np.minimum(level, others)))
    return {
        "core": _kept(np.minimum.reduce(levels)),
        "any_domain": _kept(np.maximum(below[-1], levels[-1])),
        "exclusive": np.stack(exclusive),
        "kept": _kept(levels[0]),
        "total": np.array([levels[0].size]),
    }


def _kept(levels: NDArray[np.uint8]) -> Integer:
    """Weights whose level is above p = 0, 1, ... 99: (100,)."""
    histogram = np.bincount(levels.ravel(), minlength=NEVER + 1)
    return histogram[::-1].cumsum()[::-1][1:]


def has_curves(run: Run, prune: PruneSpec) -> bool:
    """Whether `region_curves` can be asked: a small model, unstructured, row by row, layers alike."""
    plain = prune.pattern == "unstructured" and prune.allocation == "uniform"
    plain &= prune.starved == "magnitude"  # what stays dense has no rank
    return plain and prune.comparison_group == "row" and is_small(run)


def region_curves(run: Run, prune: PruneSpec, report: Report = ignore) -> RegionCurves:
    """The curves of a run's domains, for the layers and projections of `prune`.

    Its sparsity plays no part. Stored with the run and read back the next time. Raises ValueError
    where `has_curves` says no.
    """
    if not has_curves(run, prune):
        raise ValueError("Curves over the sparsity are of unstructured masks of small models.")
    run.require_done()
    every = replace(prune, layers=None, projections=None, sparsity=0.0)
    counts = _stored(run, every).get(lambda: _count(run, every, report), dict)
    keys = [weight.key for weight in run.weights]
    chosen = set(select_weights(keys, prune.layers, prune.projections))
    index = [number for number, key in enumerate(keys) if key in chosen]
    chosen_counts = {name: array[index] for name, array in counts.items()}
    return RegionCurves(domains=run.domains, **chosen_counts)


def _count(run: Run, every: PruneSpec, report: Report) -> dict[str, NDArray]:
    """The curves' counts of all weights, by name."""
    meter = Meter(report, "Counting at every sparsity", len(run.weights))
    norms = score_norms(run, every, run.domains)
    parts = []
    for weight, made in from_scores(run, every, norms, lambda s: pruning_levels(s, every)):
        parts.append(count_curves([made[domain] for domain in run.domains]))
        meter.step(str(weight.key))
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def _stored(run: Run, every: PruneSpec) -> KeptArrays:
    return KeptArrays.of(run.folder / "structure", every.to_json(), "curves-")
