"""Hooks that sum the squares of what the modules of one decoder layer read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import AtlasError
from pruning.models.experts import Expert, every_expert_runs, expert_around

See = Callable[[str, Tensor, Expert | None], None]

CACHED = 2**18  # numbers squared at a time: they fit the second-level caches of two cores


def input_readers(weights: Sequence[PrunableWeight]) -> dict[str, str]:
    """The distinct inputs of one layer's weights: input name -> the first module that reads it."""
    readers: dict[str, str] = {}
    for weight in weights:
        readers.setdefault(weight.input_name, weight.key.name)
    return readers


@contextlib.contextmanager
def reading(layer: nn.Module, readers: Mapping[str, str], see: See) -> Iterator[None]:
    """While open, calls `see` with what modules of a layer read: (input name, input, expert or None).

    readers: input name -> name of a module inside `layer` that reads it.
    """
    with contextlib.ExitStack() as hooks:
        hooks.enter_context(every_expert_runs(layer))
        for name, reader in readers.items():
            expert = expert_around(layer, reader)

            def hook(
                _: nn.Module,
                inputs: tuple[Tensor, ...],
                name: str = name,
                expert: Expert | None = expert,
            ) -> None:
                see(name, inputs[0].detach(), expert)

            handle = layer.get_submodule(reader).register_forward_pre_hook(hook)
            hooks.callback(handle.remove)
        yield


class AllSeen(BaseException):
    """Raised inside a layer, whose result nobody waits for, at the last input that is wanted.

    A `BaseException`, so that no `except Exception` of a model swallows it.
    """


class InputSums:
    """While open, sums the squares of what the layer's modules read, over valid positions.

    Of an expert's modules only over those positions that the router sends there.
    Squares are added as by `sum_squares`, batches in float64.
    """

    def __init__(self, layer: nn.Module, readers: Mapping[str, str]) -> None:
        """readers: input name -> name of a module inside `layer` that reads it."""
        self.seen = 0  # inputs of the batch under way
        self._valid: Tensor | None = None
        self._last: int | None = None
        self._sums: dict[str, Tensor] = {}
        self._routed: dict[str, int] = {}
        self._reading = reading(layer, readers, self._add)

    def __enter__(self) -> InputSums:
        self._reading.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._reading.__exit__(*raised)

    def start(self, valid: Tensor, last: int | None = None) -> None:
        """A batch begins. valid: bool (sample, position), what counts of it.

        last: raise `AllSeen` when so many inputs have been seen, as the layer has no more.
        """
        self.seen, self._valid, self._last = 0, valid, last

    def _add(self, name: str, activations: Tensor, expert: Expert | None) -> None:
        assert self._valid is not None
        flat = activations.reshape(-1, activations.shape[-1])  # (tokens, channels)
        counted = self._valid.flatten().to(flat.device)
        if expert is not None:
            counted = counted[expert.rows]
            self._routed[name] = self._routed.get(name, 0) + int(counted.sum())
        total = sum_squares(flat, counted)
        self._sums[name] = self._sums[name] + total if name in self._sums else total
        self.seen += 1
        if self.seen == self._last:
            raise AllSeen

    def routed(self) -> dict[str, int]:
        """Per input of an expert: the valid tokens that the router sent there."""
        return self._routed

    def totals(self) -> dict[str, np.ndarray]:
        """Per input: (channels,) float64. AtlasError if an activation overflowed."""
        for name, total in self._sums.items():
            if not bool(torch.isfinite(total).all()):
                raise AtlasError(
                    f"Activations at {name} are not finite numbers in this precision. Calibrate "
                    "with dtype bfloat16 or float32; where that is so already, check the model's weights."
                )
        return {name: total.cpu().numpy() for name, total in self._sums.items()}


def sum_squares(rows: Tensor, counted: Tensor) -> Tensor:
    """The sum over counted rows of each column's squares: (channels,) float64.

    rows: (tokens, channels). counted: bool (tokens,); what is in other rows is not looked at. Some
    rows at a time are squared and added in float32, whatever the model's own precision; these sums
    are added in float64. On a CPU the squares stay in its cache, and no row is copied.
    """
    step = max(1, len(rows) if rows.is_cuda else CACHED // rows.shape[1])
    total = torch.zeros(rows.shape[1], dtype=torch.float64, device=rows.device)
    for part, counts in zip(rows.split(step), counted.split(step), strict=True):
        squares = part.float().square()
        if not bool(counts.all()):
            squares.index_fill_(0, torch.nonzero(~counts).flatten(), 0.0)
        total += squares.sum(0)
    return total
