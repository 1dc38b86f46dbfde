"""How much the masks of domains overlap: integers per weight matrix first, ratios last.

Jaccard(a, b) = |a and b| / |a or b|, over kept weights or over pruned ones. Layers and the whole
model add integers, then divide. The chance level is what masks of the same densities would share
if they were independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.overlap.sparsity_curve import count_overlaps_by_percent, pruning_levels
from pruning.masks.making import from_scores, run_masks, selected_weights
from pruning.masks.mask import Mask
from pruning.masks.norms import score_norms
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import KeptArrays
from pruning.runs.run import Run
from pruning.specs import PruneSpec, WeightKey
from pruning.specs.selection import select_weights

Integer = NDArray[np.int64]
Float = NDArray[np.float64]

WORDS_AT_A_TIME = 2**14  # of every mask: they stay in the cache while all pairs are counted
CURVE_LIMIT = 100_000_000  # weights times domains up to which all whole percents are counted


@dataclass(frozen=True, kw_only=True)
class OverlapTable:
    """Counts of kept weights, per weight matrix (W) and domain (D).

    kept: (D, W), weights that a domain keeps. both: (D, D, W), weights that two domains keep.
    total: (W,), weights of the matrix.
    """

    domains: tuple[str, ...]
    weights: tuple[WeightKey, ...]
    kept: Integer
    both: Integer
    total: Integer

    def __post_init__(self) -> None:
        count, matrices = len(self.domains), len(self.weights)
        shapes = (self.kept.shape, self.both.shape, self.total.shape)
        if shapes != ((count, matrices), (count, count, matrices), (matrices,)):
            raise ValueError(f"Counts of shapes {shapes} do not fit {count} domains.")

    def select(
        self, layers: Sequence[int] | None = None, projections: Sequence[str] | None = None
    ) -> OverlapTable:
        """The same table for some layers and projections; InputError if there are none."""
        chosen = set(select_weights(self.weights, layers, projections))
        return self._where(chosen.__contains__)

    def jaccard(self, *, kept: bool = True) -> Float:
        """(D, D): overlap of the kept sets, or of the pruned sets. NaN where both are empty."""
        return _ratio(*self._sets(self.both, kept))

    def chance(self, *, kept: bool = True) -> Float:
        """(D, D): the Jaccard expected of independent masks with the same densities.

        In a matrix of n weights two independent masks that keep a and b share a*b/n on average,
        with the same number kept in every comparison group. Expected counts are added over
        matrices, then divided.
        """
        expected = self.kept[:, None, :] * (self.kept[None, :, :] / self.total)
        return _ratio(*self._sets(expected, kept))

    def per_layer(self, a: str, b: str, *, kept: bool = True) -> list[tuple[int, float, float]]:
        """(layer, Jaccard, chance level) of a pair of domains, by layer."""
        return [
            (layer, *self._pair(a, b, kept, lambda key, layer=layer: key.layer == layer))  # type: ignore[misc]
            for layer in self.layers
        ]

    def per_projection(
        self, a: str, b: str, *, kept: bool = True
    ) -> list[tuple[str, float, float]]:
        """(projection, Jaccard, chance level) of a pair of domains, by projection."""
        return [
            (name, *self._pair(a, b, kept, lambda key, name=name: key.projection == name))  # type: ignore[misc]
            for name in self.projections
        ]

    def layer_by_projection(
        self, a: str, b: str, *, kept: bool = True
    ) -> tuple[tuple[int, ...], tuple[str, ...], Float]:
        """Layers (L), projections (P) and the pair's Jaccard in each cell (L, P); NaN = no weight."""
        cells = np.full((len(self.layers), len(self.projections)), np.nan)
        for row, layer in enumerate(self.layers):
            for column, name in enumerate(self.projections):
                part = self._where(
                    lambda key, layer=layer, name=name: (  # type: ignore[misc]
                        key.layer == layer and key.projection == name
                    )
                )
                if part.weights:
                    one, other = self.domains.index(a), self.domains.index(b)
                    cells[row, column] = part.jaccard(kept=kept)[one, other]
        return self.layers, self.projections, cells

    @property
    def layers(self) -> tuple[int, ...]:
        """The decoder layers in the table."""
        return tuple(sorted({key.layer for key in self.weights}))

    @property
    def projections(self) -> tuple[str, ...]:
        """The projections in the table, in the model's order."""
        return tuple(dict.fromkeys(key.projection for key in self.weights))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Tidy: one dict for each pair of domains (each once, and with itself) and matrix."""
        for a, b in combinations_with_replacement(range(len(self.domains)), 2):
            for index, key in enumerate(self.weights):
                yield {
                    "domain_a": self.domains[a],
                    "domain_b": self.domains[b],
                    "layer": key.layer,
                    "weight": key.name,
                    "kept_by_a": int(self.kept[a, index]),
                    "kept_by_b": int(self.kept[b, index]),
                    "kept_by_both": int(self.both[a, b, index]),
                    "total": int(self.total[index]),
                }

    def _where(self, wanted: Callable[[WeightKey], bool]) -> OverlapTable:
        index = [number for number, key in enumerate(self.weights) if wanted(key)]
        return OverlapTable(
            domains=self.domains,
            weights=tuple(self.weights[number] for number in index),
            kept=self.kept[:, index],
            both=self.both[:, :, index],
            total=self.total[index],
        )

    def _pair(
        self, a: str, b: str, kept: bool, wanted: Callable[[WeightKey], bool]
    ) -> tuple[float, float]:
        one, other = self.domains.index(a), self.domains.index(b)
        part = self._where(wanted)
        return float(part.jaccard(kept=kept)[one, other]), float(part.chance(kept=kept)[one, other])

    def _sets(self, both: NDArray, kept: bool) -> tuple[Float, Float]:
        """Sizes of intersection and union (D, D), over all matrices, of the kept or pruned sets."""
        shared = both.sum(axis=2)
        sizes = self.kept.sum(axis=1)
        total = self.total.sum()
        if not kept:
            shared = total - sizes[:, None] - sizes[None, :] + shared
            sizes = total - sizes
        return shared, sizes[:, None] + sizes[None, :] - shared


def _ratio(shared: NDArray, union: NDArray) -> Float:
    with np.errstate(invalid="ignore"):
        return np.where(union > 0, shared / np.maximum(union, 1e-300), np.nan)


def count_overlaps(masks: Sequence[Mask]) -> Integer:
    """Of the masks of one matrix: (D, D) weights kept by both."""
    count = len(masks)
    both = np.zeros((count, count), dtype=np.int64)
    flat = [mask.words.reshape(-1) for mask in masks]
    for start in range(0, len(flat[0]), WORDS_AT_A_TIME):
        words = np.stack([each[start : start + WORDS_AT_A_TIME] for each in flat])
        for a in range(count):
            shared = np.bitwise_count(words[a] & words[a:])
            both[a, a:] += shared.sum(axis=1, dtype=np.uint32)
    return np.maximum(both, both.T)


def overlap_table(run: Run, prune: PruneSpec, report: Report = ignore) -> OverlapTable:
    """The overlaps of all domains of a run, for the weights that `prune` selects.

    Stored with the run and read back the next time; for a model of moderate size every whole
    percent of sparsity is counted in the first go. Raises InputError for layers, projections or a
    pattern that do not fit, AtlasError if the run is unfinished or its model is gone.
    """
    run.require_done()
    keys = [weight.key for weight in run.weights]
    chosen = tuple(weight.key for weight in selected_weights(run, prune))
    every = replace(prune, layers=None, projections=None)
    if _has_curve(run, prune):
        percent = round(prune.sparsity * 100)
        both = _stored(run, _of_curve(prune), "curve", lambda: _curve(run, every, report))
        return _table(run, tuple(keys), both[..., percent]).select(prune.layers, prune.projections)
    if prune.allocation == "uniform" and _kept(run, every, "table").is_there():
        both = _kept(run, every, "table").read(_both)
        return _table(run, tuple(keys), both).select(prune.layers, prune.projections)
    both = _stored(run, prune, "table", lambda: _counts(run, prune, len(chosen), report))
    return _table(run, chosen, both)


def is_quick(run: Run, prune: PruneSpec) -> bool:
    """Whether `overlap_table` answers within seconds: it is stored, or the model is small."""
    every = replace(prune, layers=None, projections=None)
    stored = _kept(run, prune, "table").is_there() or (
        prune.allocation == "uniform" and _kept(run, every, "table").is_there()
    )  # OWL shares the sparsity among the chosen layers, so their masks are not those of all
    return stored or is_small(run) or _has_curve(run, prune)


def is_small(run: Run) -> bool:
    """Whether all masks of the run are made within seconds."""
    size = sum(weight.shape[0] * weight.shape[1] for weight in run.weights)
    return size * len(run.domains) <= CURVE_LIMIT


def _has_curve(run: Run, prune: PruneSpec) -> bool:
    """Whether this choice is one of the whole percents that are counted together."""
    whole_percent = prune.sparsity == round(prune.sparsity * 100) / 100
    ranked = prune.pattern == "unstructured" and prune.allocation == "uniform"
    whole_percent &= prune.starved == "magnitude"  # what stays dense has no rank
    if not ranked or prune.comparison_group != "row" or not whole_percent:
        return False
    return is_small(run) or _kept(run, _of_curve(prune), "curve").is_there()


def _of_curve(prune: PruneSpec) -> PruneSpec:
    """The choice that names the stored curve: without sparsity, layers and projections."""
    return replace(prune, layers=None, projections=None, sparsity=0.0)


def _table(run: Run, keys: tuple[WeightKey, ...], both: Integer) -> OverlapTable:
    sizes = {weight.key: weight.shape[0] * weight.shape[1] for weight in run.weights}
    return OverlapTable(
        domains=run.domains,
        weights=keys,
        kept=np.diagonal(both).T.copy(),
        both=both,
        total=np.array([sizes[key] for key in keys], dtype=np.int64),
    )


def _counts(run: Run, prune: PruneSpec, steps: int, report: Report) -> Integer:
    """(D, D, W): weights kept by both, at one sparsity."""
    meter = Meter(report, "Comparing masks", steps)
    counts = []
    for weight, masks in run_masks(run, prune):
        counts.append(count_overlaps([masks[domain] for domain in run.domains]))
        meter.step(str(weight.key))
    return np.stack(counts, axis=2)


def _curve(run: Run, prune: PruneSpec, report: Report) -> Integer:
    """(D, D, W, 100): weights kept by both, at every whole percent of sparsity."""
    meter = Meter(report, "Comparing masks", len(run.weights))
    counts = []
    norms = score_norms(run, prune, run.domains)
    for weight, levels in from_scores(run, prune, norms, lambda s: pruning_levels(s, prune)):
        counts.append(count_overlaps_by_percent([levels[domain] for domain in run.domains]))
        meter.step(str(weight.key))
    return np.stack(counts, axis=2)


def _stored(run: Run, prune: PruneSpec, kind: str, compute: Callable[[], Integer]) -> Integer:
    return _kept(run, prune, kind).get(lambda: {"both": compute()}, _both)


def _kept(run: Run, prune: PruneSpec, kind: str) -> KeptArrays:
    return KeptArrays.of(run.folder / "overlap", prune.to_json(), f"{kind}-")


def _both(arrays: Mapping[str, Integer]) -> Integer:
    return arrays["both"]
