"""One loop visits decoder layers: each is called with its own arguments, on known hidden states.

Every layer of a decoder may be called differently (sliding-window masks, local and global rotary
embeddings). So the arguments of each layer are captured first, in a pass in which the layers do
nothing, which costs the embeddings alone; then the layers are called one by one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pruning.errors import AtlasError

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel


CHECKED = 8  # tokens of each text that shows whether layers may be called one by one


@dataclass(frozen=True)
class LayerCall:
    """The arguments of one decoder layer besides the hidden states."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """What enters the decoder: hidden (batch, position, hidden size) and each layer's arguments."""

    hidden: Tensor
    calls: tuple[LayerCall, ...]


@torch.inference_mode()
def enter(loaded: LoadedModel, input_ids: Tensor) -> Entry:
    """Embed `input_ids` (batch, position) and capture how each decoder layer would be called."""
    first: list[Tensor] = []
    calls: list[LayerCall] = []

    def record(*args: Any, **kwargs: Any) -> Tensor:
        hidden = args[0] if args else kwargs.pop("hidden_states")
        if not first:
            first.append(hidden)
        calls.append(LayerCall(args=args[1:], kwargs=kwargs))
        return hidden

    with contextlib.ExitStack() as stack:
        for layer in loaded.layers:
            stack.enter_context(_replaced_forward(layer, record))
        loaded.module.base_model(input_ids=input_ids, use_cache=False)
    if len(calls) != len(loaded.layers):
        raise AtlasError(
            f"The model called {len(calls)} of its {len(loaded.layers)} decoder layers; "
            "models that skip or repeat layers are not supported. Choose another model."
        )
    return Entry(hidden=first[0], calls=tuple(calls))


class Decoder:
    """A model's decoder, taken apart: text enters, then goes through the layers one by one.

    How the layers are called depends on the shape of a batch only, so the arguments are kept for
    each shape and shared by all batches of that shape. inputs: how many inputs of these readers a
    call of a layer with such a batch has, as far as `collection` has counted.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self.inputs: dict[tuple[int, tuple[str, ...], torch.Size], int] = {}
        self._calls: dict[torch.Size, tuple[LayerCall, ...]] = {}

    def enter(self, input_ids: Tensor) -> Tensor:
        """The hidden states that enter the first layer: (batch, position, hidden size)."""
        entry = enter(self.loaded, input_ids.to(self.loaded.device))
        self._calls.setdefault(input_ids.shape, entry.calls)
        return entry.hidden

    def call(self, index: int, hidden: Tensor, input_ids: Tensor) -> Tensor:
        """The hidden states of the batch `input_ids` (batch, position) after decoder layer `index`.

        hidden: (batch, position, hidden size), as is what is returned.
        """
        if input_ids.shape not in self._calls:  # the hidden states came from a file
            self.enter(input_ids)
        return call_layer(self.loaded.layers[index], hidden, self._calls[input_ids.shape][index])


@torch.inference_mode()
def call_layer(layer: nn.Module, hidden: Tensor, call: LayerCall) -> Tensor:
    """The hidden states after one decoder layer: (batch, position, hidden size)."""
    return _hidden(layer(hidden, *call.args, **call.kwargs))


@torch.inference_mode()
def check_layer_by_layer(loaded: LoadedModel) -> None:
    """AtlasError unless layers called one by one give what the model itself gives.

    Two texts go through at the same time, both with the arguments of the first one, as `Decoder`
    does with all texts of one shape: some models give a layer more than the hidden states to read.
    """
    tokens = torch.arange(2 * CHECKED, device=loaded.device) % loaded.module.config.vocab_size
    texts = [text[None].repeat(2, 1) for text in tokens.split(CHECKED)]
    seen: list[Tensor] = []
    handle = loaded.layers[-1].register_forward_hook(
        lambda module, args, output: seen.append(_hidden(output))
    )
    try:
        loaded.module.base_model(input_ids=torch.cat(texts), use_cache=False)
    finally:
        handle.remove()
    entries = [enter(loaded, text) for text in texts]
    states = [entry.hidden for entry in entries]
    for index, (layer, call) in enumerate(zip(loaded.layers, entries[0].calls, strict=True)):
        with loaded.resident(index):
            states = [call_layer(layer, hidden, call) for hidden in states]
    hidden = torch.cat(states)
    if hidden.shape != seen[0].shape or not torch.allclose(hidden, seen[0], rtol=1e-3, atol=1e-3):
        raise AtlasError(
            "This model's decoder layers cannot be called one by one, for several texts, with the "
            "same result as the whole model; its architecture is not supported. Choose another model."
        )


def _hidden(output: Any) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


@contextlib.contextmanager
def _replaced_forward(layer: nn.Module, forward: Any) -> Iterator[None]:
    """Replace a module's forward; one that was already replaced (by accelerate) comes back."""
    before = layer.__dict__.get("forward")
    layer.forward = forward
    try:
        yield
    finally:
        if before is None:
            del layer.forward
        else:
            layer.forward = before
