"""Headers, shards and fingerprints of safetensors files, whole and damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.checkpoints.headers import (
    INDEX_FILE,
    count_by_dtype,
    fingerprint,
    main_dtype,
    read_entries,
    read_header,
    weight_files,
)
from pruning.errors import InputError
from tests.pruning import zoo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return zoo.build("llama", tmp_path / "m")


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    return zoo.build("llama", tmp_path / "m", max_shard_size="40KB")


def damage(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(InputError, match="not a complete safetensors file"):
        read_header(path)


def test_entries_are_the_tensors(sharded: Path) -> None:
    entries = read_entries(sharded)
    tensors = {k: v for name in weight_files(sharded) for k, v in load_file(sharded / name).items()}
    assert {name: entry.shape for name, entry in entries.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }
    assert count_by_dtype(entries) == {"F32": sum(tensor.numel() for tensor in tensors.values())}


def test_every_truncation_and_extension_is_noticed(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for size in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        damage(path, whole[:size])
    damage(path, whole + b"x")
    damage(path, b"\xff" * 8 + whole[8:])
    damage(path, whole[:8] + b"x" + whole[9:])
    damage(path, b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 123\n")


def test_a_header_that_contradicts_itself(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for entries in (
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {
            "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [2, 6]},
        },
        {"a": {"dtype": "F32", "shape": [1]}},
        [1],
    ):
        header = json.dumps(entries).encode()
        damage(path, len(header).to_bytes(8, "little") + header + bytes(6))


def test_missing_shards_are_counted_and_named(sharded: Path) -> None:
    files = weight_files(sharded)
    assert len(files) > 2
    (sharded / files[1]).unlink()
    with pytest.raises(InputError, match=f"lacks 1 of its {len(files)} weight files .{files[1]}"):
        read_entries(sharded)


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "weights.bin"])
def test_an_index_cannot_point_outside_its_folder(sharded: Path, name: str) -> None:
    (sharded / INDEX_FILE).write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(InputError, match="not a safetensors file beside it"):
        weight_files(sharded)


def test_pickled_and_absent_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="has no weights"):
        weight_files(folder)
    (folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"pickled files only.*convert them to safetensors"):
        weight_files(folder)


def test_the_main_dtype_is_the_one_with_most_elements() -> None:
    assert main_dtype({"F32": 10, "BF16": 1000, "I64": 10**6}) == "bfloat16"
    assert main_dtype({"I64": 1}) is None


def test_fingerprint_follows_content_not_place(folder: Path, tmp_path: Path) -> None:
    first = fingerprint(folder)
    assert fingerprint(zoo.build("llama", tmp_path / "again")) == first
    assert fingerprint(zoo.build("llama", tmp_path / "other", seed=1)) != first
    zoo.edit_config(folder, rms_norm_eps=1e-3)
    assert fingerprint(folder) != first


def test_fingerprint_samples_large_files(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    path = tmp_path / "model.safetensors"
    save_file({"a": torch.zeros(3 * 1024 * 1024)}, path)  # 12 MiB: blocks 192 KiB apart
    before = fingerprint(tmp_path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1  # the last block is always read
    path.write_bytes(data)
    assert fingerprint(tmp_path) != before
