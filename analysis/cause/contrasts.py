"""Damage, and whether one removal does more of it than others: documents and draws as noise.

Damage = bits per byte of the changed model minus those of the dense one, on the same documents.
Documents are resampled with replacement, the same ones for every removal, so that differences are
paired. A random draw of weights is noise too: a region is compared with one more draw, not with
the mean of the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.cause.measurements import Measured
from analysis.cause.spec import NOTHING, Removal
from analysis.evaluation.intervals import studentized_interval

Float = NDArray[np.float64]  # (1 + bootstraps,): the value itself, then that of every draw
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Bits per byte more than the dense model needs, with a 95% bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """How much more damage one removal does than others, bits per byte; p: one-sided, for more."""

    difference: float
    low: float
    high: float
    p: float


class Damages:
    """The damage of every removal, for the documents as they are and for every draw of them."""

    def __init__(self, measured: Measured, bootstraps: int, seed: int) -> None:
        self._bits, self._sizes = measured.bits, measured.bytes
        self._counts: dict[str, Float] = {}
        self._bytes: dict[str, Float] = {}
        self.documents = {domain: len(sizes) for domain, sizes in measured.bytes.items()}
        random = np.random.default_rng(seed)
        for domain, sizes in measured.bytes.items():
            count = len(sizes)
            drawn = random.multinomial(count, np.full(count, 1 / count), size=bootstraps)
            self._counts[domain] = np.concatenate([np.ones((1, count)), drawn])
            self._bytes[domain] = self._counts[domain] @ sizes  # (1 + bootstraps,)

    def of(self, removal: Removal, domain: str, than: Removal = NOTHING) -> Float:
        """Bits per byte more on this domain than under another removal: (1 + bootstraps,)."""
        more = self._bits[removal, domain] - self._bits[than, domain]
        return (self._counts[domain] @ more) / self._bytes[domain]

    def damage(self, removal: Removal, domain: str, than: Removal = NOTHING) -> Damage:
        """The same with its interval: a studentised bootstrap (see `evaluation.intervals`)."""
        more = self._bits[removal, domain] - self._bits[than, domain]
        sizes = self._sizes[domain].astype(np.float64)
        low, high = studentized_interval(
            [np.stack([more, sizes], axis=1)], lambda ratio: ratio, np.ones_like
        )
        return Damage(value=float(more.sum() / sizes.sum()), low=low, high=high)

    def dense(self, domain: str) -> float:
        """Bits per byte of the dense model."""
        return float(self._bits[NOTHING, domain].sum() / self._bytes[domain][0])


def contrast(own: Float, others: Sequence[Float], documents: int) -> Contrast:
    """Is `own` more than one further draw of `others` would be?

    difference d = own - mean of others. Its variance is the bootstrap's over documents plus, for R
    random draws whose values have the variance s^2, s^2 (1 + 1/R): that of one more draw about the
    mean of R. own, each of others: (1 + bootstraps,), as `Damages.of` gives them. documents: that were
    resampled, the smaller number where there are two domains.
    """
    draws = np.array(others)
    spread = float(draws[:, 0].var(ddof=1)) * (1 + 1 / len(draws)) if len(draws) > 1 else 0.0
    return _judged(own - draws.mean(axis=0), documents, spread, len(draws))


def average(differences: Sequence[Float], documents: int) -> Contrast:
    """Are the differences above 0 on average? Their own scatter counts beside the documents'.

    differences: (1 + bootstraps,) each. documents: as in `contrast`.
    """
    each = np.array(differences)
    spread = float(each[:, 0].var(ddof=1)) / len(each) if len(each) > 1 else 0.0
    return _judged(each.mean(axis=0), documents, spread, len(each))


def _judged(values: Float, documents: int, spread: float, draws: int) -> Contrast:
    """A difference with its interval and p, from two sources of noise.

    The difference over its standard error is compared with Student's t, with the degrees of freedom
    of Welch and Satterthwaite. p is never below 1 / (1 + bootstraps).
    """
    from scipy.stats import t as student  # slow to import; pages only read

    parts = [(float(values[1:].var(ddof=1)), documents - 1), (spread, draws - 1)]
    variance = sum(part for part, _ in parts)
    difference, error = float(values[0]), float(np.sqrt(variance))
    smallest = 1 / len(values)
    if error < 1e-12:  # nothing varies: the documents are alike and so are the draws
        p = smallest if difference > 1e-12 else 1.0
        return Contrast(difference=difference, low=difference, high=difference, p=p)
    freedom = variance**2 / sum(part**2 / max(free, 1) for part, free in parts)
    margin = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return Contrast(
        difference=difference,
        low=difference - margin,
        high=difference + margin,
        p=max(float(student.sf(difference / error, freedom)), smallest),
    )
