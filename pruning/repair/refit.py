"""Kept weights refitted by least squares, towards what the dense layer gives.

Every row has a mask and so a system of equations of its own; conjugate gradients solve all of them at
the same time, and one step is one product of matrices.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pruning.repair.least_squares import LeastSquares

STEPS = 40
TOLERANCE = 1e-4  # of the residual's norm, against that of the right-hand side, in the mean of rows
ROWS = 2**24  # numbers of a matrix that are solved for at a time


@torch.no_grad()
def refit(problem: LeastSquares, kept: Tensor, start: Tensor | None = None) -> Tensor:
    """The weights that minimise the problem's objective, zero where `kept` is not.

    kept: bool (rows, channels). start: a solution to begin with, in scaled channels; None: the
    problem's own weights. Returns float32 (rows, channels). Jacobi-preconditioned conjugate
    gradients (Hestenes and Stiefel 1952), as in ALPS (Meng et al. 2024, arXiv 2406.07831,
    algorithm 2): in scaled channels the preconditioner is the identity.
    """
    begin = problem.start if start is None else start
    solved = torch.empty_like(begin)
    step = max(1, ROWS // begin.shape[1])
    for first in range(0, len(begin), step):
        rows = slice(first, first + step)
        solved[rows] = _conjugate_gradients(
            problem.matrix, problem.right[rows], kept[rows], begin[rows]
        )
    return solved.mul_(problem.scale)


def _conjugate_gradients(matrix: Tensor, right: Tensor, kept: Tensor, start: Tensor) -> Tensor:
    """Solve u A = b in the kept entries of every row at once: (rows, channels)."""
    solution = start * kept
    residual = (right - solution @ matrix).mul_(kept)
    direction = residual.clone()
    squared = residual.square().sum(1, keepdim=True)
    goal = TOLERANCE**2 * (right * kept).square().sum()
    smallest = torch.finfo(torch.float32).tiny
    for _ in range(STEPS):
        if bool(squared.sum() <= goal):
            break
        image = (direction @ matrix).mul_(kept)
        curvature = (direction * image).sum(1, keepdim=True)
        length = squared / curvature.clamp_min(smallest)
        solution.addcmul_(direction, length)
        residual.addcmul_(image, length, value=-1)
        before, squared = squared, residual.square().sum(1, keepdim=True)
        direction.mul_(squared / before.clamp_min(smallest)).add_(residual)
    return solution
