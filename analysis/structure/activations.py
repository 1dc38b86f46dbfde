"""Reading the text again: the activations of a few input channels at every counted token."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pruning.architecture import PrunableWeight
from pruning.collection import Batch, input_readers
from pruning.forward import call_layer, enter
from pruning.models import LoadedModel
from pruning.progress import Meter
from pruning.specs import WeightKey

Channels = Mapping[WeightKey, Sequence[int]]


def channel_values(
    loaded: LoadedModel,
    batches: Sequence[Batch],
    weights: Sequence[PrunableWeight],
    channels: Channels,
    meter: Meter,
    where: str,
) -> dict[WeightKey, NDArray[np.float32]]:
    """The values of chosen channels of chosen layer inputs: input key -> (tokens, channels).

    weights: those whose inputs are wanted. Tokens are the valid positions, in the order of the
    batches. Layers after the last wanted one are not run. One batch's hidden states are in memory
    at a time, and all the values: 4 bytes for each token and channel.
    """
    by_layer: dict[int, dict[str, str]] = {}
    for index in sorted({weight.key.layer for weight in weights}):
        here = [weight for weight in weights if weight.key.layer == index]
        by_layer[index] = input_readers(here)
    parts: dict[WeightKey, list[Tensor]] = {key: [] for key in channels}
    for ids, valid in batches:
        entry = enter(loaded, ids.to(loaded.device))
        hidden = entry.hidden
        counted = valid.flatten().to(loaded.device)
        for index in range(max(by_layer) + 1):
            layer, names = loaded.layers[index], by_layer.get(index, {})
            with _reading(layer, names) as seen:
                hidden = call_layer(layer, hidden, entry.calls[index])
            for name, activations in seen.items():
                key = WeightKey(layer=index, name=name)
                flat = activations.reshape(-1, activations.shape[-1])[counted]
                parts[key].append(flat[:, list(channels[key])].float().cpu())
        meter.step(where)
    return {key: torch.cat(values).numpy() for key, values in parts.items()}


@contextlib.contextmanager
def _reading(layer: nn.Module, names: Mapping[str, str]) -> Iterator[dict[str, Tensor]]:
    """While open, what the named modules of a layer read: input name -> activations."""
    seen: dict[str, Tensor] = {}
    with contextlib.ExitStack() as hooks:
        for name, reader in names.items():

            def hook(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                seen[name] = inputs[0].detach()

            handle = layer.get_submodule(reader).register_forward_pre_hook(hook)
            hooks.callback(handle.remove)
        yield seen
