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
    as many other weights as the region has there; what a range lacks comes from the others.
    None is smaller than the region's smallest or larger than its largest. magnitude: the shape of
    the region.
    """
    sizes = magnitude.ravel()
    inside = sizes[region.ravel()].astype(np.float64)
    if not len(inside):
        return np.zeros_like(region)
    edges = np.quantile(inside, np.linspace(0, 1, min(STRATA, len(inside)) + 1))
    edges[0], edges[-1] = inside.min(), np.nextafter(inside.max(), np.inf)

    def stratum(positions: Positions) -> Positions:
        """-1 where the magnitude is outside the region's range."""
        strata = np.searchsorted(edges, sizes[positions], side="right") - 1
        return np.where(strata < len(edges) - 1, strata, -1)

    wanted = np.bincount(stratum(np.flatnonzero(region)), minlength=len(edges) - 1)
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
    """`wanted[s]` weights outside the region from every stratum s; none of stratum -1.

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
        candidates, strata = candidates[strata >= 0], strata[strata >= 0]
        there = np.bincount(strata, minlength=len(wanted))
        if everything or (there >= wanted).all():
            order = np.argsort(strata, kind="stable")
            rank = np.arange(len(order)) - (np.cumsum(there) - there)[strata[order]]
            return _flags(region, candidates[order[rank < _moved(wanted, there)[strata[order]]]])
        size *= 4


def _moved(wanted: Positions, there: Positions) -> Positions:
    """What to take from every stratum: what one lacks comes from the following ones, then from any."""
    taken = np.zeros_like(wanted)
    missing = 0
    for stratum, (count, available) in enumerate(zip(wanted, there, strict=True)):
        missing += count
        taken[stratum] = min(missing, available)
        missing -= taken[stratum]
    for stratum in reversed(range(len(wanted))):
        more = min(missing, there[stratum] - taken[stratum])
        taken[stratum] += more
        missing -= more
    return taken


def _flags(like: Flags, positions: Positions) -> Flags:
    flags = np.zeros(like.size, dtype=bool)
    flags[positions] = True
    return flags.reshape(like.shape)
