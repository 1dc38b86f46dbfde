"""Safetensors files rewritten tensor by tensor: what is not edited is the same, byte for byte."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.checkpoints import shards as shards_module
from pruning.checkpoints.shards import (
    StoredTensor,
    read_shards,
    read_tensor,
    rewrite_shard,
    tensor_sha256,
)
from pruning.errors import AtlasError, InputError

TENSORS = {
    "half": torch.randn(3, 5).to(torch.float16),
    "brain": torch.randn(4, 2).to(torch.bfloat16),
    "single": torch.tensor([[1.5, -0.0, float("inf")], [0.0, -2.0, 1e-40]]),
    "double": torch.randn(2, 2, dtype=torch.float64),
    "whole": torch.arange(7),
    "truth": torch.tensor([True, False, True]),
    "one": torch.tensor(3.0),
    "none": torch.empty(0, 4),
}


def unchanged(name: str, tensor: torch.Tensor) -> None:
    pass


def ignore(tensor: StoredTensor, sha256: str) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_file(TENSORS, tmp_path / "model.safetensors", {"format": "pt", "made": "here"})
    return tmp_path


@pytest.mark.parametrize("edited", [set(), {"half", "brain", "single", "double", "one", "none"}])
def test_without_changes_the_file_is_the_same(
    folder: Path, edited: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards_module, "CHUNK", 5)
    (shard,) = read_shards(folder)
    target = folder / "again.safetensors"
    hashes: dict[str, str] = {}
    rewrite_shard(
        shard,
        target,
        edited=edited,
        edit=unchanged,
        written=lambda tensor, sha256: hashes.update({tensor.name: sha256}),
    )
    assert target.read_bytes() == shard.path.read_bytes()
    assert shard.size == target.stat().st_size
    assert hashes == {tensor.name: tensor_sha256(shard, tensor) for tensor in shard.tensors}
    whole = TENSORS["whole"].numpy().tobytes()
    assert hashes["whole"] == hashlib.sha256(whole).hexdigest()


def test_an_edit_changes_its_tensor_alone(folder: Path) -> None:
    (shard,) = read_shards(folder)

    def edit(name: str, tensor: torch.Tensor) -> None:
        assert torch.equal(tensor, TENSORS[name])
        tensor.T[0, 1] = 0

    target = folder / "edited.safetensors"
    rewrite_shard(shard, target, edited={"brain", "double"}, edit=edit, written=ignore)
    before, after = TENSORS, load_file(target)
    for name in before.keys() - {"brain", "double"}:
        assert torch.equal(before[name], after[name])
    for name in ("brain", "double"):
        assert (before[name] != after[name]).nonzero().tolist() == [[1, 0]]


def test_a_file_that_is_there_is_not_overwritten(folder: Path) -> None:
    (shard,) = read_shards(folder)
    with pytest.raises(FileExistsError):
        rewrite_shard(shard, shard.path, edited=set(), edit=unchanged, written=ignore)


def test_memory_stays_at_one_chunk(tmp_path: Path) -> None:
    save_file(
        {"large": torch.ones(12, 2**20), "small": torch.ones(4, 4)},  # 48 MiB
        tmp_path / "model.safetensors",
    )
    (shard,) = read_shards(tmp_path)
    tracemalloc.start()
    try:
        target = tmp_path / "again.safetensors"
        rewrite_shard(shard, target, edited={"small"}, edit=unchanged, written=ignore)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * shards_module.CHUNK


def test_whole_numbers_cannot_be_pruned(folder: Path) -> None:
    (shard,) = read_shards(folder)
    whole = next(tensor for tensor in shard.tensors if tensor.name == "whole")
    with pytest.raises(AtlasError, match=r"whole is stored as I64.*unquantized"):
        read_tensor(shard, whole)


def test_a_file_that_shrinks_meanwhile_is_noticed(folder: Path) -> None:
    (shard,) = read_shards(folder)
    shard.path.write_bytes(shard.path.read_bytes()[: len(shard.header) + 3])
    for edited in (set(), set(TENSORS) - {"whole", "truth"}):
        with pytest.raises(AtlasError, match="ends inside whole; fetch"):
            rewrite_shard(
                shard,
                folder / f"{len(edited)}.safetensors",
                edited=edited,
                edit=unchanged,
                written=ignore,
            )


def test_a_damaged_file_is_refused(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="not a complete safetensors file"):
        read_shards(folder)
