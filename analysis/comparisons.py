"""Counting: which resampled masks of a run's domains keep the same weights, matrix by matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.resampling import (
    SampledRows,
    bootstrap_halves,
    count_both,
    halves,
    masks_of,
    relabelings,
)
from pruning.errors import InputError
from pruning.specs import PruneSpec, Spec
from pruning.statistics import ChannelStats

Float = NDArray[np.float64]
BOOTSTRAP_SPLITS = 2  # random splits that each bootstrap draw is averaged over


@dataclass(frozen=True, kw_only=True)
class EvidenceSpec(Spec):
    """How hard to look.

    splits: random halvings of every domain's groups. permutations: of the groups' labels.
    bootstraps: draws of groups with replacement. rows: of each matrix, drawn; 0 means all.
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


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of each matrix (W), weights that two masks both keep, scaled up to the whole matrix.

    Every mask of a matrix keeps the same number, `kept` of `total`. With P pairs of domains, D
    domains, S halvings, B bootstrap draws of K halvings each:
    full (W, P): the pair's masks. within (W, D, S): two halves of one domain. cross (W, P, S): a
    half of each domain, mean of the four. permuted (W, P, permutations). magnitude (W, D): with
    the mask of magnitudes alone. boot_within (W, D, B, K), boot_cross (W, P, B, K).
    """

    kept: Float
    total: Float
    full: Float
    within: Float
    cross: Float
    permuted: Float
    magnitude: Float
    boot_within: Float
    boot_cross: Float


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

    def __init__(self, stats: Mapping[str, ChannelStats], spec: EvidenceSpec) -> None:
        """stats: of at least two domains, each of at least 2 groups (else InputError)."""
        if len(stats) < 2:
            raise InputError("Evidence compares domains; this run has one. Calibrate two or more.")
        if min(each.groups for each in stats.values()) < 2:
            raise InputError("Two draws of one domain need at least 2 groups; calibrate with more.")
        random = np.random.default_rng(spec.seed)
        self.stats = list(stats.values())
        self.pairs = list(combinations(range(len(stats)), 2))
        groups = [each.groups for each in self.stats]
        self._halves = [halves(count, spec.splits, random) for count in groups]
        self._boots = [
            bootstrap_halves(count, spec.bootstraps, BOOTSTRAP_SPLITS, random) for count in groups
        ]
        self._labels = [
            relabelings(groups[a], groups[b], spec.permutations, random) for a, b in self.pairs
        ]
        self._permutations = spec.permutations

    def smallest_p(self, pair: tuple[int, int]) -> float:
        """The least p-value that the permutations and the number of groups allow."""
        first, second = (self.stats[domain].groups for domain in pair)
        distinct = math.comb(first + second, first) / (2 if first == second else 1)
        return max(1 / (self._permutations + 1), 1 / distinct)

    def count(self, sampled: SampledRows, prune: PruneSpec) -> Counts:
        """All comparisons on one matrix."""
        key = sampled.weight.input_key
        sums = [each.sum_sq[key] for each in self.stats]  # (groups, channels) a domain
        ones = np.ones((1, sums[0].shape[1]))
        totals = np.concatenate([*(each.sum(axis=0, keepdims=True) for each in sums), ones])
        full = masks_of(sampled, totals, prune)
        plain = [masks_of(sampled, m @ s, prune) for m, s in zip(self._halves, sums, strict=True)]
        boot = [masks_of(sampled, m @ s, prune) for m, s in zip(self._boots, sums, strict=True)]
        pooled = [np.concatenate([sums[a], sums[b]]) for a, b in self.pairs]
        counted = {
            "full": [count_both(full[a], full[b]) for a, b in self.pairs],
            "within": [count_both(half[:, 0], half[:, 1]) for half in plain],
            "cross": [_cross(plain[a], plain[b]) for a, b in self.pairs],
            "permuted": [
                count_both(
                    masks_of(sampled, labels @ both, prune),
                    masks_of(sampled, (1 - labels) @ both, prune),
                )
                for labels, both in zip(self._labels, pooled, strict=True)
            ],
            "magnitude": [count_both(mask, full[-1]) for mask in full[:-1]],
            "boot_within": [count_both(half[:, :, 0], half[:, :, 1]) for half in boot],
            "boot_cross": [_cross(boot[a], boot[b]) for a, b in self.pairs],
            "kept": int(count_both(full[0], full[0])),
            "total": sampled.magnitude.numel(),
        }
        return Counts(
            **{name: np.array(value)[None] * sampled.scale for name, value in counted.items()}
        )


def _cross(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> Float:
    """Mean over the four ways to take a half of each: (..., 2, rows, words) -> (...)."""
    ways = [
        count_both(first[..., one, :, :], second[..., other, :, :])
        for one in (0, 1)
        for other in (0, 1)
    ]
    return np.mean(ways, axis=0)
