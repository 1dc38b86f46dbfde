"""What a model is made of: its decoder layers and the linear maps inside them.

Nothing here knows a model by name. Decoder layers are the one list of `num_hidden_layers` modules
that all hold linear maps; a prunable weight is the weight of any linear map inside such a layer, one of
an expert included (`pruning.models.experts`), except what decides how much an expert counts. Embeddings
and the output head lie outside and are never touched. Which weights read the same input (q, k, v;
gate, up) is seen in a forward pass of a few tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from transformers.pytorch_utils import Conv1D

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.models.experts import Experts, every_expert_runs, gates
from pruning.specs import WeightKey

PROBE_TOKENS = 8


def is_linear(module: nn.Module) -> bool:
    """Whether a module is one linear map y = W x + b with a matrix W."""
    return isinstance(module, nn.Linear | Conv1D)


def linear_modules(layer: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The prunable linear maps inside one decoder layer, with their names, in module order.

    The gates beside experts are not among them: they route, and have next to no weights.
    """
    routing = gates(layer)
    for name, module in layer.named_modules():
        if is_linear(module) and module not in routing:
            yield name, module


def find_decoder_layers(model: nn.Module, num_layers: int) -> tuple[str, nn.ModuleList]:
    """The name and the list of the decoder layers.

    model: a causal language model, on any device (also "meta"). num_layers: the number its
    configuration states. Raises InputError if there is no such list, or more than one.
    """
    found: dict[str, nn.ModuleList] = {}
    for name, module in model.named_modules():
        if not isinstance(module, nn.ModuleList) or not len(module) == num_layers > 0:
            continue
        inside_another = any(name.startswith(outer + ".") for outer in found)
        if not inside_another and all(any(linear_modules(layer)) for layer in module):
            found[name] = module
    if not found:
        raise InputError(
            f"No decoder layers were found in {type(model).__name__}: it has no list of "
            f"{num_layers} modules that all hold linear maps. Choose a decoder-only language model."
        )
    if len(found) > 1:
        raise InputError(
            f"{type(model).__name__} has more than one list of {num_layers} layers "
            f"({', '.join(found)}); only models with a single decoder are supported."
        )
    return next(iter(found.items()))


def check_layers(model: nn.Module, layers: nn.ModuleList) -> None:
    """Raise InputError if decoder layers share weights, or hold experts that are in one piece.

    model: after `experts.split_experts`.
    """
    seen: dict[int, str] = {}
    for index, layer in enumerate(layers):
        apart = _names_of_split_experts(layer)
        for name, parameter in layer.named_parameters():
            known = name.startswith(apart) if apart else False
            if not known and _is_in_one_piece(layer, name, parameter, beside=bool(apart)):
                if not _has_experts(model, layer):
                    raise InputError(
                        f"{type(model).__name__} keeps {name} as several matrices in one piece, "
                        "which is no linear map that could be pruned here; its architecture is "
                        "not supported. Choose another model."
                    )
                raise InputError(
                    f"{type(model).__name__} has mixture-of-experts layers of a form that cannot "
                    f"be taken apart into one linear map for each expert here ({name}); choose a "
                    "model whose experts are gated, without biases, as Mixtral's and Qwen3's are."
                )
            owner = f"layer {index} ({name})"
            if id(parameter) in seen and parameter.ndim == 2:
                raise InputError(
                    f"{type(model).__name__} shares one weight between {seen[id(parameter)]} and "
                    f"{owner}; a mask for one would change the other, so it is not supported."
                )
            seen[id(parameter)] = owner


def _names_of_split_experts(layer: nn.Module) -> tuple[str, ...]:
    return tuple(f"{n}." for n, module in layer.named_modules() if isinstance(module, Experts))


def _has_experts(model: nn.Module, layer: nn.Module) -> bool:
    """Whether a model is a mixture of experts, by the names in its layers and its configuration."""
    config = getattr(model, "config", None)
    stated = [v for n, v in vars(config).items() if "expert" in n] if config is not None else []
    return any(type(value) is int and value > 1 for value in stated) or any(
        "expert" in name.lower() for name, _ in layer.named_parameters()
    )


def _is_in_one_piece(layer: nn.Module, name: str, parameter: nn.Parameter, *, beside: bool) -> bool:
    """Whether a parameter belongs to experts that no linear map of their own stands for.

    beside: there are experts that were taken apart; what is shared beside them is read by all
    tokens, and so an ordinary linear map, and a vector is the router's.
    """
    if "expert" in name.lower():
        return not (beside and ("shared_expert" in name or parameter.ndim < 2))
    convolution = isinstance(layer.get_submodule(name.rpartition(".")[0]), _ConvNd)
    return parameter.ndim == 3 and min(parameter.shape) > 1 and not convolution


