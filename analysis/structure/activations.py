"""Reading the text again: the activations of a few input channels at every counted token."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pruning.calibration.decoder import Decoder, check_layer_by_layer
from pruning.calibration.input_sums import input_readers, reading
from pruning.calibration.passages import Batch, HiddenStates
from pruning.checkpoints.weights import PrunableWeight
from pruning.models.experts import Expert
from pruning.progress import Meter
from pruning.specs import WeightKey

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

Channels = Mapping[WeightKey, Sequence[int]]
Values = dict[WeightKey, NDArray[np.float32]]


def channel_values(
    loaded: LoadedModel,
    texts: Mapping[str, Sequence[Batch]],
    weights: Sequence[PrunableWeight],
    channels: Channels,
    meter: Meter,
) -> dict[str, Values]:
    """The values of chosen channels of chosen layer inputs, for each named text.

    weights: those whose inputs are wanted. Returns name -> (input key -> (tokens, channels)), the
    tokens being the valid positions in the order of the batches. Each layer is visited once, for
    all texts; those after the last wanted one are not run. The hidden states of all texts are
    held, and the values: 4 bytes for each token and channel. Raises as `check_layer_by_layer`.
    """
    check_layer_by_layer(loaded)  # before anything is hooked, as it passes a text of its own
    decoder = Decoder(loaded)
    states = {name: HiddenStates(decoder, batches) for name, batches in texts.items()}
    valid = {name: torch.cat([v.flatten() for _, v in texts[name]]) for name in texts}
    found: dict[str, Values] = {name: {} for name in texts}
    for index in range(max(weight.key.layer for weight in weights) + 1):
        readers = input_readers([weight for weight in weights if weight.key.layer == index])
        wanted = {name: channels[WeightKey(layer=index, name=name)] for name in readers}
        with loaded.resident(index):
            for text, batches in states.items():
                with _reading(loaded.layers[index], readers, wanted) as parts:
                    batches.advance()
                for name, values in parts.items():
                    key = WeightKey(layer=index, name=name)
                    found[text][key] = torch.cat(values)[valid[text]].numpy()
                meter.step(f"{text}, layer {index}")
    return found


@contextlib.contextmanager
def _reading(
    layer: nn.Module, readers: Mapping[str, str], wanted: Mapping[str, Sequence[int]]
) -> Iterator[dict[str, list[Tensor]]]:
    """While open, what modules of a layer read: input name -> (positions, channels) a batch.

    An expert reads 0 at the positions that are not routed to it.
    readers: input name -> the module that reads it. wanted: input name -> channels.
    """
    parts: dict[str, list[Tensor]] = {name: [] for name in readers}

    def see(name: str, activations: Tensor, expert: Expert | None) -> None:
        chosen = activations[..., list(wanted[name])]
        values = chosen.reshape(-1, chosen.shape[-1]).float()
        if expert is not None:
            values = values.new_zeros(expert.positions, values.shape[1]).index_copy(
                0, expert.rows, values
            )
        parts[name].append(values.cpu())

    with reading(layer, readers, see):
        yield parts
