"""A sub-model as it is once made: for every chosen weight a mask and, if they changed, its values.

A mask alone can be made again from a run's sums in milliseconds. What is solved for cannot: it is
kept with the run, one file for each decoder layer, small (bits and kept values). Evaluation,
playground and export take it from there.

Whatever leaves the shapes alone can be a made sub-model. A narrowed one is: whole rows of gate and
up (or of q, k and v) off the mask with `values` None, as what is left of them is the checkpoint's
own, and whole columns of the down (or output) projection off the mask with the refitted values of
the others. It answers as the smaller model does that is written to disk.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pruning.errors import AtlasError
from pruning.machine.storage import atomic_json, atomic_write
from pruning.masks.mask import Mask
from pruning.masks.surgery import temporary_matrices
from pruning.models.loading import LoadedModel
from pruning.specs import WeightKey

MADE = "made.json"  # in the folder of a sub-model once all of its layers are there
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class MadeWeight:
    """What becomes of one weight matrix.

    values: the kept values, row after row, in the checkpoint's dtype: (mask.count(),) on the CPU;
    None: they are the checkpoint's own.
    """

    mask: Mask
    values: Tensor | None = None

    def __post_init__(self) -> None:
        if self.values is not None and self.values.shape != (self.mask.count(),):
            raise ValueError(
                f"{tuple(self.values.shape)} values do not fill a mask of {self.mask.count()}."
            )

    @classmethod
    def of(cls, values: Tensor, kept: Tensor, dtype: torch.dtype) -> MadeWeight:
        """From a solved matrix and its mask, both (out, in); AtlasError where a value overflows."""
        chosen = values[kept].to(dtype).cpu()
        if not bool(torch.isfinite(chosen).all()):
            raise AtlasError(
                f"A refitted weight is not a finite number in {str(dtype).removeprefix('torch.')}; "
                "choose more text, or a checkpoint in bfloat16 or float32."
            )
        return cls(mask=Mask.pack(kept), values=chosen)

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> MadeWeight:
        """The weight as it is in the checkpoint."""
        return cls(mask=Mask.pack(np.ones(shape, dtype=bool)))

    def write(self, matrix: Tensor) -> Tensor:
        """Change a dense matrix (out, in) in place, in its own dtype; returns what is kept of it."""
        kept = torch.from_numpy(self.mask.unpack()).to(matrix.device)
        with torch.no_grad():
            matrix.masked_fill_(~kept, 0)
            if self.values is not None:
                matrix[kept] = self.values.to(matrix.device, matrix.dtype)
        return kept

    def matrix(self, dense: Tensor) -> Tensor:
        """The matrix (out, in) in the dtype and on the device of the dense one, which stays."""
        changed = dense.detach().clone()
        self.write(changed)
        return changed


class MadeSubmodel(Mapping[WeightKey, MadeWeight]):
    """A sub-model on disk; one weight is read at a time.

    kept: how many values of each weight are kept. repaired: the weights that have values of their
    own. errors: decoder layer -> the relative error of its output (see `collecting.distance`). seconds:
    what it took to make. details: what else was said when it was made, plain data.
    """

    def __init__(self, folder: Path) -> None:
        """AtlasError for a folder that is not complete, is damaged, or of a newer version."""
        self.folder = folder
        try:
            record = json.loads((folder / MADE).read_text(encoding="utf-8"))
            if record["schema"] > SCHEMA:
                raise AtlasError(
                    f"{folder / MADE} was written by a newer version; update Submodel Atlas."
                )
            self.errors = {int(layer): float(e) for layer, e in record["errors"].items()}
            self.seconds = float(record["seconds"])
            self.details: dict[str, object] = record["details"]
            counts = {WeightKey.parse(text): n for text, n in record["kept"].items()}
            self.kept: dict[WeightKey, int] = counts
            self.repaired = frozenset(WeightKey.parse(text) for text in record["repaired"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AtlasError(
                f"{folder} is damaged ({error}); delete it to make it again."
            ) from error

    def __getitem__(self, key: WeightKey) -> MadeWeight:
        return read_layer(self.folder, key.layer, [key])[key]

    def __iter__(self) -> Iterator[WeightKey]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)


def layer_file(folder: Path, layer: int) -> Path:
    """Where one decoder layer's weights are."""
    return folder / f"layer-{layer}.safetensors"


