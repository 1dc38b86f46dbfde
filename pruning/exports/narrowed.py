"""The files of an export that removes whole parts, and what submodel.json says of them.

Schema 3 of the record: `narrowing` holds the layers that stayed, the parts and which of their units
were kept, as a bit mask in hexadecimal, and the fields of config.json that changed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from pruning.checkpoints.headers import INDEX_FILE, read_json
from pruning.errors import InputError
from pruning.exports.narrowed_plan import NarrowedPlan
from pruning.exports.pruned_tensor import prune_tensor
from pruning.exports.record import (
    Narrowing,
    PartRecord,
    ProducerRecord,
    Record,
    TensorRecord,
)
from pruning.machine.storage import atomic_json
from pruning.narrowing.choosing import Kept
from pruning.narrowing.made import Made, MadePart
from pruning.narrowing.parts import Part, Producer
from pruning.narrowing.tensors import NewShard, NewTensor
from pruning.narrowing.writing import write_index, write_shard
from pruning.progress import Meter, Report
from pruning.specs import WeightKey

CONFIG = "config.json"


def write_narrowed(
    folder: Path, planned: NarrowedPlan, made: Made, report: Report
) -> dict[str, TensorRecord]:
    """Every weight file; per tensor its record: where it is, what it follows from, its SHA-256."""
    recipe, by_consumer = planned.recipe, made.by_consumer()
    by_tensor = {str(weight.tensor): weight for weight in recipe.weights}
    records: dict[str, TensorRecord] = {}
    counts: dict[str, dict[str, Any]] = {}
    meter = Meter(report, "Writing the model", sum(shard.size for shard in planned.shards))

    def edit(new: NewTensor, tensor: torch.Tensor) -> None:
        weight = by_tensor[new.base.name]
        found = prune_tensor(weight, tensor, recipe)
        counts[new.name] = {**found, "layer": made.layers.index(weight.key.layer)}

    for shard in planned.shards:

        def written(new: NewTensor, sha256: str, shard: NewShard = shard) -> None:
            records[new.name] = TensorRecord(
                file=shard.base.path.name,
                dtype=new.base.dtype,
                shape=new.shape,
                sha256=sha256,
                **_descent(new, made),
                **counts.get(new.name, {}),
            )
            meter.step(new.name, new.bytes)

        target = folder / shard.base.path.name
        write_shard(shard, target, by_consumer, by_tensor, edit, written)
        meter.step(shard.base.path.name, len(shard.header))
    return records


def _descent(new: NewTensor, made: Made) -> dict[str, Any]:
    """How a tensor follows from the base's: its name there; its part, and what it is to that."""
    found: dict[str, Any] = {} if new.name == new.base.name else {"base": new.base.name}
    if new.role is None:
        return found
    consumers = [part.part.consumer for part in made.parts]
    number = consumers.index(new.role.part.consumer)
    found |= {"part": number, "along": new.role.along}
    if new.role.producer is not None:
        found["producer"] = new.role.producer
    elif made.parts[number].fitted is not None:
        found["refitted"] = True
    return found


def write_config(base: Path, folder: Path, planned: NarrowedPlan) -> dict[str, str]:
    """config.json with the changed fields, and the index of several files; name -> SHA-256."""
    config = read_json(base / CONFIG) | dict(planned.config)
    atomic_json(folder / CONFIG, config)
    write_index(base, folder, planned.shards)
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (CONFIG, INDEX_FILE)
        if (folder / name).is_file()
    }


def recorded(planned: NarrowedPlan, made: Made) -> Narrowing:
    """What submodel.json says of the narrowing; the inverse of `read_parts`, but for values."""
    narrow = planned.plan.narrow
    assert narrow is not None
    return Narrowing(
        layers=made.layers,
        cosines=made.cosines,
        errors={str(layer): error for layer, error in made.errors.items()},
        config=dict(narrow.config),
        base_parameters=narrow.base_parameters,
        base_bytes=narrow.base_bytes,
        parts=tuple(_part(each) for each in made.parts),
    )


def _part(made: MadePart) -> PartRecord:
    part = made.part
    return PartRecord(
        kind=part.kind,
        consumer=str(part.consumer),
        units=part.units,
        columns=part.columns,
        kept=np.packbits(made.kept).tobytes().hex(),
        producers=tuple(
            ProducerRecord(name=each.name, segments=each.segments) for each in part.producers
        ),
    )


def read_parts(narrowing: Narrowing) -> tuple[MadePart, ...]:
    """The parts and what is kept of them, without refitted values."""
    return tuple(_read_part(each) for each in narrowing.parts)


def _read_part(data: PartRecord) -> MadePart:
    bits = np.frombuffer(bytes.fromhex(data.kept), dtype=np.uint8)
    kept: Kept = np.unpackbits(bits, count=data.units).astype(bool)
    part = Part(
        kind=data.kind,
        consumer=WeightKey.parse(data.consumer),
        units=data.units,
        columns=data.columns,
        left=int(kept.sum()),
        producers=tuple(
            Producer(name=each.name, segments=each.segments) for each in data.producers
        ),
    )
    return MadePart(part=part, kept=kept)


def read_made(folder: Path, record: Record) -> Made:
    """What a plain narrowed export holds, with the values that read its parts.

    record: its submodel.json. InputError where no part was removed.
    """
    narrowing = record.narrowing
    if narrowing is None:
        raise InputError(f"{folder} has lost no whole parts: only its weights were pruned.")
    consumers = {
        tensor.part: (name, tensor)
        for name, tensor in record.tensors.items()
        if tensor.part is not None and tensor.producer is None
    }
    parts = []
    for number, part in enumerate(read_parts(narrowing)):
        name, tensor = consumers[number]
        with safe_open(folder / tensor.file, "pt") as stored:
            values = stored.get_tensor(name)
        parts.append(replace(part, fitted=values if tensor.along else values.T))
    return Made(
        layers=narrowing.layers,
        parts=tuple(parts),
        cosines=narrowing.cosines,
        errors={int(layer): error for layer, error in narrowing.errors.items()},
    )
