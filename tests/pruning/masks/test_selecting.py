"""Exact counts, ties, patterns and packing of masks."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pruning.errors import AtlasError, InputError
from pruning.masks.mask import Mask
from pruning.masks.selecting import SHORT, _lowest_of_short, keep_highest, pruned_per_group
from pruning.specs import PruneSpec


def by_stable_sort(scores: torch.Tensor, count: int) -> torch.Tensor:
    """The definition: a stable ascending sort of each row; the first `count` are pruned."""
    order = torch.sort(scores, dim=1, stable=True).indices[:, :count]
    return torch.ones_like(scores, dtype=torch.bool).scatter_(1, order, False)


def test_known_rows() -> None:
    scores = torch.tensor([[1.0, 4.0, 2.0, 3.0], [9.0, 9.0, 9.0, 9.0]])
    kept = keep_highest(scores, PruneSpec(sparsity=0.5))
    assert kept.tolist() == [[False, True, False, True], [False, False, True, True]]


def test_ties_at_the_threshold_prune_the_lower_index() -> None:
    scores = torch.tensor([[2.0, 1.0, 2.0, 0.0, 2.0, 5.0]])
    kept = keep_highest(scores, PruneSpec(sparsity=0.5))
    assert kept.tolist() == [[False, False, True, False, True, True]]


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 40),
    percent=st.integers(0, 99),
    levels=st.integers(1, 5),
    seed=st.integers(0, 2**20),
)
def test_equals_a_stable_sort(
    rows: int, columns: int, percent: int, levels: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(levels, (rows, columns), generator=generator).float()
    spec = PruneSpec(sparsity=percent / 100)
    count = math.floor(columns * Fraction(percent, 100))
    kept = keep_highest(scores, spec)
    assert torch.equal(kept, by_stable_sort(scores, count))
    assert (~kept).sum(1).tolist() == [count] * rows


def test_sparsity_zero_keeps_everything_even_dead_weights() -> None:
    assert keep_highest(torch.zeros(3, 5), PruneSpec(sparsity=0.0)).all()


def test_sparsity_one_is_refused_and_just_below_keeps_one() -> None:
    with pytest.raises(InputError, match="outside 0 <= sparsity < 1"):
        PruneSpec(sparsity=1.0)
    kept = keep_highest(torch.arange(10.0)[None], PruneSpec(sparsity=0.99))
    assert kept.sum() == 1
    assert kept[0, 9]


def test_decimal_sparsity_is_exact() -> None:
    assert math.floor(100 * 0.29) == 28  # what binary arithmetic would prune
    kept = keep_highest(torch.rand(2, 100), PruneSpec(sparsity=0.29))
    assert (~kept).sum(1).tolist() == [29, 29]


def test_dead_channels_go_first() -> None:
    scores = torch.tensor([[0.0, 3.0, 0.0, 1.0, 2.0]])
    kept = keep_highest(scores, PruneSpec(sparsity=0.4))
    assert kept.tolist() == [[False, True, False, True, True]]


def test_matrix_group_competes_across_rows() -> None:
    scores = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    kept = keep_highest(scores, PruneSpec(sparsity=0.5, comparison_group="matrix"))
    assert kept.tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize(
    "pattern", ["1:2", "2:4", "4:8", "1:4", "3:4", "2:5", "3:7", "5:16", "15:16", "1:16", "16:32"]
)
def test_patterns_keep_n_of_every_m_as_a_stable_sort_would(pattern: str) -> None:
    keep, block = map(int, pattern.split(":"))
    scores = torch.randint(4, (50, 8 * block), generator=torch.Generator().manual_seed(1)).float()
    kept = keep_highest(scores, PruneSpec(pattern=pattern, sparsity=1 - keep / block))
    blocks = scores.reshape(-1, block)
    assert torch.equal(kept.reshape(-1, block), by_stable_sort(blocks, block - keep))


@pytest.mark.parametrize("size", range(1, SHORT + 1))
def test_any_place_of_short_rows_is_found_as_a_sort_finds_it(size: int) -> None:
    rows = torch.randint(size, (300, size), generator=torch.Generator().manual_seed(2))
    in_order = rows.sort(dim=1).values
    for place in range(1, size + 1):  # with torch's operations, as on a GPU
        found = _lowest_of_short(rows.unbind(1), place, torch.minimum, torch.maximum)
        assert torch.equal(found, in_order[:, place - 1])


def test_a_pattern_that_does_not_divide_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="multiple of 4 inputs; this matrix has 10"):
        keep_highest(torch.rand(2, 10), PruneSpec(pattern="2:4"))


def test_a_pattern_with_another_sparsity_is_refused() -> None:
    with pytest.raises(InputError, match=r"prunes 0\.5 of the weights, not 0\.6"):
        PruneSpec(pattern="2:4", sparsity=0.6)


@pytest.mark.parametrize("bad", ["4:2", "0:4", "4:4", "2-4", "two:four"])
def test_impossible_patterns_are_refused(bad: str) -> None:
    with pytest.raises(InputError, match="pattern"):
        PruneSpec(pattern=bad)


def test_a_score_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(AtlasError, match="not a finite number"):
        keep_highest(torch.tensor([[1.0, math.nan]]), PruneSpec())


def test_counts_from_the_shape_alone() -> None:
    assert pruned_per_group((3, 10), PruneSpec(sparsity=0.55)) == (3, 5)
    assert pruned_per_group((3, 10), PruneSpec(sparsity=0.55, comparison_group="matrix")) == (1, 16)
    assert pruned_per_group((3, 8), PruneSpec(pattern="2:4")) == (6, 2)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 5), columns=st.integers(1, 200), seed=st.integers(0, 2**20))
def test_packing_round_trips_and_counts(rows: int, columns: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = random.random((2, rows, columns)) < 0.5
    packed = Mask.pack(one)
    assert packed.words.shape == (rows, -(-columns // 64))
    assert np.array_equal(packed.unpack(), one)
    assert packed.count() == one.sum()
    assert packed.both(Mask.pack(other)) == (one & other).sum()
