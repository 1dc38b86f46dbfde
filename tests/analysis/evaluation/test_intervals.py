"""Intervals of few documents and tasks: against scipy, by hand, and how often they cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from analysis.evaluation.intervals import (
    effective_units,
    share_difference_interval,
    share_interval,
    wilson,
)
from analysis.evaluation.measures import estimate, paired_difference, shares

NOMINAL = 0.95


def right(count: int, of: int) -> np.ndarray:
    return np.repeat([1.0, 0.0], [count, of - count])


@pytest.mark.parametrize(("count", "of"), [(0, 20), (3, 10), (19, 20), (20, 20), (1, 1)])
def test_the_interval_of_a_share_is_scipys_wilson(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(NOMINAL, method="wilson")
    assert share_interval(right(count, of)) == pytest.approx((expected.low, expected.high))


def test_a_share_of_a_hundred_percent_has_an_interval() -> None:
    found = estimate("pass@1", shares(right(20, 20)))
    assert (found.value, found.high) == (100, 100)
    assert found.low == pytest.approx(83.9, abs=0.05)
    both = paired_difference("pass@1", shares(right(20, 20)), shares(right(20, 20)))
    assert both.value == 0
    assert both.low == pytest.approx(-16.1, abs=0.05)
    assert both.high == pytest.approx(16.1, abs=0.05)


def test_shares_cover_as_often_as_they_say() -> None:
    """Exactly, over all outcomes; percentiles of a bootstrap cover 64% of .95 of 20 tasks."""
    for of in (10, 20, 40):
        ends = np.array([share_interval(right(count, of)) for count in range(of + 1)])
        found = []
        for share in np.linspace(0.05, 0.95, 91):
            inside = (ends[:, 0] <= share) & (share <= ends[:, 1])
            found.append(binom.pmf(np.arange(of + 1), of, share)[inside].sum())
        assert np.mean(found) == pytest.approx(NOMINAL, abs=0.01)
        assert min(found) > 0.83
    ends = np.array([share_interval(right(count, 20)) for count in range(21)])
    inside = (ends[:, 0] <= 0.95) & (ends[:, 1] >= 0.95)
    assert binom.pmf(np.arange(21), 20, 0.95)[inside].sum() > 0.92


def test_several_programs_of_a_task_count_by_how_far_they_agree() -> None:
    """Programs that all agree are one; independent ones are nearly as many as there are."""
    random = np.random.default_rng(0)
    agreeing = right(30, 60)
    assert effective_units(agreeing) == 60
    alone = random.binomial(8, 0.5, size=60) / 8
    assert 250 < effective_units(alone) < 60 * 8 * 1.5
    assert effective_units(np.full(20, 0.5)) > 20
    for mixed in (0.5, 5.0):  # of a beta distribution: tasks that differ much, or little
        covered = 0
        for _ in range(400):
            values = random.binomial(5, random.beta(4 * mixed, mixed, size=15)) / 5
            low, high = share_interval(values)
            covered += low <= 0.8 <= high
        assert 0.925 <= covered / 400 <= 0.99


def test_the_difference_of_two_shares_by_hand() -> None:
    """Newcombe 1998, method 10: 36 both right, 12 only first, 2 only second, none neither (n = 50)."""
    first = right(48, 50)
    second = np.concatenate([np.ones(36), np.zeros(12), np.ones(2)])
    low, high = share_difference_interval(first, second)
    (p_low, p_high), (q_low, q_high) = wilson(0.96, 50), wilson(0.76, 50)
    correlation = (36 * 0 - 12 * 2) / np.sqrt(48 * 2 * 38 * 12)  # negative: no correction
    assert correlation == pytest.approx(np.corrcoef(first, second)[0, 1])
    below, above = (0.96 - p_low, q_high - 0.76), (p_high - 0.96, 0.76 - q_low)
    for end, (one, other), sign in ((low, below, -1), (high, above, 1)):
        room = one**2 - 2 * correlation * one * other + other**2
        assert end == pytest.approx(0.2 + sign * np.sqrt(room))


def test_differences_of_shares_cover() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(500):
        ability = random.random(20)
        first, second = ability < 0.9, (ability + 0.3 * random.random(20)) < 0.9
        low, high = share_difference_interval(first.astype(float), second.astype(float))
        covered += low <= 0.15 <= high  # of the second, 0.75 are below 0.9 on average
    assert 0.93 <= covered / 500 <= 0.995


def test_bits_per_byte_of_ten_documents_cover() -> None:
    """Lengths and losses as skewed as those of real text; percentiles cover 87% of these."""
    random = np.random.default_rng(2)
    covered = difference = perplexity = 0
    for _ in range(400):
        sizes = np.exp(random.normal(6, 0.7, 10))
        level = np.exp(random.normal(0, 0.4, 10) - 0.08)
        one = np.stack([level * sizes, sizes], axis=1)
        more = 0.1 * np.exp(random.normal(0, 0.4, 10) - 0.08)
        other = np.stack([(level + more) * sizes, sizes], axis=1)
        found = estimate("bits per byte", one)
        covered += found.low <= 1 <= found.high
        apart = paired_difference("bits per byte", other, one)
        difference += apart.low <= 0.1 <= apart.high
        found = estimate("perplexity", one)
        perplexity += found.low <= 2 <= found.high
    for count in (covered, difference, perplexity):
        assert 0.91 <= count / 400 <= 0.98, (covered, difference, perplexity)


def test_translations_have_the_jackknifes_interval() -> None:
    """Of a mean the jackknife is the usual standard error."""
    from analysis.evaluation.intervals import jackknife_interval

    values = np.random.default_rng(3).normal(3.0, 1.0, 12)
    rows = np.stack([values, np.ones(12)], axis=1)
    low, high = jackknife_interval(lambda totals: totals[:, 0] / totals[:, 1], [rows])
    margin = 2.200985 * values.std(ddof=1) / np.sqrt(12)  # Student's t, 11 degrees of freedom
    assert (low, high) == pytest.approx((values.mean() - margin, values.mean() + margin))


def test_one_document_shows_no_spread() -> None:
    found = estimate("bits per byte", np.array([[8.0, 4.0]]))
    assert found.value == 2
    assert np.isnan([found.low, found.high]).all()
    three = estimate("bits per byte", np.array([[8.0, 4.0], [9.0, 5.0], [4.0, 4.0]]))
    assert np.isfinite([three.low, three.high]).all()
    assert three.low < three.value < three.high
