"""A narrowed checkpoint, written tensor by tensor; the whole model is never in memory."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pruning.checkpoints.headers import INDEX_FILE, read_json
from pruning.checkpoints.shards import as_tensor, chunks, tensor_bytes
from pruning.machine.storage import atomic_json
from pruning.narrowing.made import MadePart
from pruning.narrowing.tensors import NewShard, NewTensor
from pruning.specs import WeightKey

# A tensor that follows from the base's, and its values -> what is written to its record.
Edit = Callable[[NewTensor, Tensor], Mapping[str, Any]]


def narrowed(new: NewTensor, tensor: Tensor, made: Mapping[WeightKey, MadePart]) -> Tensor:
    """A tensor's values in the narrowed model: the base's kept rows or columns, or refitted ones.

    tensor: the base's, as stored. Returns a tensor of its own memory, as it will be stored.
    """
    assert new.role is not None
    part = made[new.role.part.consumer]
    if new.role.producer is not None:
        rows = part.rows(new.role.producer, tensor.shape[new.role.along])
        return tensor.index_select(new.role.along, rows)
    if part.fitted is None:
        return tensor.index_select(new.role.along, part.columns)
    fitted = part.fitted if new.role.along else part.fitted.T
    return fitted.to(tensor.dtype).contiguous().clone()


def write_shard(
    shard: NewShard,
    target: Path,
    made: Mapping[WeightKey, MadePart],
    edited: Iterable[str],
    edit: Callable[[NewTensor, Tensor], None],
    written: Callable[[NewTensor, str], None],
) -> None:
    """Write one file of the narrowed checkpoint.

    edited: names (in the base) of tensors whose values change further. edit: called with such a
    tensor in its new shape; changes it in place. written: called after each tensor with the SHA-256
    of its bytes.
    """
    names = frozenset(edited)
    with target.open("xb") as file:
        file.write(shard.header)
        for new in shard.tensors:
            digest = hashlib.sha256()
            if new.role is None and new.base.name not in names:
                for piece in chunks(shard.base, new.base):
                    digest.update(piece)
                    file.write(piece)
            else:
                data = _bytes(_values(shard, new, made, edit if new.base.name in names else None))
                digest.update(data)
                file.write(data)
            written(new, digest.hexdigest())
        file.flush()
        os.fsync(file.fileno())


def _values(
    shard: NewShard,
    new: NewTensor,
    made: Mapping[WeightKey, MadePart],
    edit: Callable[[NewTensor, Tensor], None] | None,
) -> Tensor:
    tensor = as_tensor(tensor_bytes(shard.base, new.base), new.base)
    if new.role is not None:
        tensor = narrowed(new, tensor, made)
    if edit is not None:
        edit(new, tensor)
    return tensor


def _bytes(tensor: Tensor) -> memoryview:
    flat: Any = tensor.contiguous().flatten().view(torch.uint8).numpy()
    return memoryview(flat)


def write_index(base: Path, folder: Path, shards: Iterable[NewShard]) -> None:
    """The index of a checkpoint in several files, where the base has one."""
    if not (base / INDEX_FILE).is_file():
        return
    tensors = [(new, shard.base.path.name) for shard in shards for new in shard.tensors]
    index = read_json(base / INDEX_FILE)
    metadata = dict(index.get("metadata") or {})
    metadata["total_size"] = sum(new.bytes for new, _ in tensors)
    if "total_parameters" in metadata:
        metadata["total_parameters"] = sum(math.prod(new.shape) for new, _ in tensors)
    names = {new.name: file for new, file in tensors}
    atomic_json(
        folder / INDEX_FILE, {"metadata": metadata, "weight_map": dict(sorted(names.items()))}
    )
