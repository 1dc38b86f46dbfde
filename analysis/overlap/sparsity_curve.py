"""Overlaps at every whole percent of sparsity at once, from one ranking of the scores.

A weight of rank r in its row (0 = lowest score) is pruned at every sparsity that prunes more than
r weights. Call the first such percent its level. Two domains both keep a weight at percent p
exactly if the smaller of its two levels is above p, so one histogram of smaller levels holds the
overlap at every p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pruning.specs import PruneSpec

PERCENTS = 100  # sparsities 0.00, 0.01, ..., 0.99
NEVER = 100  # the level of a weight that is kept at 99%


def pruning_levels(scores: Tensor, prune: PruneSpec) -> NDArray[np.uint8]:
    """The first whole percent of sparsity at which each weight is pruned, else NEVER.

    scores: float32 (out, in), none negative. Weights compete within their row; equal scores
    prune the lower input index first, as masks do. Returns uint8 (out, in): kept at p = level > p.
    """
    rows, columns = scores.shape
    bits = scores.numpy().view(np.int32)  # in the order of the scores, as none is negative
    keys = (bits.astype(np.int64) << 32) | np.arange(columns)
    keys.sort(axis=1)
    order = keys & 0xFFFFFFFF  # (out, in): input indices from the lowest score to the highest
    pruned = [percent_spec(prune, p).pruned_of(columns) for p in range(PERCENTS)]
    level_of_rank = np.searchsorted(pruned, np.arange(columns), side="right").astype(np.uint8)
    levels = np.empty((rows, columns), dtype=np.uint8)
    np.put_along_axis(levels, order, np.broadcast_to(level_of_rank, levels.shape), axis=1)
    return levels


def percent_spec(prune: PruneSpec, percent: int) -> PruneSpec:
    """The same choice at a whole percent of sparsity."""
    return replace(prune, sparsity=percent / 100)


def count_overlaps_by_percent(levels: Sequence[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Of the levels of one matrix in each domain: (D, D, 100), weights kept by both at percent p."""
    count = len(levels)
    both = np.zeros((count, count, PERCENTS), dtype=np.int64)
    for a, b in combinations_with_replacement(range(count), 2):
        smaller = levels[a] if levels[a] is levels[b] else np.minimum(levels[a], levels[b])
        histogram = np.bincount(smaller.ravel(), minlength=NEVER + 1)
        above = histogram[::-1].cumsum()[::-1][1:]  # weights whose level is above p
        both[a, b] = both[b, a] = above
    return both
