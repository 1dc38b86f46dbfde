"""Safetensors files read and rewritten tensor by tensor.

A safetensors file is 8 bytes of header length, a JSON header (name -> dtype, shape, byte range)
and the tensors' bytes. Pruning changes values, never shapes, so the header of the pruned file is
the header of the original, byte for byte, and one tensor at a time is enough memory.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from pruning.checkpoints.headers import TORCH_NAMES, read_header, weight_files
from pruning.errors import AtlasError

CHUNK = 16 * 2**20  # bytes copied at a time where a tensor stays as it is
FLOATS = {code: getattr(torch, name) for code, name in TORCH_NAMES.items()}

Edit = Callable[[str, torch.Tensor], None]


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """One entry of a header; begin and end are byte positions in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def count(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Its size in the file."""
        return self.end - self.begin


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One safetensors file: where it is, its header as stored, its tensors in file order."""

    path: Path
    header: bytes
    tensors: tuple[StoredTensor, ...]

    @property
    def size(self) -> int:
        """The file's size in bytes, as the header promises it."""
        return self.tensors[-1].end if self.tensors else len(self.header)


def read_shards(folder: Path) -> tuple[Shard, ...]:
    """The headers of all the safetensors files that transformers loads from a model folder.

    Raises:
        InputError: a file is missing, truncated or not a safetensors file.
    """
    return tuple(read_shard(folder / name) for name in weight_files(folder))


def read_shard(path: Path) -> Shard:
    """The header of one safetensors file; InputError if it is truncated or not one."""
    header, entries = read_header(path)
    tensors = [
        StoredTensor(
            name=name,
            dtype=entry["dtype"],
            shape=tuple(entry["shape"]),
            begin=len(header) + entry["data_offsets"][0],
            end=len(header) + entry["data_offsets"][1],
        )
        for name, entry in entries.items()
    ]
    tensors.sort(key=lambda tensor: (tensor.begin, tensor.end))
    return Shard(path=path, header=header, tensors=tuple(tensors))


def read_tensor(shard: Shard, tensor: StoredTensor) -> torch.Tensor:
    """The tensor in its stored dtype and shape; only this one is read.

    Raises:
        AtlasError: the dtype is not a floating point type of 16 bits or more.
    """
    return as_tensor(tensor_bytes(shard, tensor), tensor)


def tensor_bytes(shard: Shard, tensor: StoredTensor) -> bytearray:
    """The tensor's bytes, held once."""
    data = bytearray(tensor.bytes)
    with shard.path.open("rb") as file:
        file.seek(tensor.begin)
        if file.readinto(data) != tensor.bytes:
            raise AtlasError(f"{shard.path} ends inside {tensor.name}; fetch the model again.")
    return data


def as_tensor(data: bytearray, tensor: StoredTensor) -> torch.Tensor:
    """A view on the bytes, of the stored shape: what is written into it is written into `data`."""
    dtype = FLOATS.get(tensor.dtype)
    if dtype is None:
        raise AtlasError(
            f"{tensor.name} is stored as {tensor.dtype}; only {', '.join(FLOATS)} can be pruned. "
            "Use the model's unquantized checkpoint."
        )
    if not data:
        return torch.empty(tensor.shape, dtype=dtype)
    return torch.frombuffer(data, dtype=dtype).view(tensor.shape)


def chunks(shard: Shard, tensor: StoredTensor) -> Iterator[bytes]:
    """The tensor's bytes in pieces of at most CHUNK."""
    with shard.path.open("rb") as file:
        file.seek(tensor.begin)
        left = tensor.bytes
        while left:
            piece = file.read(min(CHUNK, left))
            if not piece:
                raise AtlasError(f"{shard.path} ends inside {tensor.name}; fetch the model again.")
            left -= len(piece)
            yield piece


def tensor_sha256(shard: Shard, tensor: StoredTensor) -> str:
    """The SHA-256 of the tensor's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in chunks(shard, tensor):
        digest.update(piece)
    return digest.hexdigest()


def rewrite_shard(
    shard: Shard,
    target: Path,
    *,
    edited: Container[str],
    edit: Edit,
    written: Callable[[StoredTensor, str], None],
) -> None:
    """Write the shard again as `target`, with some of its tensors' values changed.

    Args:
        edited: the names of the tensors to change.
        edit: called with such a name and its tensor (stored dtype and shape); changes it in place.
        written: called after each tensor with the SHA-256 of the bytes written.
    """
    with target.open("xb") as file:
        file.write(shard.header)
        for tensor in shard.tensors:
            if tensor.name in edited:
                data = tensor_bytes(shard, tensor)
                edit(tensor.name, as_tensor(data, tensor))
                file.write(data)
                written(tensor, hashlib.sha256(data).hexdigest())
                continue
            digest = hashlib.sha256()
            for piece in chunks(shard, tensor):
                digest.update(piece)
                file.write(piece)
            written(tensor, digest.hexdigest())
        file.flush()
        os.fsync(file.fileno())
