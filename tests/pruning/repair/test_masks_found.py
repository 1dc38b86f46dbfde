"""ALPS and SparseGPT: what they keep, and how well, against plain computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from pruning.masks.selecting import keep_highest
from pruning.repair.alps import alps
from pruning.repair.least_squares import RIDGE, LeastSquares
from pruning.repair.refit import refit
from pruning.repair.sparsegpt import inverse_factor, sparsegpt
from pruning.specs import PruneSpec
from tests.pruning.repair.test_refit import moments_of, objective
from tests.pruning.repair.test_second_moments import vectors

CHANNELS = 24
PRUNES = [
    PruneSpec(sparsity=0.5),
    PruneSpec(sparsity=0.6, comparison_group="matrix"),
    PruneSpec(pattern="2:4"),
]


def weight_of(rows: int = 16) -> Tensor:
    return torch.randn((rows, CHANNELS), generator=torch.Generator().manual_seed(0))


def wanda(weight: Tensor, text: Tensor, prune: PruneSpec) -> Tensor:
    return keep_highest(weight.abs() * text.square().sum(0).sqrt(), prune)


@pytest.mark.parametrize("prune", PRUNES, ids=lambda prune: f"{prune.pattern}-{prune.sparsity}")
def test_the_found_masks_prune_as_asked_and_fit_better(prune: PruneSpec) -> None:
    text, weight = vectors(0), weight_of()
    kept_of_wanda = wanda(weight, text, prune)
    refitted = refit(LeastSquares.of(weight, moments_of(text)), kept_of_wanda)
    by_alps, kept = alps(LeastSquares.of(weight, moments_of(text)), [(len(weight), prune)])
    by_gpt, kept_by_gpt = sparsegpt(weight, inverse_factor(moments_of(text)), prune)
    for values, mask in ((by_alps, kept), (by_gpt, kept_by_gpt)):
        assert bool((values[~mask] == 0).all())
        assert int(mask.sum()) == int(kept_of_wanda.sum())
        if prune.pattern == "2:4":
            assert bool((mask.reshape(-1, 4).sum(1) == 2).all())
        elif prune.comparison_group == "row":
            assert bool((mask.sum(1) == kept_of_wanda.sum(1)).all())
    errors = [
        objective(values, weight, text, text)
        for values in (by_alps, refitted, weight * kept_of_wanda)
    ]
    assert errors == sorted(errors)
    assert objective(by_gpt, weight, text, text) < errors[2]


def test_alps_prunes_every_weight_of_an_input_by_its_own_rule() -> None:
    text, weight = vectors(0), weight_of(12)
    parts = [(8, PruneSpec(sparsity=0.5)), (4, PruneSpec(sparsity=0.75))]
    _, kept = alps(LeastSquares.of(weight, moments_of(text)), parts)
    assert kept.sum(1).tolist() == [12] * 8 + [6] * 4


def surgeon(weight: Tensor, text: Tensor, prune: PruneSpec, block: int) -> Tensor:
    """SparseGPT from its definition: after every column the inverse of what is left, float64."""
    values = weight.double().numpy().copy()
    x = text.double().numpy()
    hessian = x.T @ x
    hessian += RIDGE * np.trace(hessian) / len(hessian) * np.eye(len(hessian))
    columns = values.shape[1]
    pruned = np.zeros(values.shape, dtype=bool)

    def left_inverse(first: int) -> np.ndarray:
        return np.linalg.inv(hessian[first:, first:])

    for column in range(columns):
        begins = column % block == 0
        if begins:
            size = min(block, columns - column)
            scores = np.stack(
                [values[:, column + i] ** 2 / left_inverse(column + i)[0, 0] for i in range(size)],
                1,
            )
            count = int(size * prune.sparsity)
            worst = np.argsort(scores, axis=1, kind="stable")[:, :count]
            np.put_along_axis(pruned[:, column : column + size], worst, True, axis=1)
        inverse = left_inverse(column)
        error = np.where(pruned[:, column], values[:, column], 0) / inverse[0, 0]
        values[:, column:] -= np.outer(error, inverse[0])
    return torch.from_numpy(values * ~pruned)


@pytest.mark.parametrize("prune", [PruneSpec(sparsity=0.5), PruneSpec(pattern="2:4")])
def test_sparsegpt_is_the_optimal_brain_surgeon_column_by_column(
    prune: PruneSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, weight = vectors(0), weight_of()
    monkeypatch.setattr("pruning.repair.sparsegpt.BLOCK", 8)
    found, _ = sparsegpt(weight, inverse_factor(moments_of(text)), prune)
    expected = surgeon(weight, text, prune, 8 if prune.block is None else 4)
    assert torch.allclose(found.double(), expected, rtol=2e-3, atol=1e-4)
