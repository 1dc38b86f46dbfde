"""Regions: of the weights of a model, how many are kept by exactly these domains and no others.

Every weight belongs to one region, a binary number whose bit d says whether domain d keeps it. All
2^D regions are counted exactly, matrix by matrix. Beside every count stands what independent masks
of the same densities would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.overlap.table import is_small
from pruning.errors import InputError
from pruning.masks.making import run_masks, selected_weights
from pruning.masks.mask import Mask
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import KeptArrays
from pruning.runs.run import Run
from pruning.specs import PruneSpec, WeightKey
from pruning.specs.selection import select_weights

Integer = NDArray[np.int64]
Float = NDArray[np.float64]

MOST_DOMAINS = 12  # 2^12 regions of each matrix; more could neither be stored well nor read
CHUNK = 2**18  # weights whose regions are found at a time: they fit a cache


@dataclass(frozen=True, kw_only=True)
class RegionCounts:
    """Weights in each of the 2^D regions of D domains, per weight matrix (W).

    counts: (W, 2^D); in region r, domain d keeps the weight exactly if bit d of r is 1.
    """

    domains: tuple[str, ...]
    weights: tuple[WeightKey, ...]
    counts: Integer

    def __post_init__(self) -> None:
        shape = (len(self.weights), 2 ** len(self.domains))
        if self.counts.shape != shape:
            raise ValueError(f"Counts of shape {self.counts.shape} should have {shape}.")

    def select(
        self, layers: Sequence[int] | None = None, projections: Sequence[str] | None = None
    ) -> RegionCounts:
        """The same counts for some layers and projections; InputError if there are none."""
        chosen = set(select_weights(self.weights, layers, projections))
        index = [number for number, key in enumerate(self.weights) if key in chosen]
        return RegionCounts(
            domains=self.domains,
            weights=tuple(self.weights[number] for number in index),
            counts=self.counts[index],
        )

    @property
    def total(self) -> Integer:
        """Weights of each matrix: (W,)."""
        return self.counts.sum(axis=1)

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """(2^D, D): whether a domain keeps a region's weights."""
        return membership(len(self.domains))

    @property
    def kept(self) -> Integer:
        """Weights that each domain keeps: (W, D)."""
        return self.counts @ self.members.astype(np.int64)

    @cached_property
    def expected(self) -> Float:
        """The counts that independent masks of the same densities would have on average.

        (W, 2^D): in a matrix of n weights of which domain d keeps k_d, region r has
        n * prod_d (k_d / n if d is in r, else 1 - k_d / n).
        """
        total = self.total[:, None].astype(np.float64)
        density = (self.kept / total)[:, None, :]  # (W, 1, D)
        return total * np.where(self.members, density, 1.0 - density).prod(axis=2)

    @property
    def core(self) -> Integer:
        """The region that every domain keeps: (1,)."""
        return np.array([self.counts.shape[1] - 1])

    @property
    def kept_by_any(self) -> Integer:
        """The regions that at least one domain keeps: (2^D - 1,)."""
        return np.arange(1, self.counts.shape[1])

    def exclusive(self, domain: str) -> Integer:
        """The region that this domain alone keeps: (1,)."""
        return np.array([1 << self.domains.index(domain)])

    def kept_by(self, domain: str) -> Integer:
        """The regions that a domain keeps: (2^(D - 1),)."""
        return np.flatnonzero(self.members[:, self.domains.index(domain)])

    def share(self, part: Integer, whole: Integer, *, expected: bool = False) -> float:
        """Weights in the regions `part` among those in `whole`; NaN if `whole` is empty.

        part, whole: numbers of regions, of any count: (n,).
        """
        return float(_share(self.expected if expected else self.counts, part, whole))

    def layer_by_projection(
        self, part: Integer, whole: Integer, *, expected: bool = False
    ) -> tuple[tuple[int, ...], tuple[str, ...], Float]:
        """Layers (L), projections (P), and `share` in each cell (L, P); NaN = no weight."""
        counts = self.expected if expected else self.counts
        layers = tuple(sorted({key.layer for key in self.weights}))
        projections = tuple(dict.fromkeys(key.projection for key in self.weights))
        cells = np.full((len(layers), len(projections)), np.nan)
        for row, layer in enumerate(layers):
            for column, name in enumerate(projections):
                here = [(key.layer, key.projection) == (layer, name) for key in self.weights]
                cells[row, column] = _share(counts[here], part, whole)
        return layers, projections, cells

    def by_number(self, *, expected: bool = False) -> Float:
        """Share of all weights that exactly 0, 1, ... D domains keep: (D + 1,)."""
        counts = (self.expected if expected else self.counts).sum(axis=0)
        sums = np.bincount(self.members.sum(axis=1), weights=counts)
        return sums / counts.sum()


