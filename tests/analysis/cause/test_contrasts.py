"""The statistics of cause: known damages, a null that is not claimed, Mantel's test by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, spearmanr

from analysis.cause.contrasts import Damages, contrast
from analysis.cause.mantel import mantel
from analysis.cause.measurements import Measured
from analysis.cause.spec import NOTHING, Removal

REGION = Removal(kind="region", domain="a")


def measured(dense: list[float], changed: list[float], sizes: list[int]) -> Measured:
    bits = {(NOTHING, "a"): np.array(dense), (REGION, "a"): np.array(changed)}
    return Measured(bits=bits, bytes={"a": np.array(sizes)}, sizes={"a": 3}, total=10)


def test_damage_is_all_more_bits_over_all_bytes() -> None:
    damages = Damages(measured([10, 30], [12, 38], [10, 40]), 200, 0)
    values = damages.of(REGION, "a")
    assert values[0] == pytest.approx(10 / 50)
    assert damages.dense("a") == pytest.approx(40 / 50)
    assert set(np.round(values[1:], 6)) == {0.2, round(4 / 20, 6), round(16 / 80, 6)}
    found = damages.damage(REGION, "a")  # the two documents are alike
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))


def test_the_interval_is_paired() -> None:
    """Documents differ a hundred times more than what the removal does to each of them."""
    random = np.random.default_rng(0)
    dense = random.uniform(100, 900, 60)
    more = random.normal(5, 1, 60)
    damages = Damages(measured(list(dense), list(dense + more), [100] * 60), 2000, 0)
    found = damages.damage(REGION, "a")
    error = more.std(ddof=1) / np.sqrt(60) / 100
    assert found.value == pytest.approx(more.mean() / 100)
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.3 * error)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.3 * error)


def values_of(per_document: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return counts @ per_document / counts.sum(axis=1)


def simulate(shift: float, trials: int = 300, draws: int = 5) -> np.ndarray:
    """p-values where region and draws are random sets of weights, the region's shifted."""
    random = np.random.default_rng(7)
    found = []
    for _ in range(trials):
        counts = random.multinomial(40, np.full(40, 1 / 40), size=200)
        counts = np.concatenate([np.ones((1, 40)), counts])
        of_sets = random.normal(size=draws + 1)  # what each set of weights does to all documents
        of_sets[0] += shift
        noise = 0.5 * random.normal(size=(draws + 1, 40))
        values = [values_of(one + line, counts) for one, line in zip(of_sets, noise, strict=True)]
        found.append(contrast(values[0], values[1:], 40).p)
    return np.array(found)


def test_a_region_like_any_other_draw_is_not_claimed() -> None:
    """Documents alone would call half of such regions significant: they agree on every set."""
    null = simulate(0)
    assert (null < 0.05).mean() < 0.08
    assert kstest(null, "uniform").pvalue > 0.01


def test_power_grows_with_the_dose() -> None:
    power = [(simulate(shift, trials=100) < 0.05).mean() for shift in (0, 2, 4, 8)]
    assert power == sorted(power)
    assert power[0] < 0.15
    assert power[-1] > 0.95


def test_two_regions_are_compared_over_documents_alone() -> None:
    random = np.random.default_rng(0)
    counts = random.multinomial(50, np.full(50, 1 / 50), size=1000)
    counts = np.concatenate([np.ones((1, 50)), counts])
    more = random.normal(0.3, 1, 50)
    found = contrast(values_of(more, counts), [np.zeros(1001)], 50)
    error = more.std(ddof=1) / np.sqrt(50)
    assert found.difference == pytest.approx(more.mean())
    assert found.high - found.low == pytest.approx(2 * 2.01 * error, rel=0.1)
    assert found.low < found.difference < found.high


def test_where_nothing_varies_there_is_no_proof_of_nothing() -> None:
    same = np.full(101, 0.5)
    assert contrast(same, [same, same], 10).p == 1
    assert contrast(same + 1, [same, same], 10).p == 1 / 101  # never 0


def symmetric(upper: list[float], count: int) -> np.ndarray:
    table = np.zeros((count, count))
    table[np.triu_indices(count, 1)] = upper
    return table + table.T


def test_mantel_by_hand() -> None:
    """Three objects, distances 1, 2, 3 for ab, ac, bc; the outcome is their order, or its reverse."""
    distance = symmetric([1, 2, 3], 3)
    found = mantel(distance, 10 * distance)
    assert found.correlation == pytest.approx(1)
    assert (found.relabellings, found.exact) == (6, True)
    assert found.p == pytest.approx(1 / 6)
    assert found.smallest_p == pytest.approx(1 / 6)
    reverse = mantel(distance, -distance)
    assert reverse.correlation == pytest.approx(-1)
    assert reverse.p == pytest.approx(1)
    # Outcome 1, 3, 2: with ranks 1, 2, 3 the correlation is 1 - 6 * 2 / (3 * 8) = 0.5. Of the six
    # orders of (1, 2, 3), one gives 1 and two give 0.5, so half are at least as large.
    middle = mantel(distance, symmetric([1, 3, 2], 3))
    assert middle.correlation == pytest.approx(0.5)
    assert middle.p == pytest.approx(3 / 6)


def test_the_correlation_is_spearmans_over_ordered_pairs() -> None:
    random = np.random.default_rng(0)
    distance, outcome = symmetric(list(random.random(10)), 5), random.random((5, 5))
    pairs = ~np.eye(5, dtype=bool)
    found = mantel(distance, outcome)
    assert found.correlation == pytest.approx(spearmanr(distance[pairs], outcome[pairs]).statistic)
    assert found.relabellings == 120


def test_more_objects_are_relabelled_at_random() -> None:
    random = np.random.default_rng(0)
    points = random.random((10, 2))
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    found = mantel(distance, distance**2 + random.normal(0, 0.01, (10, 10)))
    assert (found.exact, found.relabellings) == (False, 10_000)
    assert found.p == found.smallest_p == 1 / 10_000


def test_mantel_is_uniform_where_there_is_nothing() -> None:
    random = np.random.default_rng(3)
    found = [
        mantel(symmetric(list(random.random(6)), 4), random.random((4, 4))).p for _ in range(200)
    ]
    shares = [np.mean(np.array(found) <= level) for level in (0.125, 0.25, 0.5, 0.75)]
    np.testing.assert_allclose(shares, (0.125, 0.25, 0.5, 0.75), atol=0.1)  # of 24 relabellings


def test_two_objects_cannot_be_asked() -> None:
    found = mantel(symmetric([0.3], 2), np.array([[0, 1.0], [2.0, 0]]))
    assert found.correlation is None
    assert found.p is None
    assert found.smallest_p == 1
