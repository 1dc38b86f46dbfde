"""Which way of repair: from one input's sums to masks and values of the weights that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import AtlasError
from pruning.masks.selecting import pruned_per_group
from pruning.repair.alps import alps
from pruning.repair.least_squares import RIDGE, LeastSquares
from pruning.repair.made import MadeWeight
from pruning.repair.refit import refit
from pruning.repair.second_moments import SecondMoments
from pruning.repair.sparsegpt import inverse_factor, sparsegpt
from pruning.specs import PruneSpec, WeightKey
from pruning.specs.exports import REFIT, SPARSEGPT

# A weight, its matrix and its input's sums in the sub-model -> bool (out, in), True = kept.
KeptBehind = Callable[[PrunableWeight, Tensor, SecondMoments], Tensor]


@dataclass(frozen=True, kw_only=True)
class Solver:
    """How weights are repaired.

    method: "refit", "sparsegpt" or "alps". kept_of: the mask that a refit keeps. prune_of: how a
    weight is pruned by the methods that find the mask. ridge: a share of the mean of the gram's
    diagonal.
    """

    method: str
    kept_of: KeptBehind | None = None
    prune_of: Callable[[PrunableWeight], PruneSpec] | None = None
    ridge: float = RIDGE

    @property
    def paired(self) -> bool:
        """Whether the dense model's vectors are wanted beside the sub-model's."""
        return self.method != SPARSEGPT

    def solve(
        self,
        weights: Sequence[PrunableWeight],
        matrices: Mapping[WeightKey, Tensor],
        moments: SecondMoments,
    ) -> dict[WeightKey, MadeWeight]:
        """What becomes of the weights that read one input.

        matrices: their own values (out, in), in the checkpoint's dtype, on the CPU. The moments are
        used up. A weight of which all is kept stays as it is. Raises AtlasError as
        `SecondMoments.check`.
        """
        tasks = [self._task(weight, matrices[weight.key], moments) for weight in weights]
        made = {w.key: MadeWeight.whole(w.shape) for w in weights}
        pruned = [(w, task) for w, task in zip(weights, tasks, strict=True) if task is not None]
        if not pruned:
            return made
        moments.check(str(weights[0].input_key))
        device = moments.gram.device
        own = [matrices[weight.key].to(device, torch.float32) for weight, _ in pruned]
        try:
            found = self._solve(own, [task for _, task in pruned], moments)
        except torch.linalg.LinAlgError as error:
            raise AtlasError(
                f"The sums at {weights[0].input_key} cannot be solved with in float32; choose more "
                "text, or refit."
            ) from error
        for (weight, _), (values, kept) in zip(pruned, found, strict=True):
            made[weight.key] = MadeWeight.of(values, kept, matrices[weight.key].dtype)
        return made

    def _task(
        self, weight: PrunableWeight, matrix: Tensor, moments: SecondMoments
    ) -> Tensor | PruneSpec | None:
        """The mask to keep, or how to find one; None where nothing is pruned."""
        if self.kept_of is not None:
            kept = self.kept_of(weight, matrix, moments)
            return None if bool(kept.all()) else kept
        assert self.prune_of is not None
        prune = self.prune_of(weight)
        return prune if pruned_per_group(weight.shape, prune)[1] else None

    def _solve(
        self, own: Sequence[Tensor], tasks: Sequence[Tensor | PruneSpec], moments: SecondMoments
    ) -> list[tuple[Tensor, Tensor]]:
        """(values, kept) of every weight."""
        prunes = [task for task in tasks if isinstance(task, PruneSpec)]
        if self.method == SPARSEGPT:
            factor = inverse_factor(moments)
            return [sparsegpt(m, factor, p) for m, p in zip(own, prunes, strict=True)]
        sizes = [len(matrix) for matrix in own]
        problem = LeastSquares.of(torch.cat(list(own)), moments, self.ridge)
        if self.method == REFIT:
            masks = [task for task in tasks if isinstance(task, Tensor)]
            kept = torch.cat(masks).to(problem.matrix.device)
            values = refit(problem, kept)
        else:
            values, kept = alps(problem, list(zip(sizes, prunes, strict=True)))
        return list(zip(values.split(sizes), kept.split(sizes), strict=True))
