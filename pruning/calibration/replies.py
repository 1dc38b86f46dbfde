"""What a decoder layer returns: hidden states, bare or first in a tuple, a list or a named output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers.utils import ModelOutput

from pruning.errors import AtlasError


@dataclass(frozen=True)
class Reply:
    """The form of one layer's answer. around: (batch, position, hidden size) -> such an answer."""

    around: Callable[[Tensor], Any]


def hidden_of(output: Any) -> Tensor:
    """The hidden states in what a layer returned; AtlasError if they do not come first in it."""
    if isinstance(output, ModelOutput):
        output = output.to_tuple()
    first = output[0] if isinstance(output, tuple | list) and output else output
    if not isinstance(first, Tensor):
        raise AtlasError(
            f"This model's decoder layers return {type(first).__name__} where hidden states are "
            "expected; its architecture is not supported. Choose another model."
        )
    return first


def reply_of(output: Any) -> Reply:
    """The form of an answer; what it holds besides hidden states is given again as it is."""
    hidden_of(output)
    if isinstance(output, ModelOutput):
        kind, name, rest = type(output), next(iter(output)), dict(list(output.items())[1:])
        return Reply(lambda hidden: kind(**{name: hidden}, **rest))
    if isinstance(output, list):
        others = output[1:]
        return Reply(lambda hidden: [hidden, *others])
    if isinstance(output, tuple):
        others_of = tuple(output[1:])
        make = getattr(output, "_make", tuple)  # of a named tuple: its own kind
        return Reply(lambda hidden: make((hidden, *others_of)))
    return Reply(lambda hidden: hidden)
