"""Weight matrices: where each lives, and its numbers straight from the checkpoint.

Matrices are read one at a time, with no model in memory. torch is imported when the first is read,
so that a page which only lists runs does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from pruning.errors import AtlasError, InputError
from pruning.specs import WeightKey

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class PrunableWeight:
    """One prunable weight matrix and where it lives.

    shape: (out, in), whatever the module's own layout. input_name: the name of the first weight
    of the same layer that reads the same input tensor (q_proj for q, k and v). parameter: the
    full name in the module. transposed: the module stores (in, out), as GPT-2's Conv1D does.
    tensor, file: the name in the checkpoint and its file inside the model folder; None where the
    checkpoint stores the weight in another form.
    """

    key: WeightKey
    shape: tuple[int, int]
    input_name: str
    parameter: str
    transposed: bool = False
    tensor: str | None = None
    file: str | None = None

    @property
    def input_key(self) -> WeightKey:
        """The address under which the statistics of this weight's input are kept."""
        return WeightKey(layer=self.key.layer, name=self.input_name)

    def to_json(self) -> dict[str, Any]:
        """Plain data; the inverse of `from_json`."""
        return {
            "key": str(self.key),
            "shape": list(self.shape),
            "input_name": self.input_name,
            "parameter": self.parameter,
            "transposed": self.transposed,
            "tensor": self.tensor,
            "file": self.file,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PrunableWeight:
        """Rebuild from `to_json`'s output."""
        rows, columns = data["shape"]
        return cls(
            **{**data, "key": WeightKey.parse(data["key"]), "shape": (int(rows), int(columns))}
        )


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
