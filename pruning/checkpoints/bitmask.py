"""The sparse-bitmask layout: a pruned matrix as one bit for each value, and the kept values.

The layout is that of the compressed-tensors library (releases 0.3 to 0.14). A matrix
`X.weight` of (rows, columns) becomes four tensors:

- `X.shape`: int64 (2,), its shape;
- `X.bitmask`: uint8 (rows, ceil(columns / 8)); value j is bit j % 8 of byte j // 8;
- `X.compressed`: its kept values in order, in its own dtype;
- `X.row_offsets`: (rows,), where each row begins in them. int32 instead of that library's int64,
  which would cost a narrow matrix 1.5% of its size; no reader computes with it.

A value whose bits are all zero is left out; everything else, -0.0 and NaN included, is stored
with its own bits, so that restoring gives the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pruning.checkpoints.shards import StoredTensor
from pruning.errors import AtlasError

PARTS = ("shape", "row_offsets", "compressed", "bitmask")
_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True, kw_only=True)
class BitmaskMatrix:
    """One matrix (rows, columns) in this layout; `PARTS` are its arrays.

    shape: (2,). row_offsets: (rows,), where a row's values begin. compressed: (values,), their
    bits as integers. bitmask: (rows, ceil(columns / 8)).
    """

    shape: NDArray[np.int64]
    row_offsets: NDArray[np.int32] | NDArray[np.int64]
    compressed: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.int64]
    bitmask: NDArray[np.uint8]


def part_names(name: str) -> dict[str, str]:
    """Part -> the name it is stored under: "a.b.weight" -> {"bitmask": "a.b.bitmask", ...}."""
    stem = name.removesuffix(".weight")
    return {part: f"{stem}.{part}" for part in PARTS}


def stored_values(matrix: torch.Tensor) -> int:
    """How many values of the matrix (rows, columns) have a bit that is not zero."""
    return int(_bits(matrix).count_nonzero())


def part_shapes(tensor: StoredTensor, values: int) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Part -> (dtype code, shape, bytes), for a matrix of which `values` are stored."""
    rows, columns = tensor.shape
    packed = (columns + 7) // 8
    offsets, offset_bytes = ("I32", 4) if tensor.count < 2**31 else ("I64", 8)
    width = tensor.bytes // tensor.count
    return {
        "shape": ("I64", (2,), 16),
        "row_offsets": (offsets, (rows,), rows * offset_bytes),
        "compressed": (tensor.dtype, (values,), values * width),
        "bitmask": ("U8", (rows, packed), rows * packed),
    }


def compressed_matrix_bytes(tensor: StoredTensor, values: int) -> int:
    """The size of a matrix in this layout, of which `values` are stored."""
    return sum(size for _, _, size in part_shapes(tensor, values).values())


def compress(matrix: torch.Tensor) -> BitmaskMatrix:
    """A floating point matrix (rows, columns) in this layout."""
    bits = _bits(matrix).numpy()
    stored = bits != 0
    counts = stored.sum(axis=1, dtype=np.int64)
    offsets = np.cumsum(counts) - counts
    return BitmaskMatrix(
        shape=np.array(bits.shape, dtype=np.int64),
        row_offsets=offsets.astype(np.int32 if bits.size < 2**31 else np.int64),
        compressed=bits[stored],
        bitmask=np.packbits(stored, axis=1, bitorder="little"),
    )


def restore(matrix: BitmaskMatrix, name: str) -> NDArray:
    """The bits of every value (rows, columns), as integers of the values' width.

    Raises AtlasError where the parts do not fit each other.
    """
    rows, columns = (int(size) for size in matrix.shape)
    packed = math.ceil(columns / 8)
    if matrix.bitmask.shape != (rows, packed):
        raise AtlasError(f"{name} is damaged: its bit mask does not have the shape it says.")
    stored = np.unpackbits(matrix.bitmask, axis=1, count=columns, bitorder="little").view(np.bool_)
    if int(stored.sum(dtype=np.int64)) != len(matrix.compressed):
        raise AtlasError(f"{name} is damaged: its bit mask counts other values than are stored.")
    values = np.zeros((rows, columns), dtype=matrix.compressed.dtype)
    values[stored] = matrix.compressed
    return values


def _bits(matrix: torch.Tensor) -> torch.Tensor:
    return matrix.contiguous().view(_BITS[matrix.element_size()])
