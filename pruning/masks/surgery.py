"""Changes to the model in memory that undo themselves on any exit, cancellation included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pruning.masks.mask import Mask
from pruning.specs import WeightKey

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel


@contextlib.contextmanager
def temporary_masks(
    loaded: LoadedModel, masks: Mapping[WeightKey, Mask | Tensor]
) -> Iterator[None]:
    """Inside the block, the weights that the masks do not keep are zero.

    In a layer that is streamed from disk they stay so for as long as it is in memory; no copy of
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
