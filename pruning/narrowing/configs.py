"""What a model's configuration must say for narrower parts, and whether it can say that at all.

Whatever is changed is tried out: the model that the changed configuration describes is built
without weights, and has to have exactly the expected shapes, settings and layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from pruning.errors import InputError
from pruning.models.support import parse_config, skeleton
from pruning.narrowing.parts import Part, changed_maps, channel_parts, head_part, shapes_of
from pruning.specs.narrowing import NarrowSpec, removed_of

# What configurations call the width of a feed-forward part. Those of experts come with others.
WIDTHS = (
    "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "d_ff",
    "moe_intermediate_size", "shared_expert_intermediate_size",
)  # fmt: skip
LAYERS = "num_hidden_layers"
# A module's own number; what depends on it in another way shows in a setting that is compared.
NUMBERS = ("layer_idx", "layer_id", "layer_index", "layer_number", "block_idx")
COUNTS = ("num_heads", "num_attention_heads", "num_key_value_heads", "num_key_value_groups")


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """What becomes of a model's shape.

    config: the fields of config.json that change, with their new values. parts: of every layer of
    the base, those in layers that go included. removed_layers: how many whole layers go.
    layers_name: what the module calls its decoder layers. num_layers: of the base.
    """

    config: Mapping[str, Any]
    parts: tuple[Part, ...]
    removed_layers: int
    layers_name: str
    num_layers: int


def describe(config: Mapping[str, Any], spec: NarrowSpec) -> Narrowed:
    """How the model of a config.json would be narrowed; nothing but the configuration is read.

    Raises InputError, with the reason, where its configuration cannot say it.
    """
    data = dict(config)
    _, name, layers = skeleton(data)
    changes: dict[str, Any] = {}
    parts: list[Part] = []
    if spec.channels:
        fields, found = _channels(data, layers, spec)
        changes |= fields
        parts += found
    if spec.heads:
        fields, found = _heads(data, layers, spec)
        changes |= fields
        parts += found
    removed = 0
    if spec.layers:
        removed = removed_of(spec.layers, len(layers), "decoder layers")
        changes |= shortened(data, list(range(len(layers) - removed)))
    parts.sort(key=lambda part: (part.layer, part.kind != "heads"))
    return Narrowed(
        config=changes,
        parts=tuple(parts),
        removed_layers=removed,
        layers_name=name,
        num_layers=len(layers),
    )


def _field(config: Mapping[str, Any], name: str) -> str:
    """What config.json calls a setting of transformers' configurations."""
    return str(parse_config(dict(config)).attribute_map.get(name, name))


def _channels(
    config: dict[str, Any], layers: nn.ModuleList, spec: NarrowSpec
) -> tuple[dict[str, Any], list[Part]]:
    """The changed widths, and the feed-forward parts of all layers."""
    parsed = parse_config(config)
    fields: dict[str, Any] = {}
    lost: list[dict[str, tuple[int, int]]] = [{} for _ in layers]
    for field in WIDTHS:
        width = getattr(parsed, field, "none")
        if not isinstance(width, int | None) or isinstance(width, bool):
            continue
        differences = _differences(layers, {**config, field: width - 1 if width else 1}, "channels")
        if not any(differences):
            continue
        width = width or max(inputs for each in differences for _, inputs in each.values()) + 1
        left = width - removed_of(spec.channels, width, f"channels ({field})", spec.multiple)
        fields[field] = left
        for known, found in zip(lost, differences, strict=True):
            known |= found
    if not fields:
        raise InputError(
            f"The configuration of {config['model_type']} has no width of its feed-forward part "
            f"that can be changed ({', '.join(WIDTHS)}), so no channels can be removed; remove "
            "single weights instead."
        )
    smaller = skeleton({**config, **fields})[2]
    parts: list[Part] = []
    for index, (layer, known) in enumerate(zip(layers, lost, strict=True)):
        inputs = {name: shape[1] for name, shape in shapes_of(smaller[index]).items()}
        parts += channel_parts(index, shapes_of(layer), known, inputs)
    return fields, parts


def _differences(
    layers: nn.ModuleList, config: dict[str, Any], what: str
) -> list[dict[str, tuple[int, int]]]:
    """What each layer loses under another configuration; nothing where that cannot be built."""
    try:
        others = skeleton(config)[2]
    except InputError:
        return [{} for _ in layers]
    return [changed_maps(one, other, what) for one, other in zip(layers, others, strict=True)]


