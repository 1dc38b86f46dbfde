"""Summing what a model's layers read: the inner part of calibration, free of files and runs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pruning.architecture import PrunableWeight
from pruning.domains.packing import TokenSample
from pruning.errors import AtlasError
from pruning.forward import LayerCall, call_layer, enter
from pruning.models import LoadedModel
from pruning.progress import Meter
from pruning.specs import WeightKey
from pruning.statistics import ChannelStats

Batch = tuple[Tensor, Tensor]  # input_ids, valid: both (sample, position)


class HiddenStates:
    """Batches of text on their way through the decoder layers of one model."""

    def __init__(self, loaded: LoadedModel, batches: Sequence[Batch]) -> None:
        self._loaded = loaded
        self._hidden: list[Tensor] = []  # (sample, position, hidden size), one a batch
        self._valid = [valid.to(loaded.module.device) for _, valid in batches]
        self._calls: list[tuple[LayerCall, ...]] = []
        same_shape: dict[torch.Size, tuple[LayerCall, ...]] = {}
        for ids, _ in batches:
            entry = enter(loaded, ids.to(loaded.module.device))
            self._hidden.append(entry.hidden)
            self._calls.append(same_shape.setdefault(ids.shape, entry.calls))

    def advance(self, index: int) -> None:
        """Move every batch through decoder layer `index` as it is now."""
        for number, hidden in enumerate(self._hidden):
            self._hidden[number] = self._call(index, number, hidden)

    def sums(self, index: int, weights: Sequence[PrunableWeight], *, advance: bool) -> ChannelStats:
        """The statistics of layer `index`'s inputs; with `advance` the batches move on as well.

        weights: of this layer, those whose inputs are wanted. Returns one group.
        """
        with InputSums(self._loaded.layers[index], input_readers(weights)) as collected:
            for number, hidden in enumerate(self._hidden):
                collected.valid = self._valid[number]
                output = self._call(index, number, hidden)
                if advance:
                    self._hidden[number] = output
        totals = collected.totals()
        count = np.array([sum(int(valid.sum()) for valid in self._valid)], dtype=np.int64)
        keys = {name: WeightKey(layer=index, name=name) for name in totals}
        return ChannelStats(
            sum_sq={keys[name]: total[None] for name, total in totals.items()},
            tokens=dict.fromkeys(keys.values(), count),
        )

    def _call(self, index: int, number: int, hidden: Tensor) -> Tensor:
        return call_layer(self._loaded.layers[index], hidden, self._calls[number][index])


def channel_sums(
    loaded: LoadedModel,
    batches: Sequence[Batch],
    weights: Sequence[PrunableWeight],
    step: Meter | None = None,
    where: str = "",
) -> ChannelStats:
    """The statistics of one group of documents, in one dense pass. Returns one group.

    Only valid positions are counted. Layers after the last chosen one are not run.
    """
    states = HiddenStates(loaded, batches)
    parts = []
    for index in range(max(weight.key.layer for weight in weights) + 1):
        here = [weight for weight in weights if weight.key.layer == index]
        if not here:
            states.advance(index)
            continue
        parts.append(states.sums(index, here, advance=True))
        if step:
            step.step(f"{where}, layer {index}")
    return ChannelStats(
        sum_sq={key: sums for part in parts for key, sums in part.sum_sq.items()},
        tokens={key: count for part in parts for key, count in part.tokens.items()},
    )


def input_readers(weights: Sequence[PrunableWeight]) -> dict[str, str]:
    """The distinct inputs of one layer's weights: input name -> the first module that reads it."""
    readers: dict[str, str] = {}
    for weight in weights:
        readers.setdefault(weight.input_name, weight.key.name)
    return readers


class InputSums:
    """While open, sums the squares of what the layer's modules read, over valid positions.

    Each batch is summed in float32 at least, whatever the model's own precision; batches are
    added in float64.
    """

    def __init__(self, layer: nn.Module, readers: Mapping[str, str]) -> None:
        """readers: input name -> name of a module inside `layer` that reads it."""
        self.valid: Tensor | None = None  # bool (sample, position) of the batch under way
        self._layer, self._readers = layer, readers
        self._sums: dict[str, Tensor] = {}
        self._hooks = contextlib.ExitStack()

    def __enter__(self) -> InputSums:
        for name, reader in self._readers.items():

            def hook(_: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                self._add(name, inputs[0])

            handle = self._layer.get_submodule(reader).register_forward_pre_hook(hook)
            self._hooks.callback(handle.remove)
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.close()

    def _add(self, name: str, activations: Tensor) -> None:
        assert self.valid is not None
        flat = activations.detach().reshape(-1, activations.shape[-1])  # (tokens, channels)
        counted = self.valid.flatten()
        if not bool(counted.all()):
            flat = flat[counted]
        total = flat.float().square().sum(0).double()
        self._sums[name] = self._sums[name] + total if name in self._sums else total

    def totals(self) -> dict[str, np.ndarray]:
        """Per input: (channels,) float64. AtlasError if an activation overflowed."""
        for name, total in self._sums.items():
            if not bool(torch.isfinite(total).all()):
                raise AtlasError(
                    f"Activations at {name} are not finite numbers in this precision; "
                    "calibrate with dtype bfloat16 or float32."
                )
        return {name: total.cpu().numpy() for name, total in self._sums.items()}


def batches_of(
    sample: TokenSample, rows: Sequence[int] | np.ndarray, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    """Rows of a token sample as (input_ids int64, valid bool) batches, in order."""
    return [
        (
            torch.from_numpy(sample.input_ids[part].astype(np.int64)),
            torch.from_numpy(sample.valid[part]),
        )
        for start in range(0, len(rows), batch_size)
        for part in [np.asarray(rows)[start : start + batch_size]]
    ]
