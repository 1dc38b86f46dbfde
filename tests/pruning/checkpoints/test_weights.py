"""Matrices read from the checkpoint are the matrices of the loaded model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.checkpoints.weights import WeightReader
from pruning.errors import AtlasError, InputError
from pruning.models.loading import load_model
from pruning.specs import ModelSpec, WeightKey
from tests.pruning import zoo


@pytest.mark.parametrize("architecture", zoo.ARCHITECTURES)
def test_reader_and_model_agree_bit_for_bit(architecture: str, tmp_path: Path) -> None:
    loaded = load_model(ModelSpec(source=str(zoo.build(architecture, tmp_path / "model"))))
    reader = WeightReader(loaded.folder, loaded.weights)
    for weight in loaded.weights:
        matrix = reader.matrix(weight.key)
        assert tuple(matrix.shape) == weight.shape
        assert torch.equal(matrix, loaded.matrix(weight.key))


def test_checkpoint_dtype_is_kept_and_shards_are_found(tmp_path: Path) -> None:
    folder = zoo.build("llama", tmp_path / "m", dtype=torch.bfloat16, max_shard_size="20KB")
    loaded = load_model(ModelSpec(source=str(folder)))
    assert len({weight.file for weight in loaded.weights}) > 1
    matrix = WeightReader(folder, loaded.weights).matrix(WeightKey(layer=1, name="mlp.down_proj"))
    assert matrix.dtype == torch.bfloat16
    assert loaded.matrix(WeightKey(layer=1, name="mlp.down_proj")).dtype == torch.float32


@pytest.mark.parametrize(("architecture", "prefix"), [("gpt2", "transformer."), ("opt", "model.")])
def test_a_checkpoint_without_the_base_prefix_is_found(
    architecture: str, prefix: str, tmp_path: Path
) -> None:
    folder = zoo.build(architecture, tmp_path / "m")
    path = folder / "model.safetensors"
    tensors = {name.removeprefix(prefix): tensor for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    loaded = load_model(ModelSpec(source=str(folder)))
    assert loaded.weights[0].tensor == loaded.weights[0].parameter.removeprefix(prefix)
    reader = WeightReader(folder, loaded.weights)
    assert all(torch.equal(reader.matrix(key), loaded.matrix(key)) for key in loaded.keys)


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no prunable weight 0\.mlp"):
        WeightReader(tmp_path, ()).matrix(WeightKey(layer=0, name="mlp"))


def test_a_converted_a_changed_and_a_vanished_checkpoint_say_so(tmp_path: Path) -> None:
    folder = zoo.build("llama", tmp_path / "m")
    weight = load_model(ModelSpec(source=str(folder))).weights[0]
    with pytest.raises(AtlasError, match="in another form"):
        WeightReader(folder, [replace(weight, tensor=None, file=None)]).matrix(weight.key)
    with pytest.raises(AtlasError, match="has changed since"):
        WeightReader(folder, [replace(weight, shape=(1, 2))]).matrix(weight.key)
    (folder / "model.safetensors").unlink()
    with pytest.raises(AtlasError, match="could not be read"):
        WeightReader(folder, [weight]).matrix(weight.key)
