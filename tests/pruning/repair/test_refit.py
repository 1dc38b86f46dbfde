"""Refitted weights against the exact solution, row by row, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pruning.masks.selecting import keep_highest
from pruning.repair.least_squares import RIDGE, LeastSquares
from pruning.repair.refit import refit
from pruning.repair.second_moments import SecondMoments
from pruning.specs import PruneSpec
from tests.pruning.repair.test_second_moments import vectors


def moments_of(dense: Tensor, pruned: Tensor | None = None) -> SecondMoments:
    sums = SecondMoments.empty(dense.shape[1], paired=pruned is not None)
    sums.add(dense if pruned is None else pruned, None if pruned is None else dense)
    return sums


def exact(weight: Tensor, kept: Tensor, dense: Tensor, pruned: Tensor) -> Tensor:
    """The minimiser of every row, by solving its own normal equations in float64."""
    w, x, y = (each.double().numpy() for each in (weight, dense, pruned))
    gram, cross = y.T @ y, x.T @ y
    ridge = RIDGE * np.trace(gram) / len(gram)
    found = np.zeros_like(w)
    for row, mask in enumerate(kept.numpy()):
        chosen = np.flatnonzero(mask)
        right = (w[row] @ cross + ridge * w[row])[chosen]
        left = gram[np.ix_(chosen, chosen)] + ridge * np.eye(len(chosen))
        found[row, chosen] = np.linalg.solve(left, right)
    return torch.from_numpy(found)


def objective(values: Tensor, weight: Tensor, dense: Tensor, pruned: Tensor) -> float:
    """||W X - V X'||^2 + ridge ||V - W||^2, from its definition."""
    v, w, x, y = (each.double() for each in (values, weight, dense, pruned))
    ridge = RIDGE * float(y.square().sum(0).mean())
    return float((x @ w.T - y @ v.T).square().sum() + ridge * (v - w).square().sum())


@pytest.mark.parametrize("tokens", [3000, 10])  # 10: fewer than channels, so the ridge decides
@pytest.mark.parametrize("changed", [0.0, 0.2])
def test_refit_is_the_least_squares_solution(tokens: int, changed: float) -> None:
    dense = vectors(0, tokens)
    pruned = dense + changed * vectors(1, tokens)
    weight = torch.randn((9, 24), generator=torch.Generator().manual_seed(0))
    kept = keep_highest(weight.abs(), PruneSpec(sparsity=0.5))
    sums = moments_of(dense, pruned if changed else None)
    found = refit(LeastSquares.of(weight, sums), kept)
    best = exact(weight, kept, dense, pruned)
    assert bool((found[~kept] == 0).all())
    least = objective(best, weight, dense, pruned)
    assert objective(found, weight, dense, pruned) <= 1.001 * least
    assert objective(weight * kept, weight, dense, pruned) > 1.05 * least


def test_without_a_mask_and_a_change_the_weights_stay() -> None:
    dense = vectors(0)
    weight = torch.randn((5, 24), generator=torch.Generator().manual_seed(0))
    found = refit(LeastSquares.of(weight, moments_of(dense)), torch.ones_like(weight, dtype=bool))
    assert torch.allclose(found, weight, rtol=1e-4, atol=1e-5)


def test_a_text_of_zeros_leaves_the_kept_weights() -> None:
    weight = torch.randn((5, 24), generator=torch.Generator().manual_seed(0))
    kept = keep_highest(weight.abs(), PruneSpec(sparsity=0.5))
    found = refit(LeastSquares.of(weight, moments_of(torch.zeros(50, 24))), kept)
    assert torch.allclose(found, weight * kept, rtol=1e-4)


def test_rows_solved_in_several_pieces_are_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, text = torch.randn((30, 24), generator=torch.Generator().manual_seed(0)), vectors(0)
    kept = keep_highest(weight.abs(), PruneSpec(sparsity=0.5))
    monkeypatch.setattr("pruning.repair.refit.ROWS", 24 * 7)
    pieces = refit(LeastSquares.of(weight, moments_of(text)), kept)
    least = objective(exact(weight, kept, text, text), weight, text, text)
    assert objective(pieces, weight, text, text) <= 1.001 * least