def weight_shapes(layers: nn.ModuleList) -> dict[WeightKey, tuple[int, int]]:
    """(out, in) of every prunable weight, in layer order, then module order."""
    return {
        WeightKey(layer=index, name=name): _matrix_shape(module)
        for index, layer in enumerate(layers)
        for name, module in linear_modules(layer)
    }


def discover_weights(
    model: nn.Module, layers_name: str, layers: nn.ModuleList
) -> tuple[PrunableWeight, ...]:
    """Every prunable weight, in layer order, then module order, and which input each reads.

    Runs the model on a few tokens, so its weights must be in memory. The checkpoint's tensor and
    file are left None. Raises InputError if a linear map takes no part in a forward pass.
    """
    readers = shared_inputs(model, layers)
    weights = []
    for index, layer in enumerate(layers):
        for name, module in linear_modules(layer):
            key = WeightKey(layer=index, name=name)
            if key not in readers:
                raise InputError(
                    f"{type(model).__name__} does not use {name} of layer {index} as a linear map "
                    "in a forward pass; this model is not supported."
                )
            weights.append(
                PrunableWeight(
                    key=key,
                    shape=_matrix_shape(module),
                    input_name=readers[key],
                    parameter=f"{layers_name}.{index}.{name}.weight",
                    transposed=isinstance(module, Conv1D),
                )
            )
    return tuple(weights)


@torch.no_grad()
def shared_inputs(model: nn.Module, layers: nn.ModuleList) -> dict[WeightKey, str]:
    """For every linear map that runs, the name of the first one in its layer with the same input.

    The same input means the same numbers in the same memory: the tensors seen by two modules in
    one forward pass of `PROBE_TOKENS` tokens share storage, offset, extent and version. Hooks are
    removed on any exit. "First" is the order of `linear_modules`, not that of the calls.
    """
    identities: dict[WeightKey, tuple[int, ...]] = {}
    alive: list[torch.Tensor] = []  # storage that is freed could be handed out again

    def see(layer: int, name: str, inputs: tuple[torch.Tensor, ...]) -> None:
        if not inputs:
            return
        tensor = inputs[0]
        alive.append(tensor)
        identities[WeightKey(layer=layer, name=name)] = (
            layer,
            tensor.untyped_storage().data_ptr() or id(tensor),  # of an expert without a token
            int(tensor.storage_offset()),
            int(tensor.numel()),
            int(tensor.shape[-1]),
            tensor._version,
        )

    with ExitStack() as hooks:
        for index, layer in enumerate(layers):
            for name, module in linear_modules(layer):

                def hook(
                    _: nn.Module,
                    inputs: tuple[torch.Tensor, ...],
                    index: int = index,
                    name: str = name,
                ) -> None:
                    see(index, name, inputs)

                handle = module.register_forward_pre_hook(hook)
                hooks.callback(handle.remove)
        hooks.enter_context(every_expert_runs(model))
        model(input_ids=probe_tokens(model), use_cache=False)
    first_reader: dict[tuple[int, ...], str] = {}
    return {
        key: first_reader.setdefault(identities[key], key.name)
        for key in weight_shapes(layers)
        if key in identities
    }


@torch.no_grad()
def check_causal(model: nn.Module) -> None:
    """Raise InputError unless the first position is blind to what follows it, as in a decoder.

    Also raises it if the model answers with NaN or infinities, as some do in float16.
    """
    tokens = probe_tokens(model)
    changed = tokens.clone()
    changed[:, 1:] = changed[:, 1:].flip(1)
    both = torch.cat([tokens, changed])
    before, after = model(input_ids=both, use_cache=False).logits[:, 0].float()
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    if not (before.isfinite().all() and after.isfinite().all()):
        raise InputError(
            f"{type(model).__name__} computes NaN or infinite values in {dtype}; "
            "choose bfloat16 or float32."
        )
    if (before - after).abs().max() > 1e-3 * before.abs().max().clamp(min=1e-6):
        raise InputError(
            f"{type(model).__name__} looks at tokens that come later, so it is an encoder; "
            "choose a decoder-only language model."
        )


def probe_tokens(model: nn.Module) -> torch.Tensor:
    """(1, PROBE_TOKENS) distinct token ids on the model's device."""
    embedding = model.get_input_embeddings()  # type: ignore[operator]
    vocabulary = embedding.weight.shape[0]
    return (torch.arange(PROBE_TOKENS, device=embedding.weight.device) % vocabulary)[None]


def run_body(model: Any, input_ids: torch.Tensor) -> None:
    """Run a model without its output head. input_ids: (batch, position)."""
    model.base_model(input_ids=input_ids, use_cache=False)


def _matrix_shape(module: nn.Module) -> tuple[int, int]:
    rows, columns = module.weight.shape  # type: ignore[misc]
    shape = (columns, rows) if isinstance(module, Conv1D) else (rows, columns)
    return int(shape[0]), int(shape[1])
