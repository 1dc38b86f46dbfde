"""The least-squares problem of a layer input, in channels scaled so that all solvers converge.

A row w of a weight becomes the v that minimises

    ||w X - v X'||^2 + ridge * ||v - w||^2        over v with v_j = 0 where the mask says so.

X are the dense model's vectors and X' the sub-model's, (channels, tokens); with G = X' X'^T and
C = X X'^T that is, up to a constant, v (G + ridge I) v^T - 2 v (w C + ridge w)^T: all that is needed
of the text are the two sums. The ridge carries what few tokens leave open.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.repair.second_moments import SecondMoments

RIDGE = 0.01  # of the mean of G's diagonal; see METHODS.md for the table that it was chosen by


@dataclass(frozen=True, kw_only=True)
class LeastSquares:
    """The normal equations of some rows: v is sought, u = v / scale is what is solved for.

    matrix: (channels, channels) float32, (G + ridge I) scaled to a diagonal of ones, which is what
    Jacobi's preconditioner does. right: (rows, channels), (W C + ridge W) * scale. start: (rows,
    channels), W / scale. scale: (channels,).
    """

    matrix: Tensor
    right: Tensor
    start: Tensor
    scale: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, weight: Tensor, moments: SecondMoments, share: float = RIDGE) -> LeastSquares:
        """The problem of the rows of `weight` (rows, channels), float32.

        The moments are used up: their gram becomes `matrix`, in its own memory. share: the ridge, as
        a share of the mean of the gram's diagonal.
        """
        diagonal, ridge = moments.gram.diagonal(), ridge_of(moments, share)
        right = weight @ (moments.gram if moments.cross is None else moments.cross)
        right.add_(weight * ridge)
        diagonal.add_(ridge)
        scale = diagonal.rsqrt()
        matrix = moments.gram.mul_(scale[:, None]).mul_(scale)
        moments.cross = None
        return cls(matrix=matrix, right=right.mul_(scale), start=weight / scale, scale=scale)

    def weights(self, solution: Tensor) -> Tensor:
        """The weights v of a solution u: (rows, channels)."""
        return solution * self.scale


def ridge_of(moments: SecondMoments, share: float = RIDGE) -> Tensor:
    """The ridge, as a share of the mean of the gram's diagonal.

    At least so much that a text of zeros passes: its rows then stay as they are.
    """
    smallest = torch.finfo(torch.float32).tiny ** 0.5
    return (share * moments.gram.diagonal().mean()).clamp_min(smallest)
