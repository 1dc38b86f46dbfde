"""What of a mask fits on a screen: block densities, differences, profiles, single weights.

A browser cannot draw the millions of cells of a real matrix, so a view counts kept weights in at
most 256 x 256 blocks; a window onto fewer rows and columns than that shows single weights. Counts
are exact integers; shares are made last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pruning.errors import InputError
from pruning.masks.mask import Mask

LIMIT = 256

Edges = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A rectangle of a weight matrix: rows [first_row, last_row), columns likewise."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.last_row - self.first_row, self.last_column - self.first_column

    @classmethod
    def whole(cls, shape: tuple[int, int]) -> Window:
        """The window that shows everything of an (out, in) matrix."""
        return cls(first_row=0, last_row=shape[0], first_column=0, last_column=shape[1])

    @classmethod
    def around(cls, row: int, column: int, size: int, shape: tuple[int, int]) -> Window:
        """At most `size` rows and columns centred on a weight, moved to stay inside the matrix."""
        if not (0 <= row < shape[0] and 0 <= column < shape[1]):
            raise InputError(
                f"Row {row}, column {column} lies outside the matrix of {shape[0]} rows "
                f"and {shape[1]} columns; both are numbered from 0."
            )
        rows, columns = min(size, shape[0]), min(size, shape[1])
        first_row = min(max(row - rows // 2, 0), shape[0] - rows)
        first_column = min(max(column - columns // 2, 0), shape[1] - columns)
        return cls(
            first_row=first_row,
            last_row=first_row + rows,
            first_column=first_column,
            last_column=first_column + columns,
        )


@dataclass(frozen=True, kw_only=True)
class BlockView:
    """Counts over a grid of blocks.

    count: int64 (R, C), the counted weights in each block. size: int64 (R, C), all its weights.
    row_edges int64 (R + 1,) and column_edges int64 (C + 1,): where blocks start, in the matrix's
    own numbering; the last edge is the end.
    """

    count: NDArray[np.int64]
    size: NDArray[np.int64]
    row_edges: Edges
    column_edges: Edges

    @property
    def share(self) -> NDArray[np.float64]:
        """count / size, (R, C), between -1 and 1 for a difference and 0 and 1 otherwise."""
        return self.count / self.size

    @property
    def is_single_weights(self) -> bool:
        """Whether every block is one weight."""
        return bool(self.size.max() == 1)

    def table(self, value: str = "kept") -> dict[str, list[float]]:
        """One row a block, as columns: its first and last row and column, count, size, share."""
        rows, columns = self.count.shape
        return {
            "first_row": np.repeat(self.row_edges[:-1], columns).tolist(),
            "last_row": np.repeat(self.row_edges[1:] - 1, columns).tolist(),
            "first_column": np.tile(self.column_edges[:-1], rows).tolist(),
            "last_column": np.tile(self.column_edges[1:] - 1, rows).tolist(),
            value: self.count.ravel().tolist(),
            "weights": self.size.ravel().tolist(),
            f"{value}_share": self.share.ravel().tolist(),
        }


def edges(first: int, last: int, limit: int = LIMIT) -> Edges:
    """Cut [first, last) into at most `limit` blocks whose lengths differ by at most one."""
    blocks = min(limit, last - first)
    return first + (np.arange(blocks + 1, dtype=np.int64) * (last - first)) // blocks


def block_view(mask: Mask, window: Window | None = None, limit: int = LIMIT) -> BlockView:
    """Kept weights counted in at most limit x limit blocks of the window."""
    window = window or Window.whole(mask.shape)
    if 0 in window.shape:
        raise InputError("The chosen window holds no weight; choose at least one row and column.")
    row_edges = edges(window.first_row, window.last_row, limit)
    column_edges = edges(window.first_column, window.last_column, limit)
    by_row = _kept_by_column(mask, row_edges)[:, window.first_column : window.last_column]
    starts = column_edges[:-1] - window.first_column
    count = np.add.reduceat(by_row, starts, axis=1, dtype=np.int64)  # (R, C)
    size = np.diff(row_edges)[:, None] * np.diff(column_edges)[None, :]
    return BlockView(count=count, size=size, row_edges=row_edges, column_edges=column_edges)


def only_in(a: Mask, b: Mask, window: Window | None = None, limit: int = LIMIT) -> BlockView:
    """Weights kept by `a` and pruned by `b`, counted in blocks."""
    _check_shapes(a, b)
    return block_view(Mask(shape=a.shape, words=a.words & ~b.words), window, limit)


def disagreement(a: Mask, b: Mask, window: Window | None = None, limit: int = LIMIT) -> BlockView:
    """Weights that exactly one of the two masks keeps, counted in blocks."""
    _check_shapes(a, b)
    return block_view(Mask(shape=a.shape, words=a.words ^ b.words), window, limit)


def difference(a: Mask, b: Mask, window: Window | None = None, limit: int = LIMIT) -> BlockView:
    """Signed: weights that only `a` keeps minus weights that only `b` keeps, in blocks.

    Opposite choices inside one block cancel here; `disagreement` counts them both.
    """
    _check_shapes(a, b)
    left, right = block_view(a, window, limit), block_view(b, window, limit)
    return replace(left, count=left.count - right.count)


def channel_profile(mask: Mask) -> NDArray[np.float64]:
    """Share of each input channel's weights that is kept, (in,)."""
    rows = mask.shape[0]
    return _kept_by_column(mask, edges(0, rows)).sum(axis=0, dtype=np.int64) / rows


def row_profile(mask: Mask) -> NDArray[np.float64]:
    """Share of each output row's weights that is kept, (out,)."""
    return np.bitwise_count(mask.words).sum(axis=1, dtype=np.int64) / mask.shape[1]


def thin(values: NDArray[np.float64], limit: int = 1024) -> tuple[Edges, NDArray[np.float64]]:
    """Means of at most `limit` runs of neighbours: (edges (n + 1,), means (n,))."""
    cuts = edges(0, len(values), limit)
    return cuts, np.add.reduceat(values, cuts[:-1]) / np.diff(cuts)


def _check_shapes(a: Mask, b: Mask) -> None:
    if a.shape != b.shape:
        raise InputError("The two masks have different shapes and cannot be compared.")


def _kept_by_column(mask: Mask, row_edges: Edges) -> NDArray[np.unsignedinteger]:
    """Kept weights of every run of rows (R) in every column, (R, in).

    A run is unpacked and added at a time, in the smallest integers that hold its length: that
    stays in the cache, while the booleans of a whole matrix would not.
    """
    runs = [
        Mask(shape=(end - start, mask.shape[1]), words=mask.words[start:end])
        for start, end in pairwise(row_edges.tolist())
    ]
    smallest = np.min_scalar_type(max(run.shape[0] for run in runs))
    return np.stack([run.unpack().view(np.uint8).sum(axis=0, dtype=smallest) for run in runs])
