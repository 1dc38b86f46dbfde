"""Weights to compare a region with: as many, drawn at random from the rest of the same matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Positions = NDArray[np.int64]

STRATA = 50  # magnitude ranges in which a matched draw has as many weights as the region
CANDIDATES = 8  # candidates for every weight wanted, at first


def random_draw(region: Flags, random: np.random.Generator) -> Flags:
    """As many weights as the region has, any of the others being as likely.

    region: bool, of any shape, which the result has too. Fewer where the others are fewer.
    """
    wanted = np.array([np.count_nonzero(region)])
    return _draw(region, wanted, lambda positions: np.zeros(len(positions), dtype=np.int64), random)


def matched_draw(region: Flags, magnitude: NDArray, random: np.random.Generator) -> Flags:
    """As `random_draw`, with the region's own distribution of magnitudes.

    The region's magnitudes are cut into `STRATA` ranges of equal counts, and from each range come
    as many other weights as the region has there (fewer where there are fewer); none is smaller
    than the region's smallest or larger than its largest. magnitude: the shape of the region.
    """
    sizes = magnitude.ravel()
    inside = sizes[region.ravel()].astype(np.float64)
    if not len(inside):
        return np.zeros_like(region)
    edges = np.quantile(inside, np.linspace(0, 1, STRATA + 1))
    edges[-1] = np.nextafter(edges[-1], np.inf)

    def stratum(positions: Positions) -> Positions:
        """0 and STRATA + 1 lie outside the region's range."""
        return np.searchsorted(edges, sizes[positions], side="right")

    wanted = np.bincount(stratum(np.flatnonzero(region)), minlength=STRATA + 2)
    return _draw(region, wanted, stratum, random)


def part(region: Flags, count: int, random: np.random.Generator) -> Flags:
    """`count` weights of the region, drawn without replacement; all of it if it has no more."""
    inside = np.flatnonzero(region)
    if count >= len(inside):
        return region.copy()
    return _flags(region, random.choice(inside, count, replace=False, shuffle=False))


def _draw(
    region: Flags,
    wanted: Positions,
    stratum: Callable[[Positions], Positions],
    random: np.random.Generator,
) -> Flags:
    """`wanted[s]` weights outside the region from every stratum s.

    Looks among a few random candidates first, and among more only where these do not suffice, so
    that a small region of a large matrix needs no pass over the matrix.
    """
    total, outside = int(wanted.sum()), ~region.ravel()
    size = CANDIDATES * total
    while True:
        everything = size >= region.size
        candidates = (
            random.permutation(region.size)
            if everything
            else random.permutation(np.unique(random.integers(region.size, size=size)))
        )
        candidates = candidates[outside[candidates]]
        strata = stratum(candidates)
        order = np.argsort(strata, kind="stable")
        strata = strata[order]
        first = np.searchsorted(strata, np.arange(len(wanted)))
        taken = np.arange(len(strata)) - first[strata] < wanted[strata]
        if everything or np.count_nonzero(taken) == total:
            return _flags(region, candidates[order[taken]])
        size *= 4


def _flags(like: Flags, positions: Positions) -> Flags:
    flags = np.zeros(like.size, dtype=bool)
    flags[positions] = True
    return flags.reshape(like.shape)