def _heads(
    config: dict[str, Any], layers: nn.ModuleList, spec: NarrowSpec
) -> tuple[dict[str, Any], list[Part]]:
    """The changed numbers of heads, and the attention of all layers."""
    parsed = parse_config(config)
    heads = parsed.num_attention_heads
    groups = getattr(parsed, "num_key_value_heads", None) or heads
    queries = heads // groups
    size = getattr(parsed, "head_dim", None) or parsed.hidden_size // heads
    left = groups - removed_of(spec.heads, groups, "key-value groups of a layer")
    fields = {
        _field(config, "num_attention_heads"): left * queries,
        "num_key_value_heads": left,
        "head_dim": size,
    }
    try:
        others = skeleton({**config, **fields})[2]
    except InputError:
        others = layers
    parts: list[Part] = []
    for index, (layer, other) in enumerate(zip(layers, others, strict=True)):
        lost = changed_maps(layer, other, "heads")
        consumers = [outputs_inputs[1] for outputs_inputs in lost.values() if outputs_inputs[1]]
        if consumers != [(groups - left) * queries * size]:
            raise InputError(
                f"The configuration of {config['model_type']} cannot say how large a head is apart "
                "from the hidden size, so no heads can be removed; remove channels or layers."
            )
        _check_settings(layer, other, index)
        _check_apart(layer, lost, (heads * size, groups * size))
        shapes = shapes_of(layer)
        parts.append(head_part(index, shapes, lost, (groups, queries), size, left))
    return fields, parts


def _check_apart(
    layer: nn.Module, lost: Mapping[str, tuple[int, int]], widths: tuple[int, int]
) -> None:
    """InputError if something else than linear maps spans all heads, such as a norm.

    lost: the linear maps that lose heads. widths: of all queries together, of all keys.
    """
    attention = {name.rpartition(".")[0] for name in lost}
    for name, parameter in layer.named_parameters():
        module = name.rpartition(".")[0]
        inside = module.rpartition(".")[0] in attention and module not in lost
        if inside and parameter.ndim == 1 and parameter.shape[0] in widths:
            raise InputError(
                f"{name} spans all heads of a layer at once, so that heads are not independent of "
                "each other; this architecture cannot lose some of them."
            )


def shortened(config: Mapping[str, Any], kept: list[int]) -> dict[str, Any]:
    """The fields of config.json that change when only these layers are kept, in this order.

    InputError where the configuration cannot give each of them the settings that it has.
    """
    data = dict(config)
    parsed = parse_config(data)
    before = skeleton(data)[2]
    fields: dict[str, Any] = {_field(data, LAYERS): len(kept)}
    for name, value in parsed.to_dict().items():
        if isinstance(value, list) and len(value) == len(before) and _speaks_of_layers(name):
            fields[name] = [value[index] for index in kept]
    try:
        after = skeleton({**data, **fields})[2]
        for index, layer in zip(kept, after, strict=True):
            if _shapes(before[index]) != _shapes(layer):
                raise InputError(f"layer {index} would get other shapes")
            _check_settings(before[index], layer, index)
    except InputError as error:
        raise InputError(
            f"The configuration of {data['model_type']} cannot say which layers are left, when "
            f"single ones are removed ({str(error).rstrip('.')}); remove channels or heads instead."
        ) from None
    return fields


def _speaks_of_layers(name: str) -> bool:
    return any(word in name for word in ("layer", "block", "attention_types"))


def _shapes(layer: nn.Module) -> dict[str, tuple[int, ...]]:
    state = (*layer.named_parameters(), *layer.named_buffers())
    return {name: tuple(tensor.shape) for name, tensor in state}


def _check_settings(before: nn.Module, after: nn.Module, index: int) -> None:
    """InputError if modules of a layer compute with another setting than they did."""
    others = dict(after.named_modules())
    for name, module in before.named_modules():
        if name not in others:
            raise InputError(f"layer {index} would lose {name}")
        one, other = _settings(module), _settings(others[name])
        changed = sorted(key for key in one | other if one.get(key) != other.get(key))
        if changed or type(module) is not type(others[name]):
            raise InputError(f"layer {index} would have another {', '.join(changed) or name}")


def _settings(module: nn.Module) -> dict[str, Any]:
    """A module's plain settings, but for its number, and the sizes that its weights show."""
    sizes = (*NUMBERS, *COUNTS, "in_features", "out_features", "nf", "nx")
    return {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, bool | int | float | str | None) and key not in sizes
    }
