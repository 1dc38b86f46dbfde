"""What can be wrong with an export that has lost whole parts, beside what any export can have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pruning.checkpoints.headers import read_json
from pruning.checkpoints.shards import Shard, StoredTensor, read_tensor
from pruning.errors import InputError
from pruning.exports.narrowed import CONFIG
from pruning.exports.record import Record, TensorRecord
from pruning.narrowing.made import MadePart
from pruning.narrowing.tensors import NewTensor, Role
from pruning.narrowing.writing import narrowed

Stored = tuple[Shard, StoredTensor]


def wrong_slices(
    stored: Stored, entry: TensorRecord, base: Stored | None, parts: Sequence[MadePart]
) -> Iterator[str]:
    """What is wrong with a tensor that follows from the base's: its shape, and its kept values.

    Kept rows and columns must be the base's bit for bit, or zero where weights were pruned as well.
    Of a refitted projection only the shape can be known without the text (`narrowed_errors`).
    entry: of the tensor in submodel.json. parts: as recorded.
    """
    tensor = stored[1]
    if base is None or base[1].dtype != tensor.dtype:
        yield f"{tensor.name} is not in the base model in this form"
        return
    assert entry.part is not None
    assert entry.along is not None
    made = parts[entry.part]
    role = Role(part=made.part, producer=entry.producer, along=entry.along)
    new = NewTensor(name=tensor.name, base=base[1], shape=tensor.shape, role=role)
    expected = narrowed(new, read_tensor(*base), {made.part.consumer: made})
    if expected.shape != tensor.shape:
        yield f"{tensor.name} has the shape {list(tensor.shape)}, not {list(expected.shape)}"
        return
    if entry.refitted:
        return
    values = read_tensor(*stored)
    changed = values.view(torch.uint8) != expected.view(torch.uint8)
    if entry.is_pruned:
        invented = int(((values != expected) & (values != 0)).sum())
        if invented:
            yield f"{tensor.name} has {invented} values that are neither zero nor the base model's"
    elif bool(changed.any()):
        yield f"{tensor.name} differs from the rows and columns of the base model's that were kept"


def wrong_config(folder: Path, base: Path, changes: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Fields of config.json that are not the base's, nor what the record says of them.

    changes: field -> (before, after).
    """
    try:
        here, there = read_json(folder / CONFIG), read_json(base / CONFIG)
    except (InputError, OSError) as error:
        yield str(error)
        return
    for field in sorted(here.keys() | there.keys() | changes.keys()):
        if field in changes:
            if here.get(field) != changes[field][1]:
                yield f"{field} is {here.get(field)} where {changes[field][1]} is recorded"
        elif here.get(field) != there.get(field):
            yield f"{field} is {here.get(field)} where the base has {there.get(field)}"


def lost_tensors(
    recorded: Mapping[str, TensorRecord], base: Mapping[str, Stored], layers: Sequence[int]
) -> Iterator[str]:
    """Tensors of the base that are gone without belonging to a layer that was removed.

    recorded: the tensors in submodel.json. layers: those that stayed.
    """
    followed = {entry.base or name for name, entry in recorded.items()}
    for name in sorted(base.keys() - followed):
        numbers = [int(each) for each in re.findall(r"\.(\d+)\.", f".{name}")]
        if not numbers or numbers[0] in layers:
            yield f"{name} is gone"


def in_words(record: Record) -> str:
    """What the checks have found right where they found nothing."""
    refitted = sum(entry.refitted for entry in record.tensors.values())
    zeros = " and the zeros" if record.pruned_tensors else ""
    but = f", but for {refitted} refitted projections" if refitted else ""
    return f"tensors are what was kept of the base model's, bit for bit{but}{zeros}"
