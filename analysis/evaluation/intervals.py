"""95% intervals of what was measured on few documents or tasks.

A percentile bootstrap covers too seldom where there are few units: 64% of the time for a share of .95
of 20 tasks, 88% for bits per byte of 10 documents. So

- a share has Wilson's interval (1927), which is never a point, also where every task was solved; the
  difference of two shares of the same tasks has Newcombe's (1998, method 10);
- a ratio of sums, such as bits per byte, has a studentised bootstrap ("bootstrap-t", Efron &
  Tibshirani 1993, section 12.5): each draw is divided by its own standard error, by the delta method;
- other functions of sums, chrF and BLEU, have a jackknife's standard error and Student's t.

The unit is the document or the task. Several programs of one task are one unit, whose value is a
fraction; Wilson's formula then gets the number of independent tasks that would be as precise (Korn &
Graubard 1998), so programs that pass and fail together count little more than one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Ends = tuple[float, float]

DRAWS = 1000
SEED = 0
CONFIDENCE = 0.95
NORMAL = 1.959964  # two-sided 95% of a normal distribution
FEW = 5  # units; of fewer, a draw often holds one alone, and has no spread to divide by


def share_interval(values: Float) -> Ends:
    """Of the mean of (units,) values in 0..1: Wilson's interval, as shares of 1."""
    return wilson(float(values.mean()), effective_units(values))


def share_difference_interval(values: Float, reference: Float) -> Ends:
    """Of the mean of `values` minus that of `reference`, the same units twice, in 0..1.

    values, reference: (units,).

    Newcombe's square-and-add of the two Wilson intervals, with the correlation of the two lessened
    by his continuity correction.
    """
    p, q = float(values.mean()), float(reference.mean())
    (p_low, p_high), (q_low, q_high) = share_interval(values), share_interval(reference)
    shared = 2 * _correlation(values, reference)
    below, above = (p - p_low, q_high - q), (p_high - p, q - q_low)
    low, high = (
        float(np.sqrt(max(one**2 - shared * one * other + other**2, 0.0)))
        for one, other in (below, above)
    )
    return p - q - low, p - q + high


def wilson(share: float, units: float) -> Ends:
    """Wilson's score interval of a share of so many independent units."""
    square = NORMAL**2
    middle = (share + square / (2 * units)) / (1 + square / units)
    room = share * (1 - share) / units + square / (4 * units**2)
    margin = NORMAL * float(np.sqrt(room)) / (1 + square / units)
    return max(middle - margin, 0.0), min(middle + margin, 1.0)


def effective_units(values: Float) -> float:
    """Independent yes-or-no units that would be as precise as these (units,) values in 0..1.

    p(1 - p) over the variance of the mean, lessened for the few units that this variance is known
    from, as Korn & Graubard (1998) do. The variance gets one further unit's worth of the largest
    possible, so that values that happen to be all alike do not count as endlessly many. Never fewer
    than the units there are: no value in 0..1 varies more than yes and no.
    """
    count, share = len(values), float(values.mean())
    most = share * (1 - share)
    if most <= 0 or count < 2 or np.isin(values, (0.0, 1.0)).all():
        return float(count)
    variance = ((count - 1) * float(values.var(ddof=1)) + most) / count
    return max(count * most / variance * (NORMAL / _student(count - 1)) ** 2, float(count))


def studentized_interval(
    parts: Sequence[Float],
    of_ratio: Callable[[Float], Float],
    slope: Callable[[Float], Float],
) -> Ends:
    """Of a function of a ratio of sums, or of the difference of two such.

    parts: one or two arrays (units, 2), numerators and denominators; of two, the second's value is
    subtracted, and both are of the same units. of_ratio and its derivative `slope`: elementwise. NaN
    for a single unit, which shows no spread.
    """
    units = len(parts[0])
    if units < 2:
        return float("nan"), float("nan")
    rows = np.concatenate(parts, axis=1)  # (units, k)
    value, error = (
        float(found[0]) for found in _ratios(np.ones((1, units)), rows, of_ratio, slope)
    )
    values, errors = _ratios(draws(units), rows, of_ratio, slope)
    with np.errstate(divide="ignore", invalid="ignore"):
        students = np.nan_to_num((values - value) / errors, nan=0.0, posinf=np.inf, neginf=-np.inf)
    tail = (1 - CONFIDENCE) / 2
    least, most = np.quantile(students, (tail, 1 - tail), method="nearest")
    if units < FEW or not np.isfinite([least, most]).all():
        least, most = -_student(units - 1), _student(units - 1)
    return value - float(most) * error, value - float(least) * error


