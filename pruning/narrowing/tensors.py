"""Which tensors a narrowed checkpoint holds, file by file, and how each follows from the base's."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from pruning.checkpoints.headers import DTYPE_BYTES, checkpoint_name, read_entries, read_json
from pruning.checkpoints.shards import Shard, StoredTensor, read_shards
from pruning.errors import InputError
from pruning.models.loading import stored_names
from pruning.models.support import skeleton
from pruning.narrowing.configs import Narrowed
from pruning.narrowing.parts import Part
from pruning.specs import WeightKey

ALIGNMENT = 8  # bytes; the safetensors library pads headers with spaces


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a stored tensor is to a part. producer: its number there; None: it is the consumer.

    along: the dimension of the stored tensor that gets shorter.
    """

    part: Part
    producer: int | None
    along: int


@dataclass(frozen=True, kw_only=True)
class NewTensor:
    """One tensor of the narrowed checkpoint. role: None where it is the base's, bit for bit."""

    name: str
    base: StoredTensor
    shape: tuple[int, ...]
    role: Role | None

    @property
    def bytes(self) -> int:
        """Its size in the file."""
        return math.prod(self.shape) * DTYPE_BYTES[self.base.dtype]


@dataclass(frozen=True, kw_only=True)
class NewShard:
    """One file of the narrowed checkpoint: the base's, and the tensors it will hold, in order."""

    base: Shard
    header: bytes
    tensors: tuple[NewTensor, ...]

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return len(self.header) + sum(tensor.bytes for tensor in self.tensors)


def new_shards(folder: Path, shape: Narrowed, layers: Sequence[int]) -> tuple[NewShard, ...]:
    """The files of the narrowed checkpoint; the base's headers are read and no tensor.

    folder: the base's. layers: those of its decoder layers that stay. Files that would be empty are
    left out. InputError where a tensor that changes is not stored as the model has it.
    """
    roles = _roles(folder, shape)
    number = {index: place for place, index in enumerate(layers)}
    shards = []
    for shard in read_shards(folder):
        tensors = []
        for tensor in shard.tensors:
            name = renumbered(tensor.name, shape, number)
            if name is not None:
                role = roles.get(tensor.name)
                tensors.append(
                    NewTensor(name=name, base=tensor, shape=_shape(tensor, role), role=role)
                )
        if tensors:
            header = _header(shard, tensors)
            shards.append(NewShard(base=shard, header=header, tensors=tuple(tensors)))
    return tuple(shards)


def layer_of(name: str, shape: Narrowed) -> tuple[int, int, int] | None:
    """The decoder layer a stored tensor belongs to, and where its number stands in the name."""
    list_name = shape.layers_name.rpartition(".")[2]
    match = re.search(rf"(?:^|\.){re.escape(list_name)}\.(\d+)\.", name)
    return None if match is None else (int(match[1]), match.start(1), match.end(1))


def renumbered(name: str, shape: Narrowed, number: Mapping[int, int]) -> str | None:
    """A stored tensor's name where layers have new numbers; None if its layer goes."""
    found = layer_of(name, shape)
    if found is None:
        return name
    layer, start, end = found
    return None if layer not in number else f"{name[:start]}{number[layer]}{name[end:]}"


def _roles(folder: Path, shape: Narrowed) -> dict[str, Role]:
    """Stored tensor -> its role, for every tensor that gets smaller."""
    model, _, decoder = skeleton(read_json(folder / "config.json"))
    entries = read_entries(folder)
    renamed = stored_names(model, entries)  # type: ignore[arg-type]
    roles: dict[str, Role] = {}
    for part in shape.parts:
        for name, role in _of_part(part, decoder[part.layer]):
            parameter = f"{shape.layers_name}.{part.layer}.{name}"
            prefix = str(getattr(model, "base_model_prefix", ""))
            stored = checkpoint_name(parameter, prefix, entries, renamed)
            expected = tuple(decoder[part.layer].get_parameter(name).shape)
            if stored is None or entries[stored].shape != expected:
                raise InputError(
                    f"{parameter} is not stored as a tensor of its own in the checkpoint, so it "
                    "cannot be narrowed; save the model again with transformers' save_pretrained."
                )
            roles[stored] = role
    return roles


def _of_part(part: Part, layer: nn.Module) -> Iterator[tuple[str, Role]]:
    """The parameters of a part that get smaller, by their names in the layer."""
    consumer = layer.get_submodule(part.consumer.name)
    transposed = not isinstance(consumer, nn.Linear)
    yield (
        f"{part.consumer.name}.weight",
        Role(part=part, producer=None, along=0 if transposed else 1),
    )
    for number, producer in enumerate(part.producers):
        module: Any = layer.get_submodule(producer.name)
        along = 0 if isinstance(module, nn.Linear) else 1
        yield f"{producer.name}.weight", Role(part=part, producer=number, along=along)
        if module.bias is not None:
            yield f"{producer.name}.bias", Role(part=part, producer=number, along=0)


def _shape(tensor: StoredTensor, role: Role | None) -> tuple[int, ...]:
    if role is None:
        return tensor.shape
    part = role.part
    if role.producer is None:
        length = part.left * part.columns
    else:
        gone = sum(rows for _, rows in part.producers[role.producer].segments)
        length = tensor.shape[role.along] - (part.units - part.left) * gone
    return (*tensor.shape[: role.along], length, *tensor.shape[role.along + 1 :])


def _header(shard: Shard, tensors: Sequence[NewTensor]) -> bytes:
    """The header of a file with these tensors one after the other, and the base's metadata."""
    entries: dict[str, Any] = {}
    metadata = json.loads(shard.header[8:]).get("__metadata__")
    if metadata is not None:
        entries["__metadata__"] = metadata
    position = 0
    for tensor in tensors:
        end = position + tensor.bytes
        entries[tensor.name] = {
            "dtype": tensor.base.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def part_of(shape: Narrowed) -> dict[WeightKey, Part]:
    """The parts by the projection that reads their units."""
    return {part.consumer: part for part in shape.parts}
