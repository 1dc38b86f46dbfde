"""The yardsticks: by hand, on a real run, and as they are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import false_discovery_control

from analysis.evidence import resampling
from analysis.evidence import testing as module
from analysis.evidence.comparisons import Comparison, EvidenceSpec
from analysis.evidence.resampling import (
    SampledRows,
    bootstrap_halves,
    halves,
    masks_of,
    relabelings,
)
from analysis.evidence.testing import best_evidence, evidence, stored_at_sparsities
from analysis.evidence.yardsticks import Yardsticks, yardsticks
from analysis.overlap.table import overlap_table
from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.masks.mask import Mask
from pruning.masks.selecting import keep_highest
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec, WeightKey

KEY = WeightKey(layer=0, name="mlp.up_proj")
CHANNELS, GROUPS = 48, 8


def rows(count: int = 24, seed: int = 0) -> SampledRows:
    generator = torch.Generator().manual_seed(seed)
    magnitude = torch.randn(count, CHANNELS, generator=generator).abs()
    weight = PrunableWeight(
        key=KEY, shape=(count, CHANNELS), input_name=KEY.name, parameter="up_proj.weight"
    )
    return SampledRows(weight=weight, magnitude=magnitude, scale=1.0)


def draw(random: np.random.Generator, loud: np.ndarray | float = 1.0) -> ChannelStats:
    """One domain of made-up documents: noisy channel energies, some channels `loud` times higher."""
    base = np.linspace(0.5, 2.0, CHANNELS)
    sums = base * loud * random.gamma(6.0, size=(GROUPS, CHANNELS))
    return ChannelStats(sum_sq={KEY: sums}, tokens={KEY: np.full(GROUPS, 100, dtype=np.int64)})


def look(
    a: ChannelStats, b: ChannelStats, sampled: SampledRows | None = None, **spec: int
) -> Yardsticks:
    small = {"splits": 6, "permutations": 39, "bootstraps": 2} | spec
    counts = Comparison({"a": a, "b": b}, EvidenceSpec(**small)).count(
        sampled or rows(), PruneSpec()
    )
    return yardsticks(np.array(["all"]), counts, 0, 0, 1)[0]


def test_halves_are_disjoint_and_equal() -> None:
    members = halves(7, 50, np.random.default_rng(0))
    assert members.shape == (50, 2, 7)
    assert (members.sum(axis=2) == 3).all()
    assert (members.sum(axis=1) <= 1).all()
    assert len({tuple(split[0]) for split in members}) > 10


def test_relabelings_keep_the_sizes() -> None:
    members = relabelings(3, 5, 40, np.random.default_rng(0))
    assert (members.sum(axis=1) == 3).all()
    assert (members.sum(axis=0) > 0).all()


def test_a_bootstrap_draws_groups_and_keeps_halves_apart() -> None:
    members = bootstrap_halves(6, 300, 2, np.random.default_rng(0))
    assert members.shape == (300, 2, 2, 6)
    assert ((members > 0).sum(axis=2) <= 1).all()  # no group in both halves
    assert (members.sum(axis=3) > 0).all()
    assert members.max() >= 3
    times = members[:, 0].sum(axis=1)  # how often each group was drawn, where no half was empty
    assert abs(times.mean() - 1) < 0.05


@pytest.mark.parametrize("prune", [PruneSpec(sparsity=0.4), PruneSpec(pattern="2:4")])
def test_masks_of_many_norms_are_those_made_one_by_one(prune: PruneSpec) -> None:
    sums = np.random.default_rng(1).random((5, CHANNELS))
    sampled = rows()
    for one, words in zip(sums, masks_of(sampled, sums, prune), strict=True):
        scores = sampled.magnitude * torch.from_numpy(np.sqrt(one).astype(np.float32))
        assert np.array_equal(words, Mask.pack(keep_highest(scores, prune)).words)


def test_masks_that_avoid_each_other_have_an_index_above_one() -> None:
    """Each domain drives its own half of equally large weights, so the masks are complements."""
    random = np.random.default_rng(4)
    left = np.where(np.arange(CHANNELS) < CHANNELS // 2, 1e6, 1.0)
    equal = replace(rows(), magnitude=torch.ones(4, CHANNELS))
    found = look(draw(random, left), draw(random, left[::-1]), equal)
    assert (found.overlap, found.cross, found.ceiling) == (0.0, 0.0, 1.0)
    assert found.chance == pytest.approx(1 / 3)
    assert found.index == pytest.approx(1.5)


def test_the_least_p_is_stated() -> None:
    few = ChannelStats(
        sum_sq={KEY: np.ones((2, CHANNELS))}, tokens={KEY: np.ones(2, dtype=np.int64)}
    )
    comparison = Comparison({"a": few, "b": few}, EvidenceSpec(permutations=999))
    assert comparison.smallest_p((0, 1)) == 1 / 3
    many = draw(np.random.default_rng(5))
    comparison = Comparison({"a": many, "b": many}, EvidenceSpec(permutations=99))
    assert comparison.smallest_p((0, 1)) == 1 / 100


def test_one_domain_or_one_group_is_refused() -> None:
    one = draw(np.random.default_rng(8))
    with pytest.raises(InputError, match="Calibrate two or more"):
        Comparison({"a": one}, EvidenceSpec())
    with pytest.raises(InputError, match="at least 2 groups"):
        Comparison({"a": one, "b": one.total()}, EvidenceSpec())


def test_identical_domains_are_not_told_apart() -> None:
    same = draw(np.random.default_rng(6))
    found = look(same, same)
    assert found.overlap == 1.0
    assert found.p == 1.0


def test_adjusted_p_is_benjamini_hochberg(tiny_run: Run) -> None:
    spec = EvidenceSpec(splits=2, permutations=19, bootstraps=2, rows=0)
    for pair in evidence(tiny_run, PruneSpec(), spec):
        for parts in (pair.layers, pair.projections):
            order = sorted(parts, key=lambda part: part.p)
            expected = [part.p * len(order) / (rank + 1) for rank, part in enumerate(order)]
            expected = np.minimum.accumulate(expected[::-1])[::-1]
            np.testing.assert_allclose([part.adjusted_p for part in order], expected)


def test_with_all_rows_the_overlaps_are_the_exact_ones(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.6)
    table = overlap_table(tiny_run, prune)
    exact = table.jaccard()
    spec = EvidenceSpec(splits=3, permutations=9, bootstraps=2, rows=0)
    for pair in evidence(tiny_run, prune, spec):
        a, b = (table.domains.index(name) for name in (pair.domain_a, pair.domain_b))
        assert pair.whole.overlap == pytest.approx(exact[a, b])
        assert pair.whole.chance == pytest.approx(table.chance()[a, b])
        by_layer = table.per_layer(pair.domain_a, pair.domain_b)
        assert [each.overlap for each in pair.layers] == pytest.approx([row[1] for row in by_layer])
        assert {each.part for each in pair.projections} == set(table.projections)


def test_a_sample_of_rows_comes_near_and_is_the_same_for_a_seed(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = EvidenceSpec(splits=3, permutations=9, bootstraps=2, rows=12)
    first = evidence(tiny_run, PruneSpec(), spec)
    with monkeypatch.context() as patch:
        patch.setattr(module, "stored_evidence", lambda *_: None)
        assert first == evidence(tiny_run, PruneSpec(), spec)
        patch.undo()
        patch.setattr(module, "each_matrix", lambda *_: pytest.fail("sampled again"))
        assert first == evidence(tiny_run, PruneSpec(), spec)  # read back
    exact = evidence(tiny_run, PruneSpec(), replace(spec, rows=0))
    for some, every in zip(first, exact, strict=True):
        assert some.whole.cross == pytest.approx(every.whole.cross, abs=0.03)
        assert some.whole.cross != every.whole.cross
        assert some.whole.cross_se > 0 == every.whole.cross_se


def test_overlaps_are_of_all_rows_where_those_are_counted_quickly(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = EvidenceSpec(splits=2, permutations=9, bootstraps=2, rows=3)
    prune = PruneSpec(sparsity=0.45)
    table = overlap_table(tiny_run, prune)
    for pair in evidence(tiny_run, prune, spec):
        a, b = pair.domain_a, pair.domain_b
        assert pair.whole.overlap == table.jaccard()[table.domains.index(a), table.domains.index(b)]
        assert [row.overlap for row in pair.layers] == [row[1] for row in table.per_layer(a, b)]
        kinds = {row.part: row.overlap for row in pair.projections}
        assert kinds == {row[0]: row[1] for row in table.per_projection(a, b)}
        assert pair.whole.overlap_se == 0 < pair.whole.cross_se
    monkeypatch.setattr(module, "is_quick", lambda *_: False)
    sampled = evidence(tiny_run, prune, replace(spec, seed=1))
    assert all(pair.whole.overlap_se > 0 for pair in sampled)


def test_of_several_looks_the_hardest_is_the_best(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.55)
    assert best_evidence(tiny_run, prune) is None
    few = EvidenceSpec(splits=1, permutations=3, bootstraps=2, rows=2)
    for spec in (
        replace(few, permutations=9),
        few,
        exact := replace(few, permutations=9, rows=0),
        replace(few, permutations=9, rows=5),
    ):
        evidence(tiny_run, prune, spec)
    assert best_evidence(tiny_run, prune) == (exact, evidence(tiny_run, prune, exact))


def test_chunks_of_rows_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(10)
    a, b = draw(random), draw(random, np.linspace(0.5, 2, CHANNELS))
    some = replace(rows(23), scale=3.0)
    at_once = look(a, b, some)
    monkeypatch.setattr(resampling, "CHUNK_ROWS", 5)
    assert look(a, b, some) == at_once


def test_p_values_of_the_whole_model_are_adjusted_over_the_pairs(tiny_run: Run) -> None:
    spec = EvidenceSpec(splits=2, permutations=19, bootstraps=2, rows=0)
    whole = [pair.whole for pair in evidence(tiny_run, PruneSpec(), spec)]
    expected = false_discovery_control([each.p for each in whole])
    np.testing.assert_allclose([each.adjusted_p for each in whole], expected)


def test_what_is_known_at_other_sparsities_is_found(tiny_run: Run) -> None:
    spec = EvidenceSpec(splits=1, permutations=3, bootstraps=2, rows=2, seed=4)
    part = PruneSpec(layers=(1,))
    assert stored_at_sparsities(tiny_run, part) == {}
    found = {
        sparsity: evidence(tiny_run, replace(part, sparsity=sparsity), spec)
        for sparsity in (0.3, 0.07)
    }
    assert stored_at_sparsities(tiny_run, replace(part, sparsity=0.9)) == found
    assert list(stored_at_sparsities(tiny_run, part)) == [0.07, 0.3]
    assert stored_at_sparsities(tiny_run, PruneSpec(pattern="2:4")) == {}


def test_one_row_says_nothing_of_how_rows_differ() -> None:
    with pytest.raises(InputError, match="at least 2, or 0"):
        EvidenceSpec(rows=1)


@pytest.mark.parametrize(
    ("prune", "words"),
    [
        (PruneSpec(score="magnitude"), "ignores the text"),
        (PruneSpec(comparison_group="matrix"), "within their output row"),
    ],
)
def test_what_cannot_be_asked_is_refused(tiny_run: Run, prune: PruneSpec, words: str) -> None:
    with pytest.raises(InputError, match=words):
        evidence(tiny_run, prune, EvidenceSpec())


def test_what_an_older_program_found_is_still_read(tiny_run: Run) -> None:
    """But not as the answer where domains have unequal text, whose p was too small then."""
    prune = PruneSpec(sparsity=0.37)
    spec = EvidenceSpec(splits=2, permutations=19, bootstraps=2, rows=2)
    found = evidence(tiny_run, prune, spec)
    kept = module._kept(tiny_run, prune, spec)
    kept.path.rename(module._kept(tiny_run, prune, spec, module.OLDER).path)
    again = best_evidence(tiny_run, prune)
    assert again is not None
    assert again[1] == found
    assert (module.stored_evidence(tiny_run, prune, spec) is None) == module.is_uneven(tiny_run)
