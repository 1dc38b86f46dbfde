"""Measures as functions of totals over documents or tasks, and their intervals.

Whatever is measured, each unit (a document, a task) has a short row of statistics, and a measure is
a function of the sum of these rows: bits per byte of (bits, bytes), accuracy of (right, 1), BLEU of
n-gram counts. So leaving a unit out, or drawing it twice, only adds rows again (see `intervals`).
Two models are measured on the same units, which makes the interval of their difference a paired one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.evaluation.intervals import (
    Ends,
    jackknife_interval,
    share_difference_interval,
    share_interval,
    studentized_interval,
)
from pruning.errors import InputError

Float = NDArray[np.float64]

BITS_PER_BYTE, PERPLEXITY = "bits per byte", "perplexity"
EXACT, ACCURACY, NORMALISED = "exact answer", "accuracy", "length-normalised accuracy"
CHRF, BLEU = "chrF", "BLEU"
METEOR = "METEOR (exact and stem matches)"
PASS = "pass@"  # followed by k
HARNESS = " (lm-eval)"  # behind the harness's own name of a metric

Kind = Literal["share", "ratio", "counts"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """of_totals: sums of statistics (draws, k) -> values (draws,). unit: "" or "%".

    kind: "share": 100 times the mean of values in 0..1; "ratio": a function of a ratio of two sums;
    "counts": another function of sums. It decides the interval.
    """

    name: str
    unit: str
    higher_is_better: bool
    of_totals: Callable[[Float], Float]
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95% interval over units; NaN where one unit shows no spread. units: how many."""

    value: float
    low: float
    high: float
    units: int

    @property
    def has_interval(self) -> bool:
        """Whether there are enough units to show how far they spread."""
        return not isnan(self.low)


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What one model did on one text or set of tasks.

    statistics: measure -> float64 (units, k). outputs: what the model wrote, a text a unit, or ().
    """

    statistics: Mapping[str, Float]
    outputs: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        rows = {name: values.tolist() for name, values in self.statistics.items()}
        return {"statistics": rows, "outputs": list(self.outputs)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measured:
        """Rebuild from `to_json`'s output."""
        return cls(
            statistics={name: np.array(rows) for name, rows in data["statistics"].items()},
            outputs=tuple(data["outputs"]),
        )


def measure(name: str) -> Measure:
    """A measure by its name; InputError for one that there is not."""
    if name in _MEASURES:
        return _MEASURES[name]
    if name.startswith(PASS) or name.endswith(HARNESS):  # harness.py refuses what is no share
        return Measure(name=name, unit="%", higher_is_better=True, of_totals=_percent, kind="share")
    raise InputError(f"There is no measure {name!r}; there are {', '.join(_MEASURES)}, {PASS}k.")


def shares(right: Any) -> Float:
    """The statistics of a mean: (units,) values in 0..1 -> (units, 2)."""
    values = np.asarray(right, dtype=np.float64)
    return np.stack([values, np.ones_like(values)], axis=1)


def estimate(name: str, statistics: Float) -> Estimate:
    """The value of a measure on all units, with its interval. statistics: (units, k)."""
    return _estimate(measure(name), (statistics,))


def paired_difference(name: str, statistics: Float, reference: Float) -> Estimate:
    """Value minus the reference's value, with the interval of that difference.

    statistics, reference: (units, k). Both models were measured on the same units, in the same
    order; ValueError if the counts differ.
    """
    if statistics.shape != reference.shape:
        raise ValueError("A paired difference needs the same units measured twice.")
    return _estimate(measure(name), (statistics, reference))


def _estimate(of: Measure, parts: tuple[Float, ...]) -> Estimate:
    first, *rest = (float(of.of_totals(rows.sum(axis=0, keepdims=True))[0]) for rows in parts)
    low, high = _interval(of, parts)
    return Estimate(value=first - sum(rest), low=low, high=high, units=len(parts[0]))


def _interval(of: Measure, parts: tuple[Float, ...]) -> Ends:
    """Of one model's statistics, or of the first's minus the second's."""
    if of.kind == "share":
        means = [rows[:, 0] / rows[:, 1] for rows in parts]
        low, high = share_interval(*means) if len(means) == 1 else share_difference_interval(*means)
        return 100 * low, 100 * high
    if of.kind == "ratio":
        if of.name == PERPLEXITY:
            return studentized_interval(parts, np.exp2, lambda ratio: np.log(2) * np.exp2(ratio))
        return studentized_interval(parts, lambda ratio: ratio, np.ones_like)
    return jackknife_interval(of.of_totals, parts)


def _ratio(totals: Float) -> Float:
    return totals[:, 0] / totals[:, 1]


def _percent(totals: Float) -> Float:
    return 100 * _ratio(totals)


def _perplexity(totals: Float) -> Float:
    return np.exp2(_ratio(totals))


def _chrf(totals: Float) -> Float:
    from analysis.evaluation.translation_metrics import chrf_of_totals

    return chrf_of_totals(totals)


def _bleu(totals: Float) -> Float:
    from analysis.evaluation.translation_metrics import bleu_of_totals

    return bleu_of_totals(totals)


_ROWS: tuple[tuple[str, str, bool, Callable[[Float], Float], Kind], ...] = (
    (BITS_PER_BYTE, "", False, _ratio, "ratio"),
    (PERPLEXITY, "", False, _perplexity, "ratio"),
    (EXACT, "%", True, _percent, "share"),
    (ACCURACY, "%", True, _percent, "share"),
    (NORMALISED, "%", True, _percent, "share"),
    (CHRF, "", True, _chrf, "counts"),
    (BLEU, "", True, _bleu, "counts"),
    (METEOR, "", True, _percent, "share"),
)
_MEASURES = {
    name: Measure(name=name, unit=unit, higher_is_better=higher, of_totals=of_totals, kind=kind)
    for name, unit, higher, of_totals, kind in _ROWS
}
