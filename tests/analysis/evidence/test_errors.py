"""How often the evidence errs: under the null, with planted truth, and from a sample of rows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from analysis.evidence.comparisons import row_covariance
from analysis.evidence.resampling import count_both, masks_of
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec
from tests.analysis.evidence.test_testing import CHANNELS, KEY, draw, look, rows


def test_two_draws_of_one_domain_are_told_apart_no_more_often_than_chance() -> None:
    random = np.random.default_rng(2)
    found = [look(draw(random), draw(random), seed=seed) for seed in range(200)]
    p = np.array([each.p for each in found])
    jitter = p - random.random(200) / 40  # p is a multiple of 1/40; fill the steps
    assert kstest(jitter, "uniform").pvalue > 0.01
    index = np.array([each.index for each in found])
    assert abs(index.mean()) < 3 * index.std() / math.sqrt(200)


def test_a_planted_difference_is_found_and_grows_with_its_dose() -> None:
    random = np.random.default_rng(3)
    loud = np.ones(CHANNELS)
    means, power = [], []
    for dose in (1.0, 1.3, 2.0, 6.0):
        loud[:12] = dose
        found = [look(draw(random), draw(random, loud), seed=seed) for seed in range(25)]
        means.append(np.mean([each.index for each in found]))
        power.append(np.mean([each.p <= 0.05 for each in found]))
    assert means == sorted(means)
    assert power == sorted(power)
    assert abs(means[0]) < 0.05
    assert power[0] <= 0.2
    assert power[-1] == 1.0
    assert means[-1] > 0.2


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Under the null the truth is 0, else the mean over the draws.

    95% is nominal; 200 draws leave that 3 points of room, 80 draws leave 5.
    """
    random = np.random.default_rng(7)
    loud = np.ones(CHANNELS)
    for dose, draws, room in ((1.0, 200, 0.03), (3.0, 80, 0.05)):
        loud[:12] = dose
        found = [
            look(draw(random), draw(random, loud), bootstraps=40, seed=n) for n in range(draws)
        ]
        truth = 0.0 if dose == 1.0 else np.mean([each.index for each in found])
        covered = np.mean([each.index_low <= truth <= each.index_high for each in found])
        assert abs(covered - 0.95) <= room, (dose, covered)
        wide = np.mean([each.index_high - each.index_low for each in found]) / 2 / 1.96
        assert wide < 1.5 * np.std([each.index for each in found])


def test_the_variance_of_a_total_from_some_rows_by_hand() -> None:
    """All samples of 2 of the rows 1, 2, 6: totals 4.5, 10.5 and 12, their variance 10.5."""
    population = np.array([1.0, 2.0, 6.0])
    samples = [population[[i, j]] for i, j in ((0, 1), (0, 2), (1, 2))]
    totals = np.array([1.5 * sample.sum() for sample in samples])
    estimates = [row_covariance(sample[None], 1.5)[0, 0] for sample in samples]
    assert np.mean(estimates) == pytest.approx(totals.var())
    assert row_covariance(population[None], 1.0)[0, 0] == 0


def test_standard_errors_of_the_row_sample_are_the_spread_over_samples() -> None:
    """Ten of 60 rows, drawn again and again, against what each draw says of itself."""
    random = np.random.default_rng(9)
    loud = np.where(np.arange(CHANNELS) < 12, 2.0, 1.0)
    a, b = draw(random), draw(random, loud)
    every = rows(60)
    found = []
    for _ in range(120):
        chosen = torch.from_numpy(random.choice(60, 10, replace=False))
        some = replace(every, magnitude=every.magnitude[chosen], scale=6.0)
        found.append(look(a, b, some, permutations=1))
    exact = look(a, b, every, permutations=1)
    assert (exact.overlap_se, exact.index_se) == (0, 0)
    for name in ("overlap", "ceiling", "cross", "index"):
        values = np.array([getattr(each, name) for each in found])
        said = np.sqrt(np.mean([getattr(each, f"{name}_se") ** 2 for each in found]))
        assert said == pytest.approx(values.std(), rel=0.25), name
        assert abs(values.mean() - getattr(exact, name)) < 4 * values.std() / math.sqrt(120)


def test_the_index_with_unlimited_text_does_not_depend_on_the_text() -> None:
    """Beside that of masks without noise; the index itself doubles from 4 groups to 32."""
    random = np.random.default_rng(11)
    base, loud = np.linspace(0.5, 2.0, CHANNELS), np.where(np.arange(CHANNELS) < 12, 2.0, 1.0)
    many = rows(60)
    masks = masks_of(many, np.stack([base, base * loud]), PruneSpec())
    both, kept = (float(count_both(masks[0], mask)) for mask in masks[::-1])
    truth = (1 - both / (2 * kept - both)) / (1 - 1 / 3)
    index, unlimited = {}, {}
    for groups in (4, 32):
        found = []
        for seed in range(8):
            sides = [
                ChannelStats(
                    sum_sq={KEY: base * of * random.gamma(6.0, size=(groups, CHANNELS))},
                    tokens={KEY: np.full(groups, 100, dtype=np.int64)},
                )
                for of in (1.0, loud)
            ]
            found.append(look(*sides, many, permutations=1, seed=seed))
        index[groups] = np.mean([each.index for each in found])
        unlimited[groups] = np.mean([each.unlimited_index for each in found])
    assert index[32] > 1.5 * index[4]
    assert list(unlimited.values()) == pytest.approx([truth, truth], rel=0.2)
