"""The refit against a least-squares solver on the vectors themselves."""

from __future__ import annotations

import pytest
import torch

from pruning.errors import AtlasError
from pruning.narrowing.refitting import EXACT, RIDGE, refit, working_precision
from pruning.repair.second_moments import SecondMoments


def test_the_refit_is_the_ridge_solution() -> None:
    generator = torch.Generator().manual_seed(0)
    dense = torch.randn(300, 12, generator=generator)
    own = dense + 0.3 * torch.randn(300, 12, generator=generator)
    matrix = torch.randn(5, 12, generator=generator)
    moments = SecondMoments.empty(12, paired=True)
    moments.add(own, dense)
    kept = torch.tensor([0, 2, 3, 7, 11])
    fitted = refit(matrix, kept, moments)

    strength = (RIDGE * float(own.double().square().sum(0).mean())) ** 0.5
    rows = torch.cat([own[:, kept].double(), strength * torch.eye(5, dtype=torch.float64)])
    wanted = torch.cat([(dense @ matrix.T).double(), strength * matrix[:, kept].T.double()])
    expected = torch.linalg.lstsq(rows, wanted).solution.T
    torch.testing.assert_close(fitted, expected, rtol=1e-4, atol=1e-4)


def test_without_other_vectors_it_is_fitted_to_the_own_output() -> None:
    vectors = torch.randn(100, 4, generator=torch.Generator().manual_seed(1))
    vectors[:, 3] = 2 * vectors[:, 0]
    moments = SecondMoments.empty(4, paired=False)
    moments.add(vectors)
    matrix = torch.tensor([[1.0, 0.0, 0.0, 1.0]])
    fitted = refit(matrix, torch.tensor([0, 1, 2]), moments)
    torch.testing.assert_close(fitted, torch.tensor([[3.0, 0, 0]], dtype=torch.float64), rtol=0.05, atol=0.05)  # fmt: skip


def test_many_channels_are_solved_in_single_precision() -> None:
    wide = SecondMoments(gram=torch.zeros(1, 1).expand(EXACT + 1, EXACT + 1), cross=None)
    assert working_precision(wide)[0].dtype == torch.float32
    assert working_precision(SecondMoments.empty(3, paired=False))[0].dtype == torch.float64


def test_inputs_that_are_zero_throughout() -> None:
    with pytest.raises(AtlasError, match="more text"):
        refit(torch.ones(2, 3), torch.tensor([0]), SecondMoments.empty(3, paired=False))
