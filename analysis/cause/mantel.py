"""Do two tables over the same objects go together? Rank correlation with Mantel's test.

The entries of a table of pairs are not independent, since every object is in many of them; so the
objects are relabelled, not the entries (Mantel 1967).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
EXACT_UP_TO = 8  # objects whose relabellings are all tried: 8! = 40 320
DRAWN = 9999  # relabellings that are drawn of more objects


@dataclass(frozen=True, kw_only=True)
class Mantel:
    """correlation: Spearman's, over ordered pairs of different objects. p: one-sided, for positive.

    smallest_p: the least p that was possible. relabellings: tried. exact: whether these were all.
    correlation and p are None where one of the tables is constant, as for two objects.
    """

    correlation: float | None
    p: float | None
    smallest_p: float
    relabellings: int
    exact: bool


def mantel(distance: Matrix, outcome: Matrix, *, seed: int = 0) -> Mantel:
    """distance: (D, D), symmetric. outcome: (D, D), not necessarily symmetric. Diagonals are unread.

    With at most `EXACT_UP_TO` objects all D! relabellings are tried, the given one among them, and
    p is the share with at least this correlation. Else p = (1 + as large) / (1 + drawn) (Phipson &
    Smyth 2010).
    """
    count = len(distance)
    pairs = ~np.eye(count, dtype=bool)
    first, second = _ranks(distance, pairs), _ranks(outcome, pairs)
    exact = count <= EXACT_UP_TO
    orders = _orders(count, exact, seed)
    tried = len(orders) if exact else len(orders) + 1
    if first[pairs].std() < 1e-12 or second[pairs].std() < 1e-12:
        return Mantel(correlation=None, p=None, smallest_p=1.0, relabellings=tried, exact=exact)
    norm = math.sqrt(float((first[pairs] ** 2).sum() * (second[pairs] ** 2).sum()))
    correlation = float((first * second).sum()) / norm
    relabelled = first[orders[:, :, None], orders[:, None, :]]  # (relabellings, D, D)
    found = (relabelled * second).sum(axis=(1, 2)) / norm
    as_large = int(np.count_nonzero(found >= correlation - 1e-9))
    same = int(np.count_nonzero((relabelled == first).all(axis=(1, 2)))) if exact else 0
    return Mantel(
        correlation=correlation,
        p=(as_large if exact else as_large + 1) / tried,
        smallest_p=(same if exact else 1) / tried,
        relabellings=tried,
        exact=exact,
    )


def _ranks(values: Matrix, pairs: NDArray[np.bool_]) -> Matrix:
    """Ranks of the pairs about their mean (ties share theirs); 0 on the diagonal."""
    from scipy.stats import rankdata  # slow to import; pages only read

    ranks = np.zeros_like(values, dtype=np.float64)
    ranks[pairs] = rankdata(values[pairs])
    ranks[pairs] -= ranks[pairs].mean()
    return ranks


def _orders(count: int, exact: bool, seed: int) -> NDArray[np.int64]:
    """Relabellings: (number, objects). All there are, or drawn ones."""
    if exact:
        return np.array(list(permutations(range(count))))
    random = np.random.default_rng(seed)
    return np.array([random.permutation(count) for _ in range(DRAWN)])
