"""Sums of products: float32 against float64, and that they add up as text does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pruning.errors import AtlasError
from pruning.repair.second_moments import SecondMoments, token_weights


def vectors(seed: int, tokens: int = 3000, channels: int = 24) -> torch.Tensor:
    """Channels that depend on each other, with loudnesses of four orders of magnitude."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(channels, channels)) * np.logspace(-2, 2, channels)
    return torch.from_numpy(random.normal(size=(tokens, channels)) @ mixing).float()


def test_float32_sums_equal_float64_sums() -> None:
    dense = vectors(0)
    pruned = dense + 0.1 * vectors(1)
    sums = SecondMoments.empty(24, paired=True)
    for start in range(0, 3000, 700):
        part = slice(start, start + 700)
        sums.add(pruned[part], dense[part])
    assert sums.tokens == 3000
    assert sums.cross is not None
    own, other = pruned.double(), dense.double()
    for found, exact in ((sums.gram, own.T @ own), (sums.cross, other.T @ own)):
        loudness = (own.square().sum(0)[:, None] * own.square().sum(0)).sqrt()
        assert float(((found - exact).abs() / loudness).max()) < 2e-6
    norms = own.square().sum(0).sqrt().float()
    assert torch.allclose(sums.norms(), norms, rtol=1e-5)


def test_sums_of_two_texts_add_up() -> None:
    one, other = vectors(0), vectors(1)
    both = SecondMoments.empty(24, paired=False)
    both.add(torch.cat([one, other]))
    parts = [SecondMoments.empty(24, paired=False) for _ in range(2)]
    for sums, text in zip(parts, (one, other), strict=True):
        sums.add(text)
    added = parts[0] + parts[1]
    assert added.tokens == both.tokens == 6000
    assert added.cross is None
    loudness = both.norms()[:, None] * both.norms()
    assert float(((added.gram - both.gram).abs() / loudness).max()) < 1e-6


def test_paired_sums_need_both_vectors() -> None:
    paired, single = (SecondMoments.empty(24, paired=paired) for paired in (True, False))
    with pytest.raises(ValueError, match="both vectors"):
        paired.add(vectors(0))
    with pytest.raises(ValueError, match="just one"):
        single.add(vectors(0), vectors(0))
    with pytest.raises(ValueError, match="cannot be added"):
        paired + single


def test_a_domain_counts_as_its_weight_says() -> None:
    """Of 100 and 300 tokens, weights 1 and 3: a token of each counts the same."""
    assert token_weights([(100, 1.0), (300, 3.0)]) == pytest.approx([1.0, 1.0])
    short, long = token_weights([(100, 1.0), (300, 1.0)])
    assert short * 100 == pytest.approx(long * 300)
    assert short * 100 + long * 300 == pytest.approx(400)
    assert token_weights([(57, 0.3)]) == [1.0]


def test_nothing_to_solve_with_is_one_sentence() -> None:
    sums = SecondMoments.empty(4, paired=False)
    with pytest.raises(AtlasError, match=r"No token of the text reached 1\.experts\.3\.up"):
        sums.check("1.experts.3.up")
    sums.add(torch.tensor([[1.0, float("inf"), 0.0, 0.0]]))
    with pytest.raises(AtlasError, match="not finite"):
        sums.check("1.up")
