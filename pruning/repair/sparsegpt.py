"""SparseGPT: masks and values column by column, each error passed on to the columns after it.

(Frantar and Alistarh 2023, arXiv 2301.00774, algorithm 1.) The target is what the layer's own
weights give on the sub-model's vectors, as in the paper; the ridge is the paper's dampening.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pruning.masks.selecting import all_but_lowest
from pruning.repair.least_squares import ridge_of
from pruning.repair.second_moments import SecondMoments
from pruning.specs import PruneSpec

BLOCK = 128  # columns between two updates of all that follow; the paper's B and B_s


@torch.no_grad()
def inverse_factor(moments: SecondMoments) -> Tensor:
    """The upper Cholesky factor of (G + ridge I)^-1: (channels, channels) float32.

    Its row j, from the diagonal on, is that of the inverse of what is left when the channels before j
    are gone, over the root of its first entry: all inverses that the algorithm needs. The moments
    are used up.
    """
    gram = moments.gram
    gram.diagonal().add_(ridge_of(moments))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    return torch.linalg.cholesky(inverse, upper=True)


@torch.no_grad()
def sparsegpt(weight: Tensor, factor: Tensor, prune: PruneSpec) -> tuple[Tensor, Tensor]:
    """(values, kept) of one weight (rows, channels): float32 and bool, values zero off the mask.

    factor: of `inverse_factor`. Of every BLOCK columns the share that `prune` says is pruned, by
    w^2 / [H^-1]_jj: of each row, or of the block as a whole, as in the paper, where the comparison
    group is the matrix; of an n:m pattern m - n of every m columns, when the first of them comes.
    """
    columns = weight.shape[1]
    values, kept = weight.float().T.contiguous(), torch.ones_like(weight.T, dtype=torch.bool)
    for first in range(0, columns, BLOCK):
        last = min(first + BLOCK, columns)
        block, of_block = values[first:last], factor[first:last, first:last]
        errors = torch.empty_like(block)  # (columns of the block, rows)
        keep = kept[first:last]
        if prune.block is None:
            keep.copy_(_kept_of_block(block, of_block, prune, first))
        for column in range(last - first):
            if prune.block is not None and column % prune.block[1] == 0:
                part = slice(column, column + prune.block[1])
                keep[part] = _kept_of_pattern(block[part], of_block.diagonal()[part], prune)
            old = block[column]
            errors[column] = old.masked_fill(keep[column], 0) / of_block[column, column]
            block[column:].addr_(of_block[column, column:], errors[column], alpha=-1)
        values[last:].addmm_(factor[first:last, last:].T, errors, alpha=-1)
    return values.mul_(kept).T.contiguous(), kept.T.contiguous()


def _kept_of_block(block: Tensor, factor: Tensor, prune: PruneSpec, first: int) -> Tensor:
    """What a block (columns, rows) keeps, so that the counts of all blocks add up to the whole's."""
    columns, rows = block.shape
    scores = (block / factor.diagonal()[:, None]).square().T
    size = rows if prune.comparison_group == "matrix" else 1
    pruned = prune.pruned_of(size * (first + columns)) - prune.pruned_of(size * first)
    groups = 1 if prune.comparison_group == "matrix" else rows
    return all_but_lowest(scores.reshape(groups, -1), pruned).reshape(rows, columns).T


def _kept_of_pattern(block: Tensor, diagonal: Tensor, prune: PruneSpec) -> Tensor:
    keep, of = prune.block or (1, 1)
    scores = (block / diagonal[:, None]).square().T.contiguous()
    return all_but_lowest(scores, of - keep).T
