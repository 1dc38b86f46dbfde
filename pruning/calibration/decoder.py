"""One loop visits decoder layers: each is called with its own arguments, on known hidden states.

Every layer of a decoder may be called differently (sliding-window masks, local and global rotary
embeddings). So the arguments of each layer are captured first, in a pass in which the layers do
nothing, which costs the embeddings alone; then the layers are called one by one. A layer that does
nothing answers in the form of the real one (a tensor, a tuple, a list), which one pass of a few
tokens shows: the loop over layers, the model's own, may index or unpack what it gets.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from pruning.calibration.replies import Reply, hidden_of, reply_of
from pruning.errors import AtlasError, InputError
from pruning.models.architecture import probe_tokens, run_body
from pruning.models.support import one_line

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel


CHECKED = 8  # tokens of each text that shows whether layers may be called one by one
ONE_BY_ONE = "This model's decoder layers cannot be called one by one, for several texts,"
_KNOWN: WeakKeyDictionary[LoadedModel, tuple[Reply, ...]] = WeakKeyDictionary()
UNSUPPORTED = "Its architecture is not supported. Choose another model."


@dataclass(frozen=True)
class LayerCall:
    """The arguments of one decoder layer besides the hidden states.

    name: what the hidden states are called, None where they come first.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    name: str | None = None


@dataclass(frozen=True)
class Entry:
    """What enters the decoder: hidden (batch, position, hidden size) and each layer's arguments."""

    hidden: Tensor
    calls: tuple[LayerCall, ...]


@torch.inference_mode()
def enter(loaded: LoadedModel, input_ids: Tensor) -> Entry:
    """Embed `input_ids` (batch, position) and capture how each decoder layer would be called."""
    replies = _KNOWN.get(loaded) or layer_replies(loaded)
    first: list[Tensor] = []
    calls: list[LayerCall] = []

    def record(reply: Reply, *args: Any, **kwargs: Any) -> Any:
        name = None if args else _name_of_hidden(kwargs)
        hidden = kwargs.pop(name) if name else args[0]
        if not first:
            first.append(hidden)
        named = None if name == "hidden_states" else name
        calls.append(LayerCall(args=args[1:], kwargs=kwargs, name=named))
        return reply.around(hidden)

    with contextlib.ExitStack() as stack:
        for layer, reply in zip(loaded.layers, replies, strict=True):
            stack.enter_context(_replaced_forward(layer, functools.partial(record, reply)))
        run_body(loaded.module, input_ids)
    if len(calls) != len(loaded.layers):
        raise AtlasError(
            f"The model called {len(calls)} of its {len(loaded.layers)} decoder layers; "
            "models that skip or repeat layers are not supported. Choose another model."
        )
    if first[0].shape[:2] != input_ids.shape:
        raise AtlasError(
            "What enters this model's decoder layers is not one vector for each token of each text; "
            "its architecture is not supported. Choose another model."
        )
    return Entry(hidden=first[0], calls=tuple(calls))


@torch.inference_mode()
def layer_replies(loaded: LoadedModel, tokens: Tensor | None = None) -> tuple[Reply, ...]:
    """In what form each decoder layer answers, seen in one pass of the whole model.

    tokens: input_ids (batch, position); None: a few. Raises AtlasError for layers that take no part
    in the pass, or answer with something else than hidden states first. It is remembered.
    """
    found: dict[int, Reply] = {}
    with contextlib.ExitStack() as hooks:
        for index, layer in enumerate(loaded.layers):

            def look(_: nn.Module, args: Any, output: Any, index: int = index) -> None:
                found[index] = reply_of(output)

            hooks.callback(layer.register_forward_hook(look).remove)
        run_body(loaded.module, probe_tokens(loaded.module) if tokens is None else tokens)
    if len(found) != len(loaded.layers):
        raise AtlasError(
            f"The model called {len(found)} of its {len(loaded.layers)} decoder layers; "
            "models that skip or repeat layers are not supported. Choose another model."
        )
    _KNOWN[loaded] = tuple(found[index] for index in range(len(found)))
    return _KNOWN[loaded]


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
    if call.name is not None:
        return hidden_of(layer(*call.args, **{call.name: hidden}, **call.kwargs))
    return hidden_of(layer(hidden, *call.args, **call.kwargs))


@torch.inference_mode()
def check_layer_by_layer(loaded: LoadedModel) -> None:
    """AtlasError unless layers called one by one give what the model itself gives.

    Two texts go through at the same time, both with the arguments of the first one, as `Decoder`
    does with all texts of one shape: some models give a layer more than the hidden states to read.
    """
    try:
        alike = _gives_the_same(loaded)
    except (AtlasError, InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever a model's own loop makes of layers that do nothing
        raise AtlasError(
            f"{ONE_BY_ONE} outside of the model ({one_line(error)}). {UNSUPPORTED}"
        ) from error
    if not alike:
        raise AtlasError(f"{ONE_BY_ONE} with the same result as the whole model. {UNSUPPORTED}")


def _gives_the_same(loaded: LoadedModel) -> bool:
    tokens = torch.arange(2 * CHECKED, device=loaded.device) % loaded.module.config.vocab_size
    texts = [text[None].repeat(2, 1) for text in tokens.split(CHECKED)]
    seen: list[Tensor] = []
    handle = loaded.layers[-1].register_forward_hook(
        lambda module, args, output: seen.append(hidden_of(output))
    )
    try:
        layer_replies(loaded, torch.cat(texts))
    finally:
        handle.remove()
    entries = [enter(loaded, text) for text in texts]
    states = [entry.hidden for entry in entries]
    for index, (layer, call) in enumerate(zip(loaded.layers, entries[0].calls, strict=True)):
        with loaded.resident(index):
            states = [call_layer(layer, hidden, call) for hidden in states]
    hidden = torch.cat(states)
    return hidden.shape == seen[0].shape and torch.allclose(hidden, seen[0], rtol=1e-3, atol=1e-3)


def _name_of_hidden(named: Mapping[str, Any]) -> str:
    """What a layer that is called by name alone calls its hidden states: the first numbers."""
    if "hidden_states" in named:
        return "hidden_states"
    for name, value in named.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            return name
    raise AtlasError(f"This model's decoder layers are given no hidden states. {UNSUPPORTED}")


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
