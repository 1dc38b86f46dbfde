"""What a repair will cost, from shapes alone: said before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pruning.specs.exports import ALPS, NONE, SPARSEGPT

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight

ALPS_PRODUCTS = 60  # of a weight with a square matrix: 45 steps, and some of the refit
REFIT_PRODUCTS = 40
INVERSES = 15  # of ALPS, one for every penalty
PASSES = 7  # of a layer: dense and repaired, for each of its inputs in part, and on to the next


def operations(weights: Sequence[PrunableWeight], tokens: int, repair: str) -> float:
    """Multiplications and additions of a repair. weights: the chosen. tokens: of all its text.

    At the most: a solver that has converged stops earlier.
    """
    if repair == NONE:
        return 0.0
    inputs = {weight.input_key: weight.shape[1] for weight in weights}
    passes = 2.0 * PASSES * tokens * sum(w.shape[0] * w.shape[1] for w in weights)
    sums = 2.0 * tokens * sum(size**2 for size in inputs.values())
    if repair == SPARSEGPT:
        return passes + sums + sum(2.0 * size**3 for size in inputs.values())
    products = ALPS_PRODUCTS if repair == ALPS else REFIT_PRODUCTS
    solving = sum(2.0 * products * w.shape[0] * w.shape[1] ** 2 for w in weights)
    if repair == ALPS:
        solving += sum(INVERSES * 1.0 * size**3 for size in inputs.values())
    return passes + 2 * sums + solving
