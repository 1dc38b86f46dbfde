"""Counting: which resampled masks of a run's domains keep the same weights, matrix by matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.design import UNKNOWN, Origins, design, half_sizes, text_tokens
from analysis.evidence.resampling import (
    GroupSums,
    SampledRows,
    bootstrap_halves,
    count_both,
    count_both_by_row,
    halves,
    masks_of,
)
from pruning.errors import InputError
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec, Spec

Float = NDArray[np.float64]
BOOTSTRAP_SPLITS = 2  # random splits that each bootstrap draw is averaged over


@dataclass(frozen=True, kw_only=True)
class EvidenceSpec(Spec):
    """How hard to look.

    splits: random halvings of every domain's groups. permutations: of the groups' labels.
    bootstraps: draws of groups with replacement. rows: of each matrix, drawn; 0 means all. At
    least 2 rows show how much rows differ.
    """

    splits: int = 16
    permutations: int = 200
    bootstraps: int = 200
    rows: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"splits": 1, "permutations": 1, "bootstraps": 2, "rows": 0, "seed": 0}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise InputError(f"{name} must be a whole number of at least {smallest}.")
        if self.rows == 1:
            raise InputError("rows must be at least 2, or 0 for all rows of each matrix.")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of each matrix (W), weights that two masks both keep, scaled up to the whole matrix.

    Every mask of a matrix keeps the same number, `kept` of `total`. With P pairs of domains, D
    domains, S halvings, B bootstrap draws of K halvings each:
    full (W, P): the pair's masks. within (W, D, S): two halves of one domain. cross (W, P, S): a
    half of each domain, mean of the four. observed (W, P), permuted (W, P, permutations): of the
    units that are shuffled (see `design`), as they are and shuffled; where every group is a unit,
    observed is full. magnitude (W, D): with the mask of magnitudes alone. boot_within (W, D, B, K), boot_cross (W, P, B, K).
    row_covariance (W, P, 4, 4): what another sample of rows would change in the pair's full, the
    first domain's within, the second's, and cross; 0 where all rows were taken.
    """

    kept: Float
    total: Float
    full: Float
    within: Float
    cross: Float
    observed: Float
    permuted: Float
    magnitude: Float
    boot_within: Float
    boot_cross: Float
    row_covariance: Float


def join(parts: Sequence[Counts]) -> Counts:
    """The counts of several matrices, one after the other."""
    return Counts(
        **{
            f.name: np.concatenate([getattr(part, f.name) for part in parts])
            for f in fields(Counts)
        }
    )


