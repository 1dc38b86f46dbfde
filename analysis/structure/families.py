"""Families of domains: a tree and a map, from the distances between their masks.

The distance of two domains is 1 - Jaccard of their masks. The tree is average linkage (Sokal &
Michener 1958) with the leaf order that puts neighbours close (Bar-Joseph et al. 2001); the map is
classical scaling (Torgerson 1952). Each comes with a number that says how far to trust it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cophenet, leaves_list, linkage

from pruning.errors import InputError

Float = NDArray[np.float64]
SAME = 1e-12  # distances that differ by less are equal


@dataclass(frozen=True, kw_only=True)
class Merge:
    """One join of the tree: the domains below it, in leaf order, and their mean distance."""

    members: tuple[str, ...]
    height: float


@dataclass(frozen=True, kw_only=True)
class Families:
    """The tree and the map of D domains.

    distances: (D, D). tree: (D - 1, 4), scipy's linkage matrix. order: the leaves from one end of
    the tree to the other. cophenetic: correlation between the distances and the heights at which
    the tree joins their domains; None where there is nothing to correlate (two domains, or equal
    distances). points: (D, 2), in units of distance. explained: the map's share of the squared
    distances (see `classical_map`); None if all distances are 0.
    """

    domains: tuple[str, ...]
    distances: Float
    tree: Float
    order: tuple[str, ...]
    cophenetic: float | None
    points: Float
    explained: float | None

    @property
    def merges(self) -> tuple[Merge, ...]:
        """The joins, the lowest first."""
        place = {domain: index for index, domain in enumerate(self.order)}
        clusters: list[tuple[str, ...]] = [(domain,) for domain in self.domains]
        found = []
        for first, second, height, _ in self.tree:
            joined = clusters[int(first)] + clusters[int(second)]
            clusters.append(tuple(sorted(joined, key=place.__getitem__)))
            found.append(Merge(members=clusters[-1], height=float(height)))
        return tuple(found)


def families(domains: Sequence[str], jaccard: Float) -> Families:
    """The tree and the map of domains whose masks overlap as `jaccard` (D, D) says.

    Raises InputError for fewer than two domains, and where an overlap is not a number because
    both sets are empty.
    """
    if len(domains) < 2:
        raise InputError(
            "A family needs at least two domains; this run has one. Calibrate two or more."
        )
    rows, columns = np.triu_indices(len(domains), 1)
    pairs = 1.0 - np.asarray(jaccard, dtype=np.float64)[rows, columns]
    if not np.isfinite(pairs).all():
        raise InputError(
            "At this sparsity no weight is in either set, so domains have no distance; "
            "choose another sparsity, or compare the kept weights."
        )
    pairs = np.maximum(pairs, 0.0)
    distances = np.zeros((len(domains), len(domains)))
    distances[rows, columns] = distances[columns, rows] = pairs
    tree = linkage(pairs, method="average", optimal_ordering=True)
    points, explained = classical_map(distances)
    return Families(
        domains=tuple(domains),
        distances=distances,
        tree=tree,
        order=tuple(domains[int(leaf)] for leaf in leaves_list(tree)),
        cophenetic=_correlation(pairs, cophenet(tree)),
        points=points,
        explained=explained,
    )


def classical_map(distances: Float) -> tuple[Float, float | None]:
    """Points (D, 2) whose distances are close to the given ones (D, D), and how close.

    With J = I - 1/D, the points are the first two eigenvectors of B = -J d^2 J / 2, each times the
    root of its eigenvalue (Torgerson 1952). The second number is (l1 + l2) / sum |l|: the share of
    the summed squared distances that the map shows where no eigenvalue is negative, and a
    cautious figure where some are, as distances need not fit into any flat space (Mardia, Kent &
    Bibby 1979, section 14.4). An eigenvalue below 0 gives coordinates of 0. Of each axis, the
    domain farthest from 0 has a positive coordinate.
    """
    count = len(distances)
    centre = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centre @ distances**2 @ centre)
    values, vectors = values[::-1], vectors[:, ::-1]  # the largest first
    values = np.where(np.abs(values) < SAME, 0.0, values)
    kept = np.maximum(values[:2], 0.0)
    points = vectors[:, :2] * np.sqrt(kept)
    farthest = np.abs(points).round(9).argmax(axis=0)
    signs = np.where(points[farthest, [0, 1]] < 0, -1.0, 1.0)
    total = float(np.abs(values).sum())
    return points * signs + 0.0, float(kept.sum()) / total if total else None


def _correlation(first: Float, second: Float) -> float | None:
    if len(first) < 2 or np.ptp(first) < SAME or np.ptp(second) < SAME:
        return None
    return float(np.corrcoef(first, second)[0, 1])
