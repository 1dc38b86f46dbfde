"""Sums of squares: by hand, over many cuts, and without a look at what does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pruning.calibration import input_sums
from pruning.calibration.decoder import check_layer_by_layer
from pruning.calibration.input_sums import sum_squares
from pruning.calibration.passages import channel_sums
from pruning.errors import AtlasError
from pruning.models.loading import LoadedModel
from pruning.runs.statistics import ChannelStats


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


def test_a_model_whose_layers_read_more_of_the_text_is_refused(
    tiny_model: Callable[..., LoadedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = tiny_model("llama")
    rotary = loaded.module.base_model.rotary_emb
    plain = rotary.forward

    def of_the_text(hidden: Tensor, *more: Any, **named: Any) -> tuple[Tensor, ...]:
        own = 1 + 100 * hidden.mean((1, 2), keepdim=True)
        return tuple(part * own for part in plain(hidden, *more, **named))

    check_layer_by_layer(loaded)
    monkeypatch.setattr(rotary, "forward", of_the_text)
    with pytest.raises(AtlasError, match="Choose another model"):
        check_layer_by_layer(loaded)


def completed(loaded: LoadedModel, module: str, work: Callable[[], object]) -> int:
    """How often the module of the last layer gave a result while the work was done."""
    calls: list[None] = []
    called = loaded.layers[-1].get_submodule(module)
    handle = called.register_forward_hook(lambda *_: calls.append(None))
    work()
    handle.remove()
    return len(calls)


def test_a_layer_whose_result_is_not_wanted_is_left_at_its_last_input(
    tiny_model: Callable[..., LoadedModel],
) -> None:
    loaded, ids = tiny_model("llama"), torch.randint(3, 380, (6, 8))
    check_layer_by_layer(loaded)
    one_by_one = [(row[None], torch.ones(1, 8, dtype=torch.bool)) for row in ids]
    found: list[ChannelStats] = []

    def sum_up() -> None:
        found.append(channel_sums(loaded, one_by_one, loaded.weights))

    assert completed(loaded, "mlp.down_proj", sum_up) == 1  # the first shows what there is
    assert completed(loaded, "mlp.up_proj", sum_up) == 6
    whole = channel_sums(loaded, [(ids, torch.ones(6, 8, dtype=torch.bool))], loaded.weights)
    for key, sums in whole.sum_sq.items():
        np.testing.assert_allclose(found[0].sum_sq[key], sums, rtol=1e-5)


def test_a_module_that_is_called_twice_is_seen_twice_in_every_batch(
    tiny_model: Callable[..., LoadedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, ids = tiny_model("llama"), torch.randint(3, 380, (6, 8))
    mlp = loaded.layers[-1].mlp
    once = mlp.forward
    monkeypatch.setattr(mlp, "forward", lambda hidden: once(hidden) + once(2 * hidden))
    valid = torch.ones(6, 8, dtype=torch.bool)
    parts = list(zip(ids.split(2), valid.split(2), strict=True))
    found = channel_sums(loaded, parts, loaded.weights).sum_sq
    whole = channel_sums(loaded, [(ids, valid)], loaded.weights).sum_sq
    for key, sums in whole.items():
        np.testing.assert_allclose(found[key], sums, rtol=1e-5)
