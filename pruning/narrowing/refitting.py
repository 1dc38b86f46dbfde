"""What is left of a projection, fitted to the dense model's output by least squares.

All rows keep the same columns, so one factorisation gives all of them exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pruning.errors import AtlasError
from pruning.repair.second_moments import SecondMoments

RIDGE = 0.01  # of the mean of the second moments' diagonal
EXACT = 4096  # up to so many inputs in float64; the memory grows with their square


def working_precision(moments: SecondMoments) -> tuple[Tensor, Tensor, float]:
    """The sums x' x'^T and x x'^T, (in, in), in the precision they are solved in; and the ridge."""
    dtype = torch.float64 if moments.channels <= EXACT else torch.float32
    own = moments.gram.to(dtype)
    cross = own if moments.cross is None else moments.cross.to(dtype)
    return own, cross, RIDGE * float(own.diagonal().mean())


def refit(matrix: Tensor, kept: Tensor, moments: SecondMoments) -> Tensor:
    """The values of the kept columns that give the dense output best: (out, kept).

    The minimiser over V of the sum over tokens of |W x - V x'_kept|^2, plus the ridge times
    |V - W_kept|^2: V = (W C_kept + ridge W_kept) (G_kk + ridge)^-1, with G the sum of x' x'^T and C
    that of x x'^T, where x is the dense model's input and x' that of the narrowed one.

    matrix: W (out, in). kept: (kept,) int64, the columns that stay.
    """
    own, cross, ridge = working_precision(moments)
    weights = matrix.to(own)
    gram = own[kept][:, kept]
    gram.diagonal().add_(ridge)
    factor, failed = torch.linalg.cholesky_ex(gram)
    if bool(failed):
        raise AtlasError(
            "The inputs of a projection that is to be refitted are zero throughout, or far too "
            "alike; calibrate on more text."
        )
    target = weights @ cross[:, kept] + ridge * weights[:, kept]
    return torch.cholesky_solve(target.T, factor).T