class Comparison:
    """Which groups make which mask; the same for every matrix, so that matrices can be added."""

    def __init__(
        self,
        stats: Mapping[str, ChannelStats],
        spec: EvidenceSpec,
        origins: Mapping[str, Origins] | None = None,
    ) -> None:
        """stats: of at least two domains, each of at least 2 groups (else InputError).

        origins: domain -> where its groups' documents come from, where that is known.
        """
        if len(stats) < 2:
            raise InputError("Evidence compares domains; this run has one. Calibrate two or more.")
        if min(each.groups for each in stats.values()) < 2:
            raise InputError("Two draws of one domain need at least 2 groups; calibrate with more.")
        random = np.random.default_rng(spec.seed)
        self.stats = list(stats.values())
        self.pairs = list(combinations(range(len(stats)), 2))
        groups = [each.groups for each in self.stats]
        tokens = [text_tokens(each) for each in self.stats]
        sizes = half_sizes(tokens)
        known = [(origins or {}).get(domain, UNKNOWN) for domain in stats]
        self._halves = [
            halves(count, spec.splits, random, size)
            for count, size in zip(groups, sizes, strict=True)
        ]
        self._boots = [
            bootstrap_halves(count, spec.bootstraps, BOOTSTRAP_SPLITS, random, size)
            for count, size in zip(groups, sizes, strict=True)
        ]
        self.designs = {
            (a, b): design(tokens[a], tokens[b], spec.permutations, random, (known[a], known[b]))
            for a, b in self.pairs
        }

    def smallest_p(self, pair: tuple[int, int]) -> float:
        """The least p-value that the permutations and the number of groups allow."""
        return self.designs[pair].smallest_p

    def count(self, sampled: SampledRows, prune: PruneSpec) -> Counts:
        """All comparisons on one matrix."""
        parts = [self._count_chunk(chunk, prune) for chunk in sampled.chunks()]
        counted = {
            name: sampled.scale * np.sum([part[name] for part, _ in parts], axis=0)[None]
            for name in parts[0][0]
        }
        by_row = np.concatenate([rows for _, rows in parts], axis=-1)
        return Counts(**counted, row_covariance=row_covariance(by_row, sampled.scale)[None])

    def _count_chunk(self, sampled: SampledRows, prune: PruneSpec) -> tuple[dict[str, Any], Float]:
        """Counts over these rows, by name; and by row the pairs' (P, 4, rows): see Counts."""
        key = sampled.weight.input_key
        sums = [GroupSums.of(each, key) for each in self.stats]
        every = [each.drawn(np.ones((1, len(each.tokens)))) for each in sums]
        totals = np.concatenate([*every, np.ones_like(every[0])])
        full = masks_of(sampled, totals, prune)
        plain, boot = (
            [masks_of(sampled, s.drawn(m), prune) for m, s in zip(members, sums, strict=True)]
            for members in (self._halves, self._boots)
        )
        whole = np.array([count_both_by_row(full[a], full[b]) for a, b in self.pairs])
        within = np.array([count_both_by_row(half[:, 0], half[:, 1]) for half in plain])
        cross = np.array([_cross(plain[a], plain[b], count_both_by_row) for a, b in self.pairs])
        by_row = [
            [whole[pair], within[a].mean(axis=0), within[b].mean(axis=0), cross[pair].mean(axis=0)]
            for pair, (a, b) in enumerate(self.pairs)
        ]
        observed, permuted = self._permuted(sampled, sums, prune, whole.sum(axis=-1))
        counted = {
            "full": whole.sum(axis=-1),
            "within": within.sum(axis=-1),
            "cross": cross.sum(axis=-1),
            "observed": observed,
            "permuted": permuted,
            "magnitude": [count_both(mask, full[-1]) for mask in full[:-1]],
            "boot_within": [count_both(half[:, :, 0], half[:, :, 1]) for half in boot],
            "boot_cross": [_cross(boot[a], boot[b], count_both) for a, b in self.pairs],
            "kept": int(count_both(full[0], full[0])),
            "total": sampled.magnitude.numel(),
        }
        return counted, np.array(by_row)

    def _permuted(
        self,
        sampled: SampledRows,
        sums: Sequence[GroupSums],
        prune: PruneSpec,
        full: NDArray[np.int64],
    ) -> tuple[list[int], list[NDArray[np.int64]]]:
        """Of every pair, the units as they are, and with their labels shuffled (permutations,).

        full: (P,), what the pairs' whole masks share, which is the first where groups are units.
        """
        observed, counted = [], []
        for number, (a, b) in enumerate(self.pairs):
            shuffled = self.designs[a, b]
            plain = shuffled.is_plain
            pooled = sums[a].pooled(sums[b])
            labels = shuffled.labels if plain else np.vstack([shuffled.own, shuffled.labels])
            first = masks_of(sampled, pooled.drawn(labels @ shuffled.members), prune)
            second = masks_of(sampled, pooled.drawn((1 - labels) @ shuffled.members), prune)
            both = count_both(first, second)
            observed.append(int(full[number]) if plain else int(both[0]))
            counted.append(both if plain else both[1:])
        return observed, counted


def row_covariance(by_row: Float, scale: float) -> Float:
    """Covariance of totals that are estimated from some rows: (..., Q, rows) -> (..., Q, Q).

    by_row: Q quantities in each of the n sampled rows; scale: rows of the matrix / n. A simple
    random sample of n of N rows without replacement estimates the total of a quantity with
    variance N^2 (1 - n/N) s^2 / n, s^2 its variance over rows (Cochran 1977, equation 2.8).
    """
    rows = by_row.shape[-1]
    if scale == 1.0:
        return np.zeros((*by_row.shape[:-1], by_row.shape[-2]))
    centred = by_row - by_row.mean(axis=-1, keepdims=True)
    spread = centred @ np.swapaxes(centred, -1, -2) / (rows - 1)
    return spread * rows * scale * (scale - 1)


def _cross(
    first: NDArray[np.uint64], second: NDArray[np.uint64], count: Callable[..., NDArray]
) -> Float:
    """Mean over the four ways to take a half of each: masks (..., 2, rows, words)."""
    ways = [
        count(first[..., one, :, :], second[..., other, :, :]) for one in (0, 1) for other in (0, 1)
    ]
    return np.mean(ways, axis=0)
