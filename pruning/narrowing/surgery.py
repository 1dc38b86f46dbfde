"""The dense model in memory, answering as the narrowed one: undone on any exit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from pruning.masks.surgery import temporary_matrices
from pruning.narrowing.made import Made

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel


@contextlib.contextmanager
def temporarily_narrow(loaded: LoadedModel, made: Made) -> Iterator[None]:
    """Inside the block the model gives the narrowed model's answers, in its own shapes.

    What reads a unit that is gone reads zeros of it, so that the unit says nothing; a layer that is
    gone gives back what it gets. The whole model has to be in memory.
    """
    matrices = {
        key: part.full_shape(loaded.matrix(key)) for key, part in made.by_consumer().items()
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(temporary_matrices(loaded, matrices))
        for index, layer in enumerate(loaded.layers):
            if index not in made.layers:
                handle = layer.register_forward_hook(_unchanged, with_kwargs=True)
                stack.callback(handle.remove)
        yield


def _unchanged(
    _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> Tensor | tuple[Any, ...]:
    """A layer's input in the place of its output."""
    hidden: Tensor = args[0] if args else kwargs["hidden_states"]
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden
