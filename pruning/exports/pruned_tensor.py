"""One tensor of an export with its pruned values set to zero, and those that were repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from pruning.errors import AtlasError
from pruning.masks.recipe import Recipe

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight


def prune_tensor(weight: PrunableWeight, tensor: torch.Tensor, recipe: Recipe) -> dict[str, Any]:
    """Make the values the sub-model's, in place; the counts for submodel.json."""
    matrix = tensor.T if weight.transposed else tensor  # (out, in), whatever the file's layout
    if tuple(matrix.shape) != tuple(weight.shape):
        raise AtlasError(
            f"{weight.tensor} has the shape {tuple(matrix.shape)} where the run has "
            f"{tuple(weight.shape)}; calibrate this model again."
        )
    mask = recipe.change(weight, matrix)
    pruned = mask.numel() - int(mask.count_nonzero())
    repaired = {"repaired": True} if weight.key in recipe.repaired else {}
    return repaired | {
        "layer": weight.key.layer,
        "name": weight.key.name,
        "transposed": weight.transposed,
        "pruned": pruned,
        "kept": mask.numel() - pruned,
        "zeros": tensor.numel() - int(tensor.count_nonzero()),
    }
