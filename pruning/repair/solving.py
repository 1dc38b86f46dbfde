"""Which way of repair: from one input's sums to masks and values of the weights that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.checkpoints.weights import PrunableWeight
from pruning.masks.selecting import pruned_per_group
from pruning.repair.alps import alps
from pruning.repair.least_squares import RIDGE, LeastSquares
from pruning.repair.made import MadeWeight
from pruning.repair.refit import refit
from pruning.repair.second_moments import SecondMoments
from pruning.repair.sparsegpt import inverse_factor, sparsegpt
from pruning.specs import PruneSpec, WeightKey

# A weight, its matrix and its input's norms in the sub-model -> bool (out, in), True = kept.
KeptBehind = Callable[[PrunableWeight, Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Solver:
    """How weights are repaired.

    method: "refit", "sparsegpt" or "alps". prune_of: weight and its input's token count -> how it
    is pruned. kept_of: the mask that a refit keeps; the other methods find their own.
    ridge: a share of the mean of the gram's diagonal.
    """

    method: str
    prune_of: Callable[[PrunableWeight, int], PruneSpec]
    kept_of: KeptBehind | None = None
    ridge: float = RIDGE

    @property
    def paired(self) -> bool:
        """Whether the dense model's vectors are wanted beside the sub-model's."""
        return self.method != "sparsegpt"

    def solve(
        self,
        weights: Sequence[PrunableWeight],
        matrices: Mapping[WeightKey, Tensor],
        moments: SecondMoments,
    ) -> dict[WeightKey, MadeWeight]:
        """What becomes of the weights that read one input.

        matrices: their own values (out, in), in the checkpoint's dtype, on any device. The moments
        are used up. Raises AtlasError as `SecondMoments.check`.
        """
        prunes = {w.key: self.prune_of(w, moments.tokens) for w in weights}
        pruned = [w for w in weights if pruned_per_group(w.shape, prunes[w.key])[1]]
        made = {w.key: MadeWeight.whole(w.shape) for w in weights if w not in pruned}
        if not pruned:
            return made
        moments.check(str(weights[0].input_key))
        device, norms = moments.gram.device, moments.norms()
        own = [matrices[weight.key].to(device, torch.float32) for weight in pruned]
        if self.method == "sparsegpt":
            factor = inverse_factor(moments)
            found = [
                sparsegpt(matrix, factor, prunes[weight.key])
                for weight, matrix in zip(pruned, own, strict=True)
            ]
        else:
            found = self._solve_together(pruned, own, moments, norms, prunes)
        for weight, (values, kept) in zip(pruned, found, strict=True):
            made[weight.key] = MadeWeight.of(values, kept, matrices[weight.key].dtype)
        return {weight.key: made[weight.key] for weight in weights}

    def _solve_together(
        self,
        weights: Sequence[PrunableWeight],
        own: Sequence[Tensor],
        moments: SecondMoments,
        norms: Tensor,
        prunes: Mapping[WeightKey, PruneSpec],
    ) -> list[tuple[Tensor, Tensor]]:
        """(values, kept) of every weight; all rows are solved for in the same products."""
        sizes = [len(matrix) for matrix in own]
        if self.kept_of is not None:
            masks = [self.kept_of(w, m, norms) for w, m in zip(weights, own, strict=True)]
        problem = LeastSquares.of(torch.cat(list(own)), moments, self.ridge)
        if self.kept_of is not None:
            kept = torch.cat(masks).to(problem.matrix.device)
            values = refit(problem, kept)
        else:
            parts = [(n, prunes[w.key]) for n, w in zip(sizes, weights, strict=True)]
            values, kept = alps(problem, parts)
        return list(zip(values.split(sizes), kept.split(sizes), strict=True))
