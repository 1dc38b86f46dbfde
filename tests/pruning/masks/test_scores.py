"""The scores, against their formulas and by hand."""

from __future__ import annotations

import pytest
import torch

from pruning.masks.scores import score
from pruning.specs import PruneSpec, WeightKey

KEY = WeightKey(layer=0, name="mlp.up_proj")
WEIGHT = torch.tensor([[1.0, -2.0], [0.5, 0.0]])


def test_wanda_is_magnitude_times_input_norm() -> None:
    scores = score(WEIGHT, torch.tensor([3.0, 10.0]), PruneSpec(), KEY)
    assert scores.tolist() == [[3.0, 20.0], [1.5, 0.0]]


def test_magnitude_ignores_the_norms() -> None:
    scores = score(WEIGHT, torch.tensor([3.0, 10.0]), PruneSpec(score="magnitude"), KEY)
    assert scores.tolist() == [[1.0, 2.0], [0.5, 0.0]]


def test_bfloat16_weights_are_scored_in_float32() -> None:
    scores = score(WEIGHT.bfloat16(), torch.tensor([1 / 3, 1.0]), PruneSpec(), KEY)
    assert scores.dtype == torch.float32
    assert scores[0, 0] == torch.tensor(1 / 3)


def test_random_depends_on_seed_and_key_alone() -> None:
    spec = PruneSpec(score="random", seed=1)
    first = score(WEIGHT, None, spec, KEY)
    assert torch.equal(first, score(WEIGHT * 7, None, spec, KEY))
    assert not torch.equal(first, score(WEIGHT, None, PruneSpec(score="random", seed=2), KEY))
    other = WeightKey(layer=1, name="mlp.up_proj")
    assert not torch.equal(first, score(WEIGHT, None, spec, other))


def test_wanda_needs_a_norm_for_every_channel() -> None:
    with pytest.raises(ValueError, match="one norm per input channel"):
        score(WEIGHT, torch.ones(3), PruneSpec(), KEY)


def test_ria_is_the_shares_of_column_and_row_times_the_root_of_the_norm() -> None:
    scores = score(WEIGHT, torch.tensor([4.0, 9.0]), PruneSpec(score="ria"), KEY)
    expected = [  # columns sum to 1.5 and 2, rows to 3 and 0.5
        [(1 / 1.5 + 1 / 3) * 2, (2 / 2 + 2 / 3) * 3],
        [(0.5 / 1.5 + 0.5 / 0.5) * 2, 0.0],
    ]
    assert torch.allclose(scores, torch.tensor(expected))


def test_ria_of_zeros_is_zero() -> None:
    scores = score(torch.zeros(2, 3), torch.ones(3), PruneSpec(score="ria"), KEY)
    assert scores.tolist() == [[0.0] * 3] * 2


def test_ria_ranks_a_row_like_the_published_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(5, 16, generator=generator)
    mean_squares = torch.rand(16, generator=generator)  # the published code's `scaler_row`
    size = weight.abs()
    published = (size / size.sum(0) + size / size.sum(1).reshape(-1, 1)) * (
        mean_squares.sqrt().reshape(1, -1) ** 0.5
    )
    ours = score(weight, (mean_squares * 128).sqrt(), PruneSpec(score="ria"), KEY)
    assert torch.equal(ours.argsort(dim=1), published.argsort(dim=1))
