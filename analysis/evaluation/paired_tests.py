"""Do two masks do differently on the same documents or tasks? And is the best of several clearly so?

A difference is tested by exchanging the two masks' results on single documents at random: without a
difference, each exchange is as likely as not (Fisher 1935; for tests of language models, Yeh 2000).
Functions of sums of counts, chrF and BLEU, are tested by the jackknife's standard error instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.evaluation.intervals import jackknife_error
from analysis.evaluation.measures import measure

Float = NDArray[np.float64]
Name = TypeVar("Name")
Place = TypeVar("Place", bound=Hashable)

CLEAR = 0.05  # adjusted p below this: a difference is clear
FLIPS = 9999
FEW = 13  # units whose exchanges are all tried
ROUNDING = 1e-9


def paired_p(name: str, statistics: Float, reference: Float) -> float:
    """Two-sided p that two models do alike; statistics of the same units, twice: (units, k)."""
    of = measure(name)
    if of.kind != "counts":
        return flip_p(statistics[:, 0] - reference[:, 0])
    if len(statistics) < 2:
        return 1.0
    from scipy.stats import t as student  # slow to import

    value, error = jackknife_error(of.of_totals, (statistics, reference))
    if error <= 0:
        return 1.0
    return float(2 * student.sf(abs(value) / error, len(statistics) - 1))


def flip_p(differences: Float) -> float:
    """Two-sided p that the (units,) differences are as likely above zero as below it.

    Of up to 13 units all exchanges of signs are tried, else 9,999 drawn ones and the one observed.
    """
    observed = abs(float(differences.sum()))
    scale = float(np.abs(differences).sum())
    signs, exact = _signs(len(differences))
    as_far = np.count_nonzero(np.abs(signs @ differences) >= observed - ROUNDING * scale)
    return float(as_far / len(signs)) if exact else float((1 + as_far) / (1 + len(signs)))


def clear_best(name: str, found: Mapping[Name, Float]) -> tuple[Name, float]:
    """Of several models' statistics, whose value is the best, and p that it is not truly so.

    p: the largest of the two-sided ones against all others. Choosing the best makes one-sided ones
    too small by half, and no more, however many there are (Gutmann & Maymin 1987). 1 of a single one.
    """
    of = measure(name)
    values = {
        each: float(of.of_totals(rows.sum(axis=0, keepdims=True))[0])
        for each, rows in found.items()
    }
    best = (max if of.higher_is_better else min)(values, key=values.__getitem__)
    others = [paired_p(name, found[best], rows) for each, rows in found.items() if each != best]
    return best, max(others, default=1.0)


def holm(p: Sequence[float]) -> Float:
    """p-values adjusted for their number, so that one false claim in all is as rare (Holm 1979)."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def adjusted(
    found: Mapping[Place, float], family: Callable[[Place], Hashable]
) -> dict[Place, float]:
    """p-values adjusted over those of one family, after Holm."""
    all_of_them: dict[Place, float] = {}
    for each in dict.fromkeys(map(family, found)):
        places = [place for place in found if family(place) == each]
        values = holm([found[place] for place in places])
        all_of_them |= dict(zip(places, map(float, values), strict=True))
    return all_of_them


@lru_cache(maxsize=8)
def _signs(units: int) -> tuple[Float, bool]:
    """Exchanges (flips, units) of +1 and -1, and whether they are all there are."""
    if units <= FEW:
        codes = np.arange(2**units)[:, None] >> np.arange(units)
        return np.where(codes & 1, -1.0, 1.0).astype(np.float64), True
    random = np.random.default_rng(0)
    return random.choice((-1.0, 1.0), size=(FLIPS, units)), False
