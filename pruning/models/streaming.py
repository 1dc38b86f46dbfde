"""Opening a model that stays on disk: everything but its decoder layers and output head is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from accelerate import init_empty_weights
from transformers import AutoModelForCausalLM, PreTrainedModel

from pruning.checkpoints.headers import read_json
from pruning.checkpoints.shards import Shard, StoredTensor, read_shards, read_tensor
from pruning.errors import InputError
from pruning.models.architecture import find_decoder_layers
from pruning.models.blocks import Block, Slot, check_values
from pruning.models.experts import split_experts
from pruning.models.reading import check_none, wanted_elsewhere
from pruning.models.renaming import Renaming
from pruning.models.support import parse_config
from pruning.specs import ModelSpec

Places = Mapping[str, tuple[Shard, StoredTensor]]  # by the module's name


@dataclass(frozen=True)
class StreamedModel:
    """module: in evaluation mode; it can be called as usual and then reads itself once from disk.

    blocks: the decoder layers, in order. ignored: tensors of the checkpoint that have no place.
    """

    module: PreTrainedModel
    blocks: tuple[Block, ...]
    ignored: tuple[str, ...] = ()


def open_streamed(spec: ModelSpec, folder: Path) -> StreamedModel:
    """Open a model folder without reading its decoder layers.

    spec: with concrete dtype and device. Raises InputError for a checkpoint that does not fit
    config.json, or that stores parameters in another form, such as several in one tensor.
    """
    dtype, device = getattr(torch, spec.dtype or "float32"), torch.device(spec.device)
    module = _empty_module(folder, dtype)
    places, ignored = _places(module, folder)
    slots = _slots(module, places, folder)
    name, layers = find_decoder_layers(module, module.config.num_hidden_layers)
    streamed = {id(layer): _inside(f"{name}.{index}", slots) for index, layer in enumerate(layers)}
    head = module.get_output_embeddings()
    head_name = next((n for n, each in module.named_modules() if each is head), None)
    head_slots = _inside(head_name, slots) if head_name else []
    on_disk = {id(slot) for each in (*streamed.values(), head_slots) for slot in each}
    for slot in slots.values():
        if id(slot) not in on_disk:
            check_values(slot.stored.name, slot.fill(device))
    _place_buffers(module, places, device)
    module.tie_weights()
    blocks = tuple(Block(layer, streamed[id(layer)], device) for layer in layers)
    for block, following in zip(blocks, (*blocks[1:], blocks[0]), strict=True):
        block.following = following
    if head_slots and head is not None:
        Block(head, head_slots, device)
    return StreamedModel(
        module=module.eval().requires_grad_(False), blocks=blocks, ignored=tuple(ignored)
    )


def _empty_module(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """The model without weights, but with its real buffers (rotary frequencies, masks)."""
    config = parse_config(read_json(folder / "config.json"))
    with init_empty_weights(include_buffers=False):
        module = AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)
    return cast(PreTrainedModel, split_experts(module))


def _places(module: PreTrainedModel, folder: Path) -> tuple[Places, list[str]]:
    """Every tensor of the checkpoint under the name that the module has for it; and the names of
    those that it has no use for.

    InputError for tensors that transformers would convert while it loads (merge, split), and for
    those that the module has no use for.
    """
    renaming = Renaming(module)
    places: dict[str, tuple[Shard, StoredTensor]] = {}
    for shard in read_shards(folder):
        for stored in shard.tensors:
            name, converted = renaming.name_of(stored.name)
            if converted:
                raise InputError(
                    f"The checkpoint in {folder} stores {stored.name} in another form than "
                    f"{type(module).__name__} needs it, so it cannot be read layer by layer; load "
                    "it in memory (--no-stream), on a machine that has room for it."
                )
            places[name] = shard, stored
    ignored = module._keys_to_ignore_on_load_unexpected or ()
    strangers = [name for name in places if name not in renaming.state]
    strangers = [name for name in strangers if not any(re.search(each, name) for each in ignored)]
    check_none(wanted_elsewhere(strangers, module), "has unexpected", module, folder)
    return places, sorted(strangers)


def _slots(module: PreTrainedModel, places: Places, folder: Path) -> dict[str, Slot]:
    """Parameter name -> its slot; parameters that are tied to another one have none."""
    slots: dict[str, Slot] = {}
    lacking, misshapen = [], []
    for owner_name, owner in module.named_modules():
        for name, parameter in owner._parameters.items():
            full = f"{owner_name}.{name}" if owner_name else name
            if parameter is None or full in module.all_tied_weights_keys:
                continue
            if full not in places:
                lacking.append(full)
                continue
            shard, stored = places[full]
            if stored.shape != tuple(parameter.shape):
                misshapen.append(full)
            slots[full] = Slot(
                module=owner, name=name, shard=shard, stored=stored, dtype=parameter.dtype
            )
    check_none(lacking, "lacks", module, folder)
    check_none(misshapen, "has the wrong shape for", module, folder)
    return slots


def _place_buffers(module: PreTrainedModel, places: Places, device: torch.device) -> None:
    """Buffers that were computed go to the device; those that a checkpoint keeps are read."""
    for owner_name, owner in module.named_modules():
        for name, values in owner._buffers.items():
            full = f"{owner_name}.{name}"
            if name not in owner._non_persistent_buffers_set and full in places:
                values = read_tensor(*places[full])
            owner._buffers[name] = None if values is None else values.to(device)


def _inside(module_name: str, slots: Mapping[str, Slot]) -> list[Slot]:
    return [slot for name, slot in slots.items() if name.startswith(f"{module_name}.")]
