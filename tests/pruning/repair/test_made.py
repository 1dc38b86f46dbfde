"""A sub-model on disk: the same bits and values again; and put into a model for a while."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pruning.errors import AtlasError, Cancelled
from pruning.models.loading import LoadedModel
from pruning.repair.made import (
    MADE,
    MadeSubmodel,
    MadeWeight,
    finish,
    temporary_submodel,
    write_layer,
)
from pruning.specs import WeightKey
from tests.pruning.masks.test_sequential import assert_unchanged, state


def made_of(
    loaded: LoadedModel, dtype: torch.dtype = torch.bfloat16
) -> dict[WeightKey, MadeWeight]:
    """Every second weight refitted to twice its value, the others whole."""
    made = {}
    for number, weight in enumerate(loaded.weights):
        matrix = loaded.matrix(weight.key)
        kept = torch.rand(matrix.shape, generator=torch.Generator().manual_seed(number)) < 0.5
        made[weight.key] = (
            MadeWeight.whole(weight.shape) if number % 2 else MadeWeight.of(2 * matrix, kept, dtype)
        )
    return made


def test_kept_on_disk_bit_for_bit(tiny_model: Callable[..., LoadedModel], tmp_path: Path) -> None:
    loaded = tiny_model("llama")
    made = made_of(loaded)
    for layer in (0, 1):
        write_layer(
            tmp_path, layer, {k: m for k, m in made.items() if k.layer == layer}, 0.1 + layer
        )
    with pytest.raises(AtlasError, match="delete it"):
        MadeSubmodel(tmp_path)
    finish(tmp_path, list(made), 2.5, {"repair": "alps"})
    again = MadeSubmodel(tmp_path)
    assert again.errors == {0: 0.1, 1: 1.1}
    assert again.seconds == 2.5
    assert tuple(again) == tuple(made)
    assert again.details == {"repair": "alps"}
    for key, each in made.items():
        other = again[key]
        assert (other.mask.words == each.mask.words).all()
        assert other.mask.shape == each.mask.shape
        assert (other.values is None) == (each.values is None)
        if each.values is not None and other.values is not None:
            assert torch.equal(other.values, each.values)
            assert other.values.dtype == torch.bfloat16


def test_damaged_or_newer_is_one_sentence(
    tiny_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    made = made_of(tiny_model("llama"))
    layer = {key: each for key, each in made.items() if key.layer == 0}
    write_layer(tmp_path, 0, layer, 0.1)
    kept = finish(tmp_path, list(layer), 1.0, {})
    file = tmp_path / "layer-0.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(AtlasError, match="damaged"):
        kept[next(iter(layer))]
    (tmp_path / MADE).write_text('{"schema": 99}')
    with pytest.raises(AtlasError, match="newer version"):
        MadeSubmodel(tmp_path)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "mixtral"])
def test_in_the_model_for_a_while(
    architecture: str, tiny_model: Callable[..., LoadedModel]
) -> None:
    loaded = tiny_model(architecture)
    before, tokens = state(loaded), torch.arange(3, 40)[None]
    made = made_of(loaded, torch.float32)
    with torch.no_grad():
        dense = loaded.module(tokens).logits
        with pytest.raises(Cancelled):
            look_inside(loaded, made, before, dense)
        assert torch.equal(loaded.module(tokens).logits, dense)
    assert_unchanged(loaded, before)


def look_inside(
    loaded: LoadedModel,
    made: dict[WeightKey, MadeWeight],
    before: dict[str, torch.Tensor],
    dense: torch.Tensor,
) -> None:
    with temporary_submodel(loaded, made):
        for key, each in made.items():
            if each.values is not None:
                kept = torch.from_numpy(each.mask.unpack())
                assert torch.equal(
                    loaded.matrix(key), 2 * before_matrix(loaded, key, before) * kept
                )
        assert not torch.allclose(loaded.module(torch.arange(3, 40)[None]).logits, dense)
        raise Cancelled


def before_matrix(
    loaded: LoadedModel, key: WeightKey, before: dict[str, torch.Tensor]
) -> torch.Tensor:
    weight = loaded.weight(key)
    stored = before[weight.parameter]
    return stored.T if weight.transposed else stored


def test_a_value_that_overflows_is_refused() -> None:
    with pytest.raises(AtlasError, match="float16"):
        MadeWeight.of(torch.full((2, 2), 1e6), torch.ones(2, 2, dtype=bool), torch.float16)
