"""The greedy choice against one that solves every least-squares problem anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pruning.errors import AtlasError
from pruning.narrowing.choosing import DELAYED, contributions, keep_greedily, keep_largest

RIDGE = 0.05


def problem(outputs: int, inputs: int, tokens: int = 400) -> tuple[Tensor, Tensor]:
    """A matrix (out, in) and the second moments of inputs that depend on each other."""
    generator = torch.Generator().manual_seed(inputs)
    mixing = torch.randn(inputs, inputs, generator=generator, dtype=torch.float64)
    vectors = torch.randn(tokens, inputs, generator=generator, dtype=torch.float64) @ mixing
    matrix = torch.randn(outputs, inputs, generator=generator, dtype=torch.float64)
    return matrix, vectors.T @ vectors / tokens


def one_by_one(matrix: Tensor, moment: Tensor, columns: int, left: int) -> np.ndarray:
    """Try out every unit: refit all that would be left, and see which loses least."""
    hessian = moment + RIDGE * torch.eye(len(moment), dtype=moment.dtype)
    kept = np.ones(len(moment) // columns, dtype=bool)

    def loss(units: np.ndarray) -> float:
        here = torch.from_numpy(np.flatnonzero(np.repeat(units, columns)))
        solved = torch.linalg.solve(hessian[here][:, here], hessian[here] @ matrix.T)
        explained = ((matrix @ hessian[:, here]) * solved.T).sum()
        return float(((matrix @ hessian) * matrix).sum() - explained)

    while kept.sum() > left:
        losses = {}
        for unit in np.flatnonzero(kept):
            without = kept.copy()
            without[unit] = False
            losses[unit] = loss(without)
        kept[min(losses, key=lambda unit: losses[unit])] = False
    return kept


@pytest.mark.parametrize(("columns", "left"), [(1, 69), (1, 5), (6, 9), (6, 2)])
def test_the_greedy_choice_is_that_of_trying_every_unit(columns: int, left: int) -> None:
    matrix, moment = problem(outputs=7, inputs=72)
    kept = keep_greedily(matrix, moment, RIDGE, columns, left)
    assert kept.sum() == left
    np.testing.assert_array_equal(kept, one_by_one(matrix, moment, columns, left))


def test_more_removals_than_are_carried_along_at_once() -> None:
    matrix, moment = problem(outputs=5, inputs=3 * DELAYED)
    at_once = keep_greedily(matrix, moment, RIDGE, 1, DELAYED // 2)
    kept = np.ones(3 * DELAYED, dtype=bool)
    hessian = moment + RIDGE * torch.eye(len(moment), dtype=moment.dtype)
    while kept.sum() > DELAYED // 2:  # the same loss, from an inverse made anew each time
        here = torch.from_numpy(np.flatnonzero(kept))
        inverse = torch.linalg.inv(hessian[here][:, here])
        fitted = matrix @ hessian[:, here] @ inverse
        kept[here[int((fitted.square().sum(0) / inverse.diagonal()).argmin())]] = False
    np.testing.assert_array_equal(at_once, kept)


def test_what_others_say_goes_before_what_is_small() -> None:
    """Column 2 is the sum of columns 0 and 1; column 3 adds little, but nothing else says it."""
    vectors = torch.randn(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    vectors = torch.cat([vectors[:, :2], vectors[:, :2].sum(1, keepdim=True), vectors[:, 2:]], 1)
    matrix = torch.tensor([[1.0, 0.5, 1.0, 0.1], [0.2, -1.0, 1.0, 0.1]], dtype=torch.float64)
    moment = vectors.T @ vectors / 500
    scores = contributions(moment.diagonal().numpy(), matrix, 1)
    assert keep_largest(scores, 3).tolist() == [True, True, True, False]
    assert keep_greedily(matrix, moment, 1e-6, 1, 3)[3]


def test_contributions_by_hand() -> None:
    matrix = torch.tensor([[1.0, 2.0, 0.0, 1.0], [1.0, 0.0, 3.0, 1.0]])
    assert contributions(np.array([1.0, 2.0, 3.0, 4.0]), matrix, 1).tolist() == [2, 8, 27, 8]
    assert contributions(np.array([1.0, 2.0, 3.0, 4.0]), matrix, 2).tolist() == [10, 35]


def test_of_equal_scores_the_later_stay() -> None:
    assert keep_largest(np.array([1.0, 3.0, 1.0, 1.0]), 2).tolist() == [False, True, False, True]


def test_moments_that_are_no_moments() -> None:
    with pytest.raises(AtlasError, match="positive definite"):
        keep_greedily(torch.ones(1, 2), -torch.eye(2), 0.0, 1, 1)
