"""Sums of squares: by hand, over many cuts, and without a look at what does not count."""

from __future__ import annotations

import pytest
import torch

from pruning import input_sums
from pruning.input_sums import sum_squares


def test_only_counted_rows_are_added_whatever_the_others_hold() -> None:
    rows = torch.tensor([[1.0, -2.0], [float("inf"), float("nan")], [3.0, 0.5]])
    total = sum_squares(rows, torch.tensor([True, False, True]))
    assert total.dtype == torch.float64
    assert total.tolist() == [10.0, 4.25]
    assert rows[0].tolist() == [1.0, -2.0]  # what a layer reads is not changed


def test_no_rows_or_none_that_count_sum_to_zero() -> None:
    assert sum_squares(torch.ones(3, 2), torch.zeros(3, dtype=torch.bool)).tolist() == [0.0, 0.0]
    assert sum_squares(torch.ones(0, 2), torch.ones(0, dtype=torch.bool)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("numbers", [1, 20, 2**18])
def test_cuts_miss_no_row(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_sums, "CACHED", numbers)
    rows = torch.arange(21.0).reshape(7, 3)
    counted = torch.tensor([True, True, False, True, True, True, False])
    # column 0 holds 0, 3, 9, 12, 15: 0 + 9 + 81 + 144 + 225
    assert sum_squares(rows, counted)[0] == 459.0
    assert torch.equal(sum_squares(rows, counted), rows[counted].double().square().sum(0))


def test_long_texts_lose_no_precision() -> None:
    rows = torch.full((200_000, 2), 1.1)
    exact = 200_000 * torch.tensor(1.1).double().square()
    assert sum_squares(rows, torch.ones(200_000, dtype=torch.bool))[0] == pytest.approx(
        float(exact), rel=1e-7
    )
