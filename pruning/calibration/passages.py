"""Summing what a model's layers read: the inner part of calibration, free of files and runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from pruning.calibration.decoder import Decoder
from pruning.calibration.input_sums import AllSeen, InputSums, input_readers
from pruning.calibration.parking import park, unpark, where_parked
from pruning.checkpoints.weights import PrunableWeight
from pruning.domains.token_sample import TokenSample
from pruning.machine.resources import free_memory_bytes
from pruning.progress import Meter
from pruning.runs.statistics import ChannelStats, Float, Integer
from pruning.specs import WeightKey

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

Batch = tuple[Tensor, Tensor]  # input_ids, valid: both (sample, position)
HELD_SHARE = 0.25  # of the free memory that waiting hidden states may take
ROUTED = "tokens of "  # what is parked beside an expert's sums
PARK_EVERY = 600.0  # seconds between two savings of hidden states that stay in memory


class HiddenStates:
    """Batches of text on their way through the decoder layers of one model.

    `layer` is the one they enter next. With a file they can be parked there, out of memory, and
    come back by themselves when they are wanted; so can the sums that were collected on the way.
    """

    def __init__(
        self, decoder: Decoder, batches: Sequence[Batch], file: Path | None = None
    ) -> None:
        self.layer = 0
        self._decoder, self._batches, self._file = decoder, batches, file
        self._parked_at = 0  # the layer that the file was written for; 0: it was not
        self._hidden: list[Tensor] | None = None  # (sample, position, hidden size), one a batch

    @property
    def tokens(self) -> Integer:
        """(1,): the tokens that count."""
        return np.array([sum(int(valid.sum()) for _, valid in self._batches)], dtype=np.int64)

    def advance(self) -> None:
        """Move every batch through the next decoder layer as it is now."""
        hidden = self._wanted()
        for number, states in enumerate(hidden):
            hidden[number] = _in_place(states, self._call(number, states))
        self.layer += 1

    @property
    def batches(self) -> Sequence[Batch]:
        """The batches, in order."""
        return self._batches

    def states(self, number: int) -> Tensor:
        """What enters the next layer of one batch: (sample, position, hidden size)."""
        return self._wanted()[number]

    def observe(self, number: int) -> None:
        """Call the next layer with one batch, for hooks to look at; the batch stays where it is.

        `AllSeen`, raised by a hook, ends the call early.
        """
        with contextlib.suppress(AllSeen):
            self._call(number, self._wanted()[number])

    def sums(self, weights: Sequence[PrunableWeight], *, advance: bool) -> ChannelStats:
        """The statistics of the next layer's inputs; with `advance` the batches move on as well.

        Else a batch leaves the layer at the last of these inputs, once a batch of the same shape has
        shown how many there are. weights: of this layer, those whose inputs are wanted. Returns one
        group.
        """
        hidden, index = self._wanted(), self.layer
        readers = input_readers(weights)
        with InputSums(self._decoder.loaded.layers[index], readers) as collected:
            for number, states in enumerate(hidden):
                ids, valid = self._batches[number]
                known, call = self._decoder.inputs, (index, tuple(readers), ids.shape)
                collected.start(
                    valid.to(self._decoder.loaded.device), None if advance else known.get(call)
                )
                try:
                    output = self._call(number, states)
                except AllSeen:
                    continue
                known[call] = collected.seen
                if advance:
                    hidden[number] = _in_place(states, output)
        self.layer += advance
        sums = {
            WeightKey(layer=index, name=name): total[None]
            for name, total in collected.totals().items()
        }
        routed = {
            WeightKey(layer=index, name=name): np.array([count], dtype=np.int64)
            for name, count in collected.routed().items()
        }
        return ChannelStats(sum_sq=sums, tokens=dict.fromkeys(sums, self.tokens) | routed)

    def park(self, *, keep: bool, sums: Mapping[str, Tensor] | None = None) -> None:
        """Write the states to the file; unless `keep`, take them out of memory.

        sums: what belongs to them, by name, of any shape; `resume` gives it back.
        """
        if self._file is None or self._hidden is None:
            return
        if self._parked_at != self.layer:
            park(self._file, self.layer, self._hidden, sums or {})
            self._parked_at = self.layer
        if not keep:
            self._hidden = None

    def drop(self) -> None:
        """Free the memory and the disk that the states took; they are not wanted again."""
        self._hidden = None
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def resume(self) -> Mapping[str, Tensor]:
        """Go on from the file, if there is one of these batches; the sums that it holds.

        By name, as they were given to `park`; without a file none.
        """
        layer, sums = (0, {}) if self._file is None else where_parked(self._file, self._shapes)
        self.layer = self._parked_at = layer
        return sums

    def _wanted(self) -> list[Tensor]:
        """The states of every batch, in memory."""
        if self._hidden is None and self._file is not None and self._parked_at:
            self._hidden = unpark(self._file, len(self._batches))
        if self._hidden is None:
            self._hidden = [self._home(self._decoder.enter(ids)) for ids, _ in self._batches]
        return self._hidden

    @property
    def _shapes(self) -> list[torch.Size]:
        return [ids.shape for ids, _ in self._batches]

    def _call(self, number: int, states: Tensor) -> Tensor:
        if self._decoder.loaded.streamed:
            states = states.to(self._decoder.loaded.device)
        return self._home(self._decoder.call(self.layer, states, self._batches[number][0]))

    def _home(self, states: Tensor) -> Tensor:
        """Where states wait: with the layers, or in main memory if those come one by one."""
        return states.cpu() if self._decoder.loaded.streamed else states


@torch.inference_mode()
def _in_place(old: Tensor, new: Tensor) -> Tensor:
    """The new states, on a CPU in the memory of the old ones (see `Passage.reserve`)."""
    if new.is_cuda or (old.device, old.dtype, old.shape) != (new.device, new.dtype, new.shape):
        return new
    return old.copy_(new)


class Passage:
    """One group of documents on its way through a model, and the sums it has left so far."""

    def __init__(
        self, decoder: Decoder, batches: Sequence[Batch], where: str = "", file: Path | None = None
    ) -> None:
        """where: the group in words. file: where it is parked, and resumed from if it is there."""
        self.where = where
        self._states = HiddenStates(decoder, batches, file)
        self._sums: dict[WeightKey, Float] = {}
        self._room: dict[WeightKey, Float] = {}  # where sums to come will lie
        self._routed: dict[WeightKey, Integer] = {}  # tokens, of what not every token reads
        for name, values in self._states.resume().items():
            if name.startswith(ROUTED):
                self._routed[WeightKey.parse(name.removeprefix(ROUTED))] = values.numpy()
            else:
                self._sums[WeightKey.parse(name)] = values.numpy()

    @property
    def layer(self) -> int:
        """The decoder layer that comes next."""
        return self._states.layer

    def reserve(self, weights: Sequence[PrunableWeight]) -> None:
        """Take memory for the sums of these weights' inputs now, before that of any layer.

        Small blocks that stay, taken amid large ones that go, tear the C library's heap into pieces
        that are not used again: ten times as much memory was held as states and sums need.
        """
        for weight in weights:
            self._room.setdefault(weight.input_key, np.zeros((1, weight.shape[1])))

    def visit(self, weights: Sequence[PrunableWeight], *, advance: bool) -> None:
        """Go through the next layer, or only up to it, and sum up what its `weights` read."""
        if weights:
            stats = self._states.sums(weights, advance=advance)
            for key, sums in stats.sum_sq.items():
                self._sums[key] = self._room.setdefault(key, sums)
                self._sums[key][...] = sums
            self._routed |= {
                weight.input_key: stats.tokens[weight.input_key]
                for weight in weights
                if weight.input_key.expert is not None
            }
        else:
            self._states.advance()

    def park(self, *, keep: bool) -> None:
        """See `HiddenStates.park`; the sums go with the states."""
        sums = {str(key): torch.from_numpy(values) for key, values in self._sums.items()}
        sums |= {f"{ROUTED}{key}": torch.from_numpy(n) for key, n in self._routed.items()}
        self._states.park(keep=keep, sums=sums)

    def drop(self) -> None:
        """See `HiddenStates.drop`; the sums stay."""
        self._states.drop()

    def stats(self) -> ChannelStats:
        """All sums so far. One group."""
        tokens = dict.fromkeys(self._sums, self._states.tokens) | self._routed
        return ChannelStats(sum_sq=self._sums, tokens=tokens)


def pass_through(
    loaded: LoadedModel,
    passages: Sequence[Passage],
    weights: Sequence[PrunableWeight],
    meter: Meter | None = None,
    *,
    hold: bool = True,
    done: Callable[[Passage], None] | None = None,
) -> None:
    """One dense pass of all passages; one loop visits the decoder layers, wherever they are.

    Each layer is wanted once, for all passages. Layers after the last chosen one are not run.
    hold: keep the hidden states in memory, and park them now and then for a resumption; else they
    are parked after every layer. done: called with each passage that has all of its sums.
    """
    last = max(weight.key.layer for weight in weights)
    for passage in passages:
        passage.reserve(weights)
    parked = time.monotonic()
    for index in range(min(passage.layer for passage in passages), last + 1):
        here = [weight for weight in weights if weight.key.layer == index]
        parking = not hold or time.monotonic() - parked >= PARK_EVERY
        with loaded.resident(index):
            for passage in passages:
                if passage.layer != index:  # resumed, and further already
                    continue
                passage.visit(here, advance=index < last)
                if index == last:
                    if done:
                        done(passage)
                    passage.drop()
                elif parking:
                    passage.park(keep=hold)
                if here and meter:
                    meter.step(f"{passage.where}, layer {index}")
        if parking:
            parked = time.monotonic()


def channel_sums(
    loaded: LoadedModel, batches: Sequence[Batch], weights: Sequence[PrunableWeight]
) -> ChannelStats:
    """The statistics of one group of documents, in one dense pass. Returns one group.

    Only valid positions are counted.
    """
    passage = Passage(Decoder(loaded), batches)
    pass_through(loaded, [passage], weights)
    return passage.stats()


def fits_memory(loaded: LoadedModel, texts: Sequence[Tensor]) -> bool:
    """Whether the hidden states of all these texts may stay in memory at the same time.

    texts: input_ids int64 (batch, position).
    """
    if not loaded.streamed:
        return True
    positions = sum(input_ids.numel() for input_ids in texts)
    embedding = cast(Tensor, loaded.module.get_input_embeddings().weight)
    size = positions * embedding.shape[1] * embedding.dtype.itemsize
    return size <= HELD_SHARE * free_memory_bytes()


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
