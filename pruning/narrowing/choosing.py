"""Which units of a part stay: by what they contribute, or by what the others cannot make up for.

A unit is a set of neighbouring input columns of one matrix W (out, in): one channel of a
down-projection, or all columns of an output projection that one group of heads writes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pruning.errors import AtlasError

DELAYED = 64  # removals whose effect on the large matrices is carried along and then added at once

Kept = NDArray[np.bool_]


def contributions(sum_sq: NDArray, matrix: Tensor, columns: int) -> NDArray:
    """What each unit contributes to the output: (units,), the sum of its columns' energies.

    sum_sq: (in,), sums of squared inputs. A column's energy is its input's times its own squared
    norm; inputs are taken to be uncorrelated, as Wanda does (arXiv 2306.11695).
    """
    energies = np.asarray(sum_sq) * matrix.double().square().sum(0).cpu().numpy()
    return np.asarray(energies.reshape(-1, columns).sum(1))


def keep_largest(scores: NDArray, left: int) -> Kept:
    """True for the `left` units with the highest scores; of equal ones the later stay."""
    kept = np.zeros(len(scores), dtype=bool)
    kept[np.argsort(scores, kind="stable")[len(scores) - left :]] = True
    return kept


def keep_greedily(matrix: Tensor, moment: Tensor, ridge: float, columns: int, left: int) -> Kept:
    """Remove one unit after the other, each time the one that is missed least; True = kept.

    What is missed is the squared error on the output that remains when all other columns make up
    for the unit as well as they can: for the columns S of a unit, trace(W_S (H^-1_SS)^-1 W_S^T),
    with H = moment + ridge. W and H^-1 are then those without the unit: the structured optimal
    brain surgeon of ZipLM (Kurtic et al. 2023, arXiv 2302.04089, equations 2 to 4).

    matrix: (out, in). moment: (in, in), the sum or mean of x x^T over tokens. left: units to keep.
    """
    identity = torch.eye(len(moment), dtype=moment.dtype, device=moment.device)
    factor, failed = torch.linalg.cholesky_ex(moment + ridge * identity)
    if bool(failed):
        raise AtlasError("The second moments of a layer's inputs are not positive definite.")
    inverse = torch.cholesky_inverse(factor)
    weights = matrix.to(moment)
    products = weights.T @ weights
    units = len(moment) // columns
    if columns == 1:
        return _channels(inverse, products, units - left)
    return _blocks(inverse, products, columns, units - left)


def _blocks(inverse: Tensor, products: Tensor, columns: int, removals: int) -> Kept:
    """As `keep_greedily`, for a few units of many columns. inverse: H^-1. products: W^T W."""
    kept = np.ones(len(inverse) // columns, dtype=bool)
    for _ in range(removals):
        losses = {
            int(unit): _block_loss(inverse, products, int(unit) * columns, columns)
            for unit in np.flatnonzero(kept)
        }
        unit = min(losses, key=lambda unit: losses[unit])
        kept[unit] = False
        here = slice(unit * columns, (unit + 1) * columns)
        spread = torch.linalg.solve(
            inverse[here, here], inverse[here]
        ).T  # what takes over: (in, S)
        inverse = inverse - spread @ inverse[here]
        own = products[here, here]
        moved = spread @ products[here]
        products = products - moved - moved.T + spread @ own @ spread.T
    return kept


def _block_loss(inverse: Tensor, products: Tensor, start: int, columns: int) -> float:
    here = slice(start, start + columns)
    return float(torch.linalg.solve(inverse[here, here], products[here, here]).trace())


def _channels(inverse: Tensor, products: Tensor, removals: int) -> Kept:
    """As `_blocks` for units of one column, of which there are thousands.

    Each removal changes both matrices by a few outer products. Only the diagonals are brought up to
    date at once; the outer products of `DELAYED` removals are added together, as one product of
    matrices, so that memory is passed over seldom.
    """
    size = len(inverse)
    kept = np.ones(size, dtype=bool)
    hessian, energy = inverse.diagonal().clone(), products.diagonal().clone()
    done = 0
    while done < removals:
        batch = min(DELAYED, removals - done)
        spread, column, half = (inverse.new_zeros(batch, size) for _ in range(3))
        for step in range(batch):
            before = slice(0, step)
            loss = (energy / hessian).clamp_(min=0)
            loss[torch.from_numpy(~kept).to(loss.device)] = math.inf
            unit = int(loss.argmin())
            kept[unit] = False
            row = inverse[unit] - spread[before, unit] @ column[before]
            product = (
                products[unit]
                - spread[before, unit] @ half[before]
                - half[before, unit] @ spread[before]
            )
            column[step], spread[step] = row, row / row[unit]
            half[step] = product - 0.5 * product[unit] * spread[step]
            hessian -= spread[step] * row
            energy -= 2 * spread[step] * half[step]
        inverse -= spread.T @ column
        both = spread.T @ half
        products -= both + both.T
        done += batch
    return kept