def write_layer(
    folder: Path, layer: int, weights: Mapping[WeightKey, MadeWeight], error: float
) -> None:
    """Keep one decoder layer, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for key, made in weights.items():
        rows, columns = made.mask.shape
        octets = made.mask.words.astype("<u8", copy=False).view(np.uint8)[:, : (columns + 7) // 8]
        tensors[f"{key}/mask"] = torch.from_numpy(np.ascontiguousarray(octets))
        tensors[f"{key}/shape"] = torch.tensor([rows, columns])
        if made.values is not None:
            tensors[f"{key}/values"] = made.values.contiguous()
    facts = {
        "error": repr(error),
        "kept": json.dumps({str(key): made.mask.count() for key, made in weights.items()}),
        "repaired": json.dumps([str(k) for k, made in weights.items() if made.values is not None]),
    }
    atomic_write(layer_file(folder, layer), lambda path: save_file(tensors, path, facts))


def read_layer(
    folder: Path, layer: int, keys: list[WeightKey] | None = None
) -> dict[WeightKey, MadeWeight]:
    """What `write_layer` kept; keys None: all. AtlasError where it is missing or damaged."""
    path = layer_file(folder, layer)
    try:
        with safe_open(path, framework="pt") as file:
            stored = set(file.keys())
            if keys is None:
                keys = [WeightKey.parse(n[:-6]) for n in sorted(stored) if n.endswith("/shape")]
            return {
                key: MadeWeight(
                    mask=_unpacked(
                        file.get_tensor(f"{key}/mask").numpy(), file.get_tensor(f"{key}/shape")
                    ),
                    values=file.get_tensor(f"{key}/values") if f"{key}/values" in stored else None,
                )
                for key in keys
            }
    except (OSError, SafetensorError, ValueError) as error:
        raise AtlasError(
            f"{path} is damaged ({error}); delete its folder to make it again."
        ) from error


def _facts(folder: Path, layer: int) -> dict[str, str]:
    with safe_open(layer_file(folder, layer), framework="pt") as file:
        facts: dict[str, str] = file.metadata()
        return facts


def _unpacked(octets: np.ndarray, shape: Tensor) -> Mask:
    rows, columns = (int(size) for size in shape)
    spare = -octets.shape[1] % 8
    words = np.ascontiguousarray(np.pad(octets, ((0, 0), (0, spare)))).view("<u8")
    return Mask(shape=(rows, columns), words=words.astype(np.uint64, copy=False))


def finish(
    folder: Path, keys: Sequence[WeightKey], seconds: float, details: Mapping[str, object]
) -> MadeSubmodel:
    """Say that every layer of these weights is there; the finished sub-model."""
    facts = {layer: _facts(folder, layer) for layer in sorted({key.layer for key in keys})}
    kept: dict[str, int] = {}
    repaired: list[str] = []
    for each in facts.values():
        kept |= json.loads(each["kept"])
        repaired += json.loads(each["repaired"])
    atomic_json(
        folder / MADE,
        {
            "schema": SCHEMA,
            "kept": {str(key): kept[str(key)] for key in keys},
            "repaired": repaired,
            "errors": {str(layer): float(each["error"]) for layer, each in facts.items()},
            "seconds": seconds,
            "details": dict(details),
        },
    )
    return MadeSubmodel(folder)


@contextlib.contextmanager
def temporary_submodel(loaded: LoadedModel, made: Mapping[WeightKey, MadeWeight]) -> Iterator[None]:
    """Inside the block, the model is this sub-model; it is as it was on any exit.

    As with `surgery.temporary_masks`, all of its weights have to be in memory, or those of `made`
    belong to one layer that is resident.
    """
    matrices = {key: each.matrix(loaded.matrix(key)) for key, each in made.items()}
    with temporary_matrices(loaded, matrices):
        yield
