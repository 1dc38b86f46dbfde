"""Safetensors files with some matrices compressed, one matrix in memory at a time, and back.

The header of the plain file travels in the compressed file's metadata, so that restoring gives
the plain file again, byte for byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pruning.checkpoints.bitmask import (
    BitmaskMatrix,
    compress,
    part_names,
    part_shapes,
    restore,
    stored_values,
)
from pruning.checkpoints.headers import DTYPE_BYTES
from pruning.checkpoints.shards import (
    Shard,
    StoredTensor,
    chunks,
    read_shard,
    read_tensor,
    tensor_bytes,
)
from pruning.errors import AtlasError

LAYOUT = "sparse-bitmask"
ENDING = ".bitmask.safetensors"
DENSE_HEADER = "dense_header"
BITS = {1: np.uint8, 2: np.int16, 4: np.int32, 8: np.int64}  # integers by width in bytes
Step = Callable[[str, int], None]


def compressed_name(name: str) -> str:
    """ "model.safetensors" -> "model.bitmask.safetensors": a name that no loader takes for plain."""
    return name.removesuffix(".safetensors") + ENDING


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One tensor to be written."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int


def compress_shard(shard: Shard, target: Path, *, matrices: Container[str], step: Step) -> None:
    """Write a plain shard again as `target`, with these matrices compressed.

    Read twice: to count the values that are stored, and to store them. step: called with the name
    and bytes of each plain tensor written.
    """
    raw, begins, size = _layout(shard, matrices)
    with target.open("xb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        start = file.tell()
        file.truncate(start + size)
        for tensor in shard.tensors:
            if tensor.name in matrices:
                matrix = compress(read_tensor(shard, tensor))
                for part, name in part_names(tensor.name).items():
                    file.seek(start + begins[name])
                    file.write(getattr(matrix, part).tobytes())
            else:
                file.seek(start + begins[tensor.name])
                for piece in chunks(shard, tensor):
                    file.write(piece)
            step(tensor.name, tensor.bytes)
        file.flush()
        os.fsync(file.fileno())


def _layout(shard: Shard, matrices: Container[str]) -> tuple[bytes, dict[str, int], int]:
    """The compressed file's JSON header, where each tensor begins after it, and all their bytes."""
    entries = [entry for tensor in shard.tensors for entry in _entries(shard, tensor, matrices)]
    # Wide values first, so that every tensor begins at a multiple of its values' width.
    entries.sort(key=lambda entry: -DTYPE_BYTES.get(entry.dtype, 1))
    metadata = {"format": "pt", "layout": LAYOUT, DENSE_HEADER: shard.header[8:].decode("utf-8")}
    header: dict[str, Any] = {"__metadata__": metadata}
    begins: dict[str, int] = {}
    end = 0
    for entry in entries:
        begins[entry.name], end = end, end + entry.size
        offsets = [begins[entry.name], end]
        header[entry.name] = {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": offsets,
        }
    raw = json.dumps(header, separators=(",", ":")).encode()
    return raw + b" " * (-len(raw) % 8), begins, end


def _entries(shard: Shard, tensor: StoredTensor, matrices: Container[str]) -> Iterator[_Entry]:
    if tensor.name not in matrices:
        yield _Entry(name=tensor.name, dtype=tensor.dtype, shape=tensor.shape, size=tensor.bytes)
        return
    shapes = part_shapes(tensor, stored_values(read_tensor(shard, tensor)))
    for part, name in part_names(tensor.name).items():
        dtype, shape, size = shapes[part]
        yield _Entry(name=name, dtype=dtype, shape=shape, size=size)


def restore_shard(source: Path, target: Path, *, step: Step) -> None:
    """Write the plain shard that `compress_shard` read, byte for byte.

    Raises:
        InputError: the file is truncated or no safetensors file.
        AtlasError: it is not in this layout, or its parts do not fit each other.
    """
    shard = read_shard(source)
    stored = {tensor.name: tensor for tensor in shard.tensors}
    header = _dense_header(shard)
    plain: dict[str, Any] = json.loads(header)
    plain.pop("__metadata__", None)
    with target.open("xb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for name, entry in sorted(plain.items(), key=lambda item: item[1]["data_offsets"]):
            if name in stored:
                for piece in chunks(shard, stored[name]):
                    file.write(piece)
            else:
                file.write(restore(_matrix(shard, stored, name), name).data)
            begin, end = entry["data_offsets"]
            if file.tell() != 8 + len(header) + end:
                raise AtlasError(f"{name} in {source.name} is damaged: it has another size.")
            step(name, end - begin)
        file.flush()
        os.fsync(file.fileno())


def _dense_header(shard: Shard) -> bytes:
    """The plain file's JSON header, which the compressed file carries."""
    metadata = json.loads(shard.header[8:]).get("__metadata__", {})
    if metadata.get("layout") != LAYOUT or DENSE_HEADER not in metadata:
        raise AtlasError(f"{shard.path} is not a file that this program compressed.")
    return str(metadata[DENSE_HEADER]).encode("utf-8")


def _matrix(shard: Shard, stored: Mapping[str, StoredTensor], name: str) -> BitmaskMatrix:
    arrays: dict[str, Any] = {}
    for part, part_name in part_names(name).items():
        if part_name not in stored:
            raise AtlasError(f"{shard.path} is damaged: it lacks {part_name}.")
        tensor = stored[part_name]
        code = BITS[DTYPE_BYTES[tensor.dtype]]
        arrays[part] = np.frombuffer(tensor_bytes(shard, tensor), code).reshape(tensor.shape)
    return BitmaskMatrix(**arrays)
