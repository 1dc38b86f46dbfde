"""Whether a repaired or narrowed sub-model has yet to be made, and may be while a person waits."""

from __future__ import annotations

import math

from pruning.masks import recipe as masks_recipe
from pruning.masks.making import selected_weights
from pruning.narrowing.kept import is_kept
from pruning.repair.recipe import made_of
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec

TOO_LARGE = (
    "This sub-model is not kept with the run yet, and its model is too large to make it while "
    "you wait; evaluate or export it first."
)


def is_made(run: Run, spec: ExportSpec) -> bool:
    """Whether a repaired or narrowed sub-model was made before and is kept with its run."""
    return made_of(run, spec) is not None if spec.narrow is None else is_kept(run, spec)


def is_small(run: Run) -> bool:
    """Whether the sub-models of a run's model are made in a time that a person waits."""
    weights = selected_weights(run, PruneSpec())
    return sum(math.prod(weight.shape) for weight in weights) <= masks_recipe.SECONDS_WORTH
