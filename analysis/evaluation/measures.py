"""Measures as functions of totals over documents or tasks, and their bootstrap intervals.

Whatever is measured, each unit (a document, a task) has a short row of statistics, and a measure is
a function of the sum of these rows: bits per byte of (bits, bytes), accuracy of (right, 1), BLEU of
n-gram counts. So a bootstrap over units only adds rows again (Efron 1979; for BLEU, Koehn 2004).
Drawing the same units for two models makes the interval of their difference a paired one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruning.errors import InputError

Float = NDArray[np.float64]

BITS_PER_BYTE, PERPLEXITY = "bits per byte", "perplexity"
EXACT, ACCURACY, NORMALISED = "exact answer", "accuracy", "length-normalised accuracy"
CHRF, BLEU = "chrF", "BLEU"
METEOR = "METEOR (exact and stem matches)"
PASS = "pass@"  # followed by k
HARNESS = " (lm-eval)"  # behind the harness's own name of a metric

DRAWS = 1000
SEED = 0
TAIL = 2.5  # percent on each side of a 95% interval


@dataclass(frozen=True, kw_only=True)
class Measure:
    """of_totals: sums of statistics (draws, k) -> values (draws,). unit: "" or "%"."""

    name: str
    unit: str
    higher_is_better: bool
    of_totals: Callable[[Float], Float]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95% interval: percentiles of a bootstrap over units. units: how many."""

    value: float
    low: float
    high: float
    units: int


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
        return Measure(name=name, unit="%", higher_is_better=True, of_totals=_percent)
    raise InputError(f"There is no measure {name!r}; there are {', '.join(_MEASURES)}, {PASS}k.")


def shares(right: Any) -> Float:
    """The statistics of a mean: (units,) values in 0..1 -> (units, 2)."""
    values = np.asarray(right, dtype=np.float64)
    return np.stack([values, np.ones_like(values)], axis=1)


def estimate(name: str, statistics: Float) -> Estimate:
    """The value of a measure on all units, with its interval."""
    of_totals = measure(name).of_totals
    value = of_totals(statistics.sum(axis=0, keepdims=True))[0]
    return _estimate(float(value), of_totals(_drawn(statistics)), len(statistics))


def paired_difference(name: str, statistics: Float, reference: Float) -> Estimate:
    """Value minus the reference's value, with the interval of that difference.

    Both models were measured on the same units, in the same order; ValueError if the counts differ.
    """
    if statistics.shape != reference.shape:
        raise ValueError("A paired difference needs the same units measured twice.")
    of_totals = measure(name).of_totals
    value, other = (
        of_totals(rows.sum(axis=0, keepdims=True))[0] for rows in (statistics, reference)
    )
    draws = of_totals(_drawn(statistics)) - of_totals(_drawn(reference))
    return _estimate(float(value - other), draws, len(statistics))


def _estimate(value: float, draws: Float, units: int) -> Estimate:
    low, high = np.percentile(draws, (TAIL, 100 - TAIL))
    return Estimate(value=value, low=float(low), high=float(high), units=units)


def _drawn(statistics: Float) -> Float:
    """Totals of DRAWS draws of units with replacement (DRAWS, k); the same units for every model."""
    return _draws(len(statistics)) @ statistics


@lru_cache(maxsize=16)
def _draws(units: int) -> Float:
    """How often each unit is in each draw: (DRAWS, units)."""
    counts = np.random.default_rng(SEED).multinomial(units, np.full(units, 1 / units), DRAWS)
    return counts.astype(np.float64)


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


_MEASURES = {
    name: Measure(name=name, unit=unit, higher_is_better=higher, of_totals=of_totals)
    for name, unit, higher, of_totals in (
        (BITS_PER_BYTE, "", False, _ratio),
        (PERPLEXITY, "", False, _perplexity),
        (EXACT, "%", True, _percent),
        (ACCURACY, "%", True, _percent),
        (NORMALISED, "%", True, _percent),
        (CHRF, "", True, _chrf),
        (BLEU, "", True, _bleu),
        (METEOR, "", True, _percent),
    )
}
