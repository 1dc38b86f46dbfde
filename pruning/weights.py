"""Weight matrices straight from the checkpoint, one at a time, with no model in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from pruning.architecture import PrunableWeight
from pruning.errors import AtlasError, InputError
from pruning.specs import WeightKey


class WeightReader:
    """Reads prunable weights of a model folder lazily, in the checkpoint's own dtype.

    folder: the model's folder. weights: what to read, as discovered when the model was loaded.
    """

    def __init__(self, folder: Path, weights: Iterable[PrunableWeight]) -> None:
        self.folder = folder
        self._weights = {weight.key: weight for weight in weights}

    def matrix(self, key: WeightKey) -> torch.Tensor:
        """The (out, in) matrix on the CPU, a view of the stored layout if that is transposed.

        Raises InputError for a key that is not among the weights, AtlasError if the checkpoint
        stores the weight in another form or cannot be read.
        """
        weight = self._weights.get(key)
        if weight is None:
            raise InputError(f"There is no prunable weight {key} in {self.folder}.")
        if weight.tensor is None or weight.file is None:
            raise AtlasError(
                f"The checkpoint in {self.folder} stores {key} in another form, so it cannot be "
                "read by itself; load the model and save it with save_pretrained first."
            )
        try:
            with safe_open(self.folder / weight.file, framework="pt", device="cpu") as file:
                tensor = file.get_tensor(weight.tensor)
        except (OSError, SafetensorError) as error:
            raise AtlasError(
                f"{self.folder / weight.file} could not be read ({error}); "
                "the model may have been moved or changed since the run was made."
            ) from error
        matrix = tensor.T if weight.transposed else tensor
        if tuple(matrix.shape) != weight.shape:
            raise AtlasError(
                f"{weight.tensor} in {self.folder / weight.file} has shape {tuple(matrix.shape)} "
                f"where {weight.shape} was expected; the model has changed since the run was made."
            )
        return matrix
