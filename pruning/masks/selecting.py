"""From scores to masks: which weights are kept, exactly how many, and bits to hold them.

True = kept, everywhere. Among equal scores the lower input index is pruned first, as a stable
ascending sort would do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pruning.errors import AtlasError, InputError
from pruning.specs import PruneSpec

INFINITY = 0x7F800000  # its bits in float32; those of NaN are above
SHORT = 16  # rows of up to so many are sorted all at the same time, column against column


def pruned_per_group(shape: tuple[int, int], spec: PruneSpec) -> tuple[int, int]:
    """(groups, pruned in each): what `kept` prunes of an (out, in) matrix, from its shape alone.

    Raises InputError where an n:m pattern does not divide a row.
    """
    rows, columns = shape
    if spec.block is not None:
        keep, block = spec.block
        if columns % block:
            raise InputError(
                f"The pattern {spec.pattern} needs rows of a multiple of {block} inputs; "
                f"this matrix has {columns}. Choose another pattern or leave this projection out."
            )
        return rows * (columns // block), block - keep
    if spec.comparison_group == "matrix":
        return 1, spec.pruned_of(rows * columns)
    return rows, spec.pruned_of(columns)


def keep_highest(scores: Tensor, spec: PruneSpec) -> Tensor:
    """The mask of a score matrix: bool (out, in), True = kept.

    Per comparison group exactly floor(size * sparsity) weights are pruned, those with the lowest
    scores; with an n:m pattern, m - n of every m consecutive inputs of a row.
    """
    rows, columns = scores.shape
    groups, pruned = pruned_per_group((rows, columns), spec)
    return all_but_lowest(scores.reshape(groups, -1), pruned).reshape(rows, columns)


def all_but_lowest(scores: Tensor, count: int) -> Tensor:
    """False at the `count` lowest of each row (groups, n); AtlasError if one is not finite."""
    return _all_but_lowest(_comparable(scores), count)


def _comparable(scores: Tensor) -> Tensor:
    """Numbers in the same order; AtlasError if a score is not finite.

    The bits of floating-point numbers that are not negative, read as integers, have their order,
    and are faster to select from, as no integer is NaN.
    """
    if scores.dtype == torch.float32:
        bits = scores.contiguous().view(torch.int32)
        low, high = _ends(bits)
        if low >= 0 and high < INFINITY:
            return bits
    if not all(math.isfinite(end) for end in _ends(scores)):
        raise AtlasError(
            "A score is not a finite number: a weight or an activation overflowed. Calibrate in "
            "float32, or check the model's weights."
        )
    return scores


def _ends(values: Tensor) -> tuple[float, float]:
    """The lowest and the highest; NaN if one is NaN."""
    if values.device.type == "cpu":  # numpy stays on one thread, as callers share rows out
        return values.numpy().min().item(), values.numpy().max().item()
    low, high = values.aminmax()
    return low.item(), high.item()


def _all_but_lowest(scores: Tensor, count: int) -> Tensor:
    """False at the `count` lowest of each row (rows, n), ties to the lower index."""
    rows, columns = scores.shape
    if count == 0:
        return torch.ones_like(scores, dtype=torch.bool)
    threshold, kept = _above(scores, count)
    if _count_true(kept) == rows * (columns - count):  # no row keeps more, so each keeps as many
        return kept
    more = columns - count - _count_true(kept, 1)  # to be kept of what equals the threshold
    short = torch.nonzero(more).flatten()
    equal = scores.index_select(0, short) == threshold[short]
    row, column = torch.nonzero(equal, as_tuple=True)
    number = torch.arange(len(row), device=row.device)
    behind = torch.bincount(row, minlength=len(short)).cumsum(0)[row] - number
    late = behind <= more[short][row]  # the last of them, as the lower index is pruned first
    kept[short[row[late]], column[late]] = True
    return kept


def _above(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count`-th lowest value of each row (rows, 1), and what is above it (rows, n)."""
    if scores.device.type == "cpu":  # numpy selects several times as fast as torch there
        values = scores.numpy()
        limit = _lowest_on_cpu(values, count)
        return torch.from_numpy(limit), torch.from_numpy(values > limit)
    columns = scores.shape[1]
    rest = columns - count + 1  # counted from above; select on the shorter side
    if columns <= SHORT:
        threshold = _lowest_of_short(scores.unbind(1), count, torch.minimum, torch.maximum)[:, None]
    elif count < rest:
        threshold = scores.topk(count, dim=1, largest=False, sorted=False).values.amax(1, True)
    else:
        threshold = scores.topk(rest, dim=1, largest=True, sorted=False).values.amin(1, True)
    return threshold, scores > threshold


def _lowest_on_cpu(values: NDArray, count: int) -> NDArray:
    """The `count`-th lowest value of each row: (rows, 1)."""
    if values.shape[1] <= SHORT:
        columns = list(np.ascontiguousarray(values.T))
        return _lowest_of_short(columns, count, np.minimum, np.maximum)[:, None]
    return np.partition(values, count - 1, axis=1)[:, count - 1 : count].copy()


def _lowest_of_short(
    columns: Sequence[Any], count: int, lower: Callable[..., Any], higher: Callable[..., Any]
) -> Any:
    """The `count`-th lowest of very many very short rows, by sorting their columns into order."""
    columns = list(columns)
    for low, high, takes_low, takes_high in _steps_to(count, len(columns)):
        one, other = columns[low], columns[high]
        if takes_low:
            columns[low] = lower(one, other)
        if takes_high:
            columns[high] = higher(one, other)
    return columns[count - 1]


@cache
def _steps_to(count: int, size: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """Pairs of places to put in order, and whether the lower and the higher number is wanted.

    Of Batcher's merge exchange (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M) what
    the `count`-th lowest of `size` depends on. Asked for every few rows, so it is kept.
    """
    wanted, steps = {count - 1}, []
    for low, high in reversed(list(_exchanges(size))):
        if low in wanted or high in wanted:
            steps.append((low, high, low in wanted, high in wanted))
            wanted |= {low, high}
    return tuple(reversed(steps))


def _exchanges(size: int) -> Iterator[tuple[int, int]]:
    """Pairs of places, to be put in order one after another, which sorts `size` numbers."""
    top = 1 << max(0, size - 1).bit_length() >> 1
    step = top
    while step:
        limit, offset, distance = top, 0, step
        while True:
            yield from (
                (low, low + distance) for low in range(size - distance) if low & step == offset
            )
            if limit == step:
                break
            limit, offset, distance = limit >> 1, step, limit - step
        step >>= 1


def _count_true(chosen: Tensor, dim: int | None = None) -> Tensor:
    """Of all, or along a dimension."""
    if chosen.device.type == "cpu":  # numpy counts booleans ten times as fast as torch adds them
        return torch.as_tensor(np.count_nonzero(chosen.numpy(), axis=dim))
    return chosen.sum(dim)
