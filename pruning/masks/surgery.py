"""Changes to the model in memory that undo themselves on any exit, cancellation included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pruning.masks.mask import Mask
from pruning.specs import WeightKey

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel


@contextlib.contextmanager
def temporary_masks(
    loaded: LoadedModel, masks: Mapping[WeightKey, Mask | Tensor]
) -> Iterator[None]:
    """Inside the block, the weights that the masks do not keep are zero.

    masks: (out, in) each, packed or as bool. In a layer that is streamed from disk they stay so for as long as it is in memory; no copy of
    them is held.
    """
    originals: dict[WeightKey, Tensor] = {}
    try:
        for key, mask in masks.items():
            matrix = loaded.matrix(key)
            kept = torch.from_numpy(mask.unpack()) if isinstance(mask, Mask) else mask
            if not loaded.streamed:
                originals[key] = matrix.clone()
            with torch.no_grad():
                matrix.masked_fill_(~kept.to(matrix.device), 0)
        yield
    finally:
        for key, original in originals.items():
            with torch.no_grad():
                loaded.matrix(key).copy_(original)


@contextlib.contextmanager
def temporary_matrices(loaded: LoadedModel, matrices: Mapping[WeightKey, Tensor]) -> Iterator[None]:
    """Inside the block, these weights have these values: key -> (out, in), any dtype.

    The model's own values are not written to; they stay in memory and come back to their places on
    any exit. In a layer that is streamed from disk, open this inside `LoadedModel.resident`.
    """
    own = {key: loaded.parameter(key) for key in matrices}
    try:
        for key, matrix in matrices.items():
            stored = matrix.T if loaded.weight(key).transposed else matrix
            values = stored.to(own[key].device, own[key].dtype).contiguous()
            _place(loaded, key, nn.Parameter(values, requires_grad=False))
        yield
    finally:
        for key, parameter in own.items():
            _place(loaded, key, parameter)


def _place(loaded: LoadedModel, key: WeightKey, parameter: nn.Parameter) -> None:
    loaded.submodule(key)._parameters["weight"] = parameter
