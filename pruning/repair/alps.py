"""ALPS: mask and values together, by splitting "fits the text" from "has so many zeros".

(Meng et al. 2024, arXiv 2406.07831, algorithm 1.) The alternating direction method of multipliers
seeks U that fits and D that is sparse, and draws them together by a penalty that grows as the mask
settles; then what D keeps is refitted.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pruning.masks.selecting import keep_highest
from pruning.repair.least_squares import LeastSquares
from pruning.repair.refit import refit
from pruning.specs import PruneSpec

STEPS = 45
UPDATE_EVERY = 3  # steps, after which the penalty grows by how much of the mask has changed
PENALTY = 0.1  # of the first steps, where the matrix has a diagonal of ones
GROWTH = ((0.1, 1.3), (0.005, 1.2), (0.0, 1.1))  # share of kept weights that changed -> factor


@torch.no_grad()
def alps(problem: LeastSquares, parts: Sequence[tuple[int, PruneSpec]]) -> tuple[Tensor, Tensor]:
    """(values, kept) of the weights that read one input: float32 and bool (rows, channels).

    parts: rows, and how they are pruned, of every weight in turn. In each step

        U = (H + p I)^-1 (B - V + p D);  D = the largest of U + V / p;  V = V + p (U - D)

    with H the problem's matrix and B its right-hand side; the penalty p is one for all of them.
    """
    sparse, dual = problem.start.clone(), torch.zeros_like(problem.start)
    kept = checked = largest(sparse, parts)
    penalty, inverse = PENALTY, _inverse(problem.matrix, PENALTY)
    for step in range(1, STEPS + 1):
        fitted = torch.add(problem.right, sparse, alpha=penalty).sub_(dual) @ inverse
        torch.add(fitted, dual, alpha=1 / penalty, out=sparse)
        kept = largest(sparse, parts)
        sparse.mul_(kept)
        dual.add_(fitted.sub_(sparse), alpha=penalty)
        if step % UPDATE_EVERY:
            continue
        changed = int((kept != checked).sum()) / int(checked.sum())
        if not changed:
            break
        checked = kept
        penalty *= next(factor for share, factor in GROWTH if changed > share)
        inverse = _inverse(problem.matrix, penalty)
    return refit(problem, kept, sparse), kept


def largest(values: Tensor, parts: Sequence[tuple[int, PruneSpec]]) -> Tensor:
    """Which values (rows, channels) are kept where each weight keeps its largest: bool."""
    sizes = [rows for rows, _ in parts]
    return torch.cat(
        [
            keep_highest(of_weight.abs(), prune)
            for of_weight, (_, prune) in zip(values.split(sizes), parts, strict=True)
        ]
    )


def _inverse(matrix: Tensor, penalty: float) -> Tensor:
    """(H + p I)^-1: (channels, channels)."""
    shifted = matrix.clone()
    shifted.diagonal().add_(penalty)
    return torch.cholesky_inverse(torch.linalg.cholesky(shifted))