def membership(count: int) -> NDArray[np.bool_]:
    """(2^D, D): bit d of each region's number."""
    return (np.arange(2**count)[:, None] >> np.arange(count)) & 1 == 1


def _share(counts: NDArray, part: Integer, whole: Integer) -> float:
    size = counts[:, whole].sum()
    return float(counts[:, part].sum() / size) if size > 0 else float("nan")


def count_regions(masks: Sequence[Mask]) -> Integer:
    """Of the masks of one matrix, in the order of their bits: (2^D,) weights in each region.

    Raises InputError for more than MOST_DOMAINS masks.
    """
    check_domains(len(masks))
    rows, columns = masks[0].shape
    counts = np.zeros(2 ** len(masks), dtype=np.int64)
    step = max(1, CHUNK // columns)
    for start in range(0, rows, step):
        region = np.zeros((min(step, rows - start), columns), dtype=np.uint16)
        for mask in reversed(masks):  # the first domain's bit comes to lie last
            part = Mask(shape=region.shape, words=mask.words[start : start + step])
            np.left_shift(region, 1, out=region)
            region |= part.unpack()
        counts += np.bincount(region.ravel(), minlength=len(counts))
    return counts


def check_domains(count: int) -> None:
    """InputError for more domains than can be told apart."""
    reason = refusal(count)
    if reason is not None:
        raise InputError(reason)


def refusal(count: int) -> str | None:
    """Why regions of so many domains cannot be counted, and what to do; None if they can."""
    if count <= MOST_DOMAINS:
        return None
    return (
        f"Regions are counted for at most {MOST_DOMAINS} domains; this run has {count}. "
        "Calibrate fewer of them together."
    )


def region_counts(run: Run, prune: PruneSpec, report: Report = ignore) -> RegionCounts:
    """The regions of a run's domains, for the weights that `prune` selects.

    Stored with the run and read back the next time. Raises InputError for layers, projections or
    a pattern that do not fit and for too many domains, AtlasError if the run is unfinished or its
    model is gone.
    """
    run.require_done()
    check_domains(len(run.domains))
    selected_weights(run, prune)  # says what is wrong before anything is counted
    for spec in _holders(run, prune):
        if _kept(run, spec).is_there():
            return _load(run, spec).select(prune.layers, prune.projections)
    spec = next(_holders(run, prune)) if is_small(run) and prune.block is None else prune
    weights = selected_weights(run, spec)
    meter = Meter(report, "Counting regions", len(weights))
    counts = []
    for weight, masks in run_masks(run, spec, weights=weights):
        counts.append(count_regions([masks[domain] for domain in run.domains]))
        meter.step(str(weight.key))
    _kept(run, spec).write({"counts": np.stack(counts)})
    return _load(run, spec).select(prune.layers, prune.projections)


def is_quick(run: Run, prune: PruneSpec) -> bool:
    """Whether `region_counts` answers within seconds: it is stored, or the model is small."""
    return is_small(run) or any(_kept(run, each).is_there() for each in _holders(run, prune))


def _kept(run: Run, prune: PruneSpec) -> KeptArrays:
    return KeptArrays.of(run.folder / "structure", prune.to_json(), "regions-")


def _holders(run: Run, prune: PruneSpec) -> Iterator[PruneSpec]:
    """The choices whose stored counts hold those of `prune`: the whole model, and itself.

    Not the whole model where layers share out what is pruned among those that are chosen.
    """
    if prune.allocation == "uniform":
        yield replace(prune, layers=None, projections=None)
    yield prune


def _load(run: Run, prune: PruneSpec) -> RegionCounts:
    return RegionCounts(
        domains=run.domains,
        weights=tuple(weight.key for weight in selected_weights(run, prune)),
        counts=_kept(run, prune).read(lambda arrays: arrays["counts"]),
    )
