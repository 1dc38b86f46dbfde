"""A mask of one weight matrix: packed bits, True = kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Which weights of an (out, in) matrix are kept, one bit each.

    words: uint64 (out, ceil(in / 64)); input j is bit j % 64 of word j // 64; spare bits are 0.
    """

    shape: tuple[int, int]
    words: NDArray[np.uint64]

    @classmethod
    def pack(cls, kept: Tensor | NDArray[np.bool_]) -> Mask:
        """Pack booleans (out, in)."""
        array = kept.cpu().numpy() if isinstance(kept, Tensor) else kept
        rows, columns = array.shape
        packed = np.packbits(array, axis=1, bitorder="little")
        spare = -packed.shape[1] % 8
        if spare:
            packed = np.pad(packed, ((0, 0), (0, spare)))
        words = np.ascontiguousarray(packed).view("<u8").astype(np.uint64, copy=False)
        return cls(shape=(rows, columns), words=words)

    @classmethod
    def stack(cls, parts: Sequence[Mask]) -> Mask:
        """The mask of a matrix from those of its rows, in order."""
        words = np.concatenate([part.words for part in parts])
        return cls(shape=(len(words), parts[0].shape[1]), words=words)

    def unpack(self) -> NDArray[np.bool_]:
        """The booleans (out, in) again."""
        octets = self.words.astype("<u8", copy=False).view(np.uint8)
        bits = np.unpackbits(octets, axis=1, count=self.shape[1], bitorder="little")
        return bits.view(np.bool_)

    def count(self) -> int:
        """Weights kept."""
        return int(np.bitwise_count(self.words).sum(dtype=np.int64))

    def both(self, other: Mask) -> int:
        """Weights kept by this mask and by the other."""
        return int(np.bitwise_count(self.words & other.words).sum(dtype=np.int64))
