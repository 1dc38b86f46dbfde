"""What is shuffled: whole sources, within problems, equal amounts of text; and how often it errs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from analysis.evidence.comparisons import Comparison, EvidenceSpec
from analysis.evidence.design import Origins, components, design, half_sizes
from analysis.evidence.origins import origins
from analysis.evidence.yardsticks import Yardsticks, yardsticks
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec
from tests.analysis.evidence.test_testing import CHANNELS, KEY, rows

BASE = np.linspace(0.5, 2.0, CHANNELS)
DRAWS = 60


def stats(sums: np.ndarray, tokens: float = 100) -> ChannelStats:
    return ChannelStats(
        sum_sq={KEY: sums}, tokens={KEY: np.full(len(sums), tokens, dtype=np.int64)}
    )


def look(
    a: ChannelStats, b: ChannelStats, seed: int, known: dict[str, Origins] | None = None
) -> tuple[Yardsticks, float]:
    spec = EvidenceSpec(splits=6, permutations=39, bootstraps=2, seed=seed)
    comparison = Comparison({"a": a, "b": b}, spec, known)
    counts = comparison.count(rows(16), PruneSpec())
    return yardsticks(np.array(["all"]), counts, 0, 0, 1)[0], comparison.smallest_p((0, 1))


def names(*groups: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group) for group in groups)


def shuffled(tokens: tuple[list[float], list[float]], *of: Origins):  # type: ignore[no-untyped-def]
    known = of or (Origins(), Origins())
    first, second = (np.array(each, dtype=float) for each in tokens)
    return design(first, second, 50, np.random.default_rng(0), (known[0], known[-1]))


def test_groups_of_equal_text_are_shuffled_as_they_are() -> None:
    found = shuffled(([100, 101, 99], [100, 100, 98]))
    assert found.is_plain
    assert found.units == (3, 3)
    assert found.smallest_p == 1 / 10  # 20 ways to deal them, each twice
    assert (found.labels.sum(axis=1) == 3).all()


def test_groups_that_share_a_source_are_one_unit() -> None:
    assert components(names("ab", "c", "bd", "e", "d")).tolist() == [0, 1, 0, 2, 0]
    found = shuffled(
        ([10] * 4, [10] * 4),
        Origins(clusters=names("p", "pq", "r", "s")),
        Origins(clusters=names("u", "v", "w", "x")),
    )
    assert found.clustered
    assert found.units == (3, 3)  # as many of the other's, as one of the first's is longer
    assert found.equalised
    together = {tuple(np.flatnonzero(unit)) for unit in found.members[:3]}
    assert together == {(0, 1), (2,), (3,)}
    one = Origins(clusters=names("p", "pq", "q", "q"))
    assert shuffled(([10] * 4, [10] * 4), one, Origins()).smallest_p == 1


def test_labels_change_places_only_between_shared_problems() -> None:
    problems = Origins(problems=names("ab", "cd", "ef", "g"))
    found = shuffled(([10] * 4, [10] * 4), problems, problems)
    assert found.blocked
    assert (found.labels[:, :4] + found.labels[:, 4:] == 1).all()
    assert found.smallest_p == 1 / 8  # 16 ways, each twice
    assert len(np.unique(found.labels, axis=0)) > 8
    apart = Origins(problems=names("s", "t", "u", "v"))
    assert not shuffled(([10] * 4, [10] * 4), problems, apart).blocked
    some = Origins(problems=names("ab", "t", "u", "v"))
    assert not shuffled(([10] * 4, [10] * 4), problems, some).blocked


def test_unequal_text_is_cut_to_equal_units() -> None:
    found = shuffled(([1000] * 16, [210] * 16))
    assert found.equalised
    assert found.units == (4, 4)  # four small groups make one; no more, lest too few are left
    text = found.members @ np.array([1000.0] * 16 + [210.0] * 16)
    assert text == pytest.approx(np.full(8, text[0]))
    assert ((found.members > 0).sum(axis=0) <= 1).all()
    assert (found.members[4:] > 0).sum(axis=1).tolist() == [4] * 4


def test_halves_of_all_domains_are_equally_long() -> None:
    assert half_sizes([np.full(16, 100.0), np.full(16, 100.0)]) == (8, 8)
    assert half_sizes([np.full(16, 1000.0), np.full(16, 250.0)]) == (2, 8)
    assert half_sizes([np.full(16, 1000.0), np.full(4, 1000.0)]) == (2, 2)
    assert half_sizes([np.full(7, 100.0), np.full(7, 100.0)]) == (3, 3)


def test_a_domain_with_a_fifth_of_the_text_is_told_apart_no_more_often_than_chance() -> None:
    """Groups as they are would call two thirds of these real."""
    random = np.random.default_rng(0)
    found = []
    for seed in range(DRAWS):
        long = stats(BASE * random.gamma(6.0, size=(16, CHANNELS)), 1000)
        short = stats(BASE * random.gamma(1.2, size=(16, CHANNELS)), 200)
        found.append(look(long, short, seed)[0])
    assert np.mean([each.p <= 0.05 for each in found]) <= 0.12
    index = np.array([each.index for each in found])
    assert abs(index.mean()) < 3 * index.std() / np.sqrt(DRAWS)


def test_sources_that_lie_in_several_groups_are_told_apart_no_more_often_than_chance() -> None:
    """Eight sources a domain, two groups each: as sixteen groups, most are called real."""
    random = np.random.default_rng(1)
    known, unknown = [], []
    for seed in range(DRAWS):
        sides = []
        for _ in range(2):
            repeated = np.repeat(random.gamma(4.0, size=(8, CHANNELS)), 2, axis=0)
            sides.append(stats(BASE * repeated * random.gamma(50.0, size=(16, CHANNELS))))
        pairs = [frozenset({("a", number // 2)}) for number in range(16)]
        sources = {"a": Origins(clusters=pairs), "b": Origins(clusters=pairs)}
        known.append(look(*sides, seed, sources)[0].p)
        unknown.append(look(*sides, seed)[0].p)
    assert np.mean(np.array(known) <= 0.05) <= 0.12
    assert np.mean(np.array(unknown) <= 0.05) > 0.25


def test_shuffling_within_problems_sees_what_the_choice_of_problems_hides() -> None:
    """Problems differ much, languages little: labels of any two problems show nothing."""
    random = np.random.default_rng(2)
    problems = Origins(problems=[frozenset({number}) for number in range(14)])
    both = {"a": problems, "b": problems}
    shift = np.where(np.arange(CHANNELS) < 12, 1.6, 1.0)
    power = {"within": 0, "any": 0, "null": 0}
    for seed in range(DRAWS):
        shared = BASE * random.gamma(2.0, size=(14, CHANNELS))
        one, other, third = (
            stats(shared * loud * random.gamma(80.0, size=(14, CHANNELS)))
            for loud in (1.0, shift, 1.0)
        )
        power["within"] += look(one, other, seed, both)[0].p <= 0.05
        power["any"] += look(one, other, seed)[0].p <= 0.05
        power["null"] += look(one, third, seed, both)[0].p <= 0.05
    assert power["within"] > 0.6 * DRAWS, power
    assert power["any"] < 0.2 * DRAWS
    assert power["null"] <= 0.12 * DRAWS


def test_sources_and_problems_are_read_where_they_were_kept(
    tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert origins(tiny_run) == {}
    domain = tiny_run.domains[0]
    paths = {}
    for name in tiny_run.domains:
        arrays = load_file(tiny_run.tokens_path(name))
        count = 6
        kept = {
            "document.group": np.array([0, 0, 1, 1, 2, 3], dtype=np.int32),
            "document.cluster": np.array([7, 8, 8, -1, -1, 9] if name == domain else [-1] * count),
            "document.problem": np.full(count, -1),
        }
        paths[name] = tmp_path / f"{name}.safetensors"
        save_file(arrays | kept, paths[name])
    monkeypatch.setattr(type(tiny_run), "tokens_path", lambda _, name: paths[name])
    found = origins(tiny_run)
    assert set(found) == {domain}
    assert found[domain].clusters == tuple(map(frozenset, ({7, 8}, {8}, set(), {9})))
    assert found[domain].problems == ()
