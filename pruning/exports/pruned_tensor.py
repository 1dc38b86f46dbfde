"""One tensor of an export with its pruned values set to zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from pruning.errors import AtlasError
from pruning.masks.recipe import Recipe

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight


def prune_tensor(weight: PrunableWeight, tensor: torch.Tensor, recipe: Recipe) -> dict[str, Any]:
    """Zero the pruned values in place; the counts for submodel.json."""
    matrix = tensor.T if weight.transposed else tensor  # (out, in), whatever the file's layout
    if tuple(matrix.shape) != tuple(weight.shape):
        raise AtlasError(
            f"{weight.tensor} has the shape {tuple(matrix.shape)} where the run has "
            f"{tuple(weight.shape)}; calibrate this model again."
        )
    mask = recipe.mask(weight, matrix)
    matrix.masked_fill_(~mask, 0)
    pruned = mask.numel() - int(mask.count_nonzero())
    return {
        "layer": weight.key.layer,
        "name": weight.key.name,
        "transposed": weight.transposed,
        "pruned": pruned,
        "kept": mask.numel() - pruned,
        "zeros": tensor.numel() - int(tensor.count_nonzero()),
    }