def jackknife_interval(of_totals: Callable[[Float], Float], parts: Sequence[Float]) -> Ends:
    """Of any function of sums over units (units, k), or of the difference of two: see above."""
    units = len(parts[0])
    if units < 2:
        return float("nan"), float("nan")
    value, error = jackknife_error(of_totals, parts)
    margin = _student(units - 1) * error
    return value - margin, value + margin


def jackknife_error(
    of_totals: Callable[[Float], Float], parts: Sequence[Float]
) -> tuple[float, float]:
    """The value, or the first's minus the second's, and its standard error by leaving out each unit."""
    units = len(parts[0])
    signs = (1.0, -1.0)[: len(parts)]
    totals = [part.sum(axis=0, keepdims=True) for part in parts]
    value = sum(
        sign * float(of_totals(total)[0]) for sign, total in zip(signs, totals, strict=True)
    )
    without = np.sum(
        [
            sign * of_totals(total - part)
            for sign, total, part in zip(signs, totals, parts, strict=True)
        ],
        axis=0,
    )
    return value, float(np.sqrt((units - 1) * without.var()))


@lru_cache(maxsize=16)
def draws(units: int) -> Float:
    """How often each unit is in each draw with replacement: (DRAWS, units)."""
    counts = np.random.default_rng(SEED).multinomial(units, np.full(units, 1 / units), DRAWS)
    return counts.astype(np.float64)


def _ratios(
    counts: Float,
    rows: Float,
    of_ratio: Callable[[Float], Float],
    slope: Callable[[Float], Float],
) -> tuple[Float, Float]:
    """The value and its delta-method standard error in every draw: (draws,) each.

    With the gradient g of the value by the totals, a unit z moves it by g z, and the sum of these is
    0; so the variance is n / (n - 1) times g' (sum of z z') g.
    """
    units, columns = rows.shape
    totals = counts @ rows
    products = (rows[:, :, None] * rows[:, None, :]).reshape(units, -1)
    second = (counts @ products).reshape(-1, columns, columns)
    gradient = np.empty_like(totals)
    value = np.zeros(len(totals))
    for first, sign in zip(range(0, columns, 2), (1.0, -1.0), strict=False):
        denominator = totals[:, first + 1]
        ratio = totals[:, first] / denominator
        value += sign * of_ratio(ratio)
        gradient[:, first] = sign * slope(ratio) / denominator
        gradient[:, first + 1] = -ratio * gradient[:, first]
    variance = np.einsum("bi,bij,bj->b", gradient, second, gradient) * units / (units - 1)
    return value, np.sqrt(np.maximum(variance, 0.0))


def _correlation(values: Float, reference: Float) -> float:
    """Pearson's; a positive one less its continuity correction 1 / (2 n s_1 s_2), but not below 0."""
    spread = float(np.sqrt(values.mean() * (1 - values.mean()) * reference.mean()))
    spread *= float(np.sqrt(1 - reference.mean()))
    if values.std() <= 0 or reference.std() <= 0 or spread <= 0:
        return 0.0
    found = float(np.corrcoef(values, reference)[0, 1])
    return found if found <= 0 else max(found - 1 / (2 * len(values) * spread), 0.0)


def _student(freedom: int) -> float:
    from scipy.stats import t as student  # slow to import; shares of single programs need none

    return float(student.ppf((1 + CONFIDENCE) / 2, freedom))
