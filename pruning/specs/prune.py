"""How weights are scored and which of them are kept."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, cast

from pruning.errors import InputError
from pruning.specs.base import Spec
from pruning.specs.patterns import parse_pattern, pattern_sparsity
from pruning.specs.selection import check_selection

TEXT_SCORES = ("wanda", "ria", "contrastive")  # they need what the calibration text did


SCORES = (*TEXT_SCORES, "magnitude", "random")


COMPARISON_GROUPS = ("row", "matrix")


ALLOCATIONS = ("uniform", "owl")


STARVED = ("magnitude", "dense")  # what becomes of experts that saw too few tokens


Score = Literal["wanda", "ria", "contrastive", "magnitude", "random"]


@dataclass(frozen=True, kw_only=True)
class PruneSpec(Spec):
    """How weights are scored and which are kept.

    sparsity: share pruned, in [0, 1). pattern: "unstructured", or "n:m" = keep n of every m
    consecutive inputs (its sparsity is 1 - n/m). comparison_group: scores compete within an
    output row (Wanda's default) or within the whole matrix. allocation: every layer loses the
    same share, or by its outliers (see `pruning.masks.allocation`). layers, projections None: all.
    starved: an expert that saw fewer than `runs.statistics.ENOUGH_TOKENS` tokens of the text is pruned
    by its weights' magnitude alone, or left dense.
    """

    score: str = "wanda"
    sparsity: float = 0.5
    pattern: str = "unstructured"
    comparison_group: str = "row"
    allocation: str = "uniform"
    seed: int = 0
    layers: tuple[int, ...] | None = None
    projections: tuple[str, ...] | None = None
    starved: str = "magnitude"

    def __post_init__(self) -> None:
        if self.starved not in STARVED:
            raise InputError(f"Starved experts are treated by one of {', '.join(STARVED)}.")
        if self.score not in SCORES:
            raise InputError(f"The score {self.score!r} is not one of {', '.join(SCORES)}.")
        if self.comparison_group not in COMPARISON_GROUPS:
            raise InputError("Scores are compared per 'row' or per 'matrix'.")
        if not math.isfinite(self.sparsity) or not 0 <= self.sparsity < 1:
            raise InputError(f"Sparsity {self.sparsity} is outside 0 <= sparsity < 1.")
        implied = pattern_sparsity(self.pattern)
        if implied is not None and abs(self.sparsity - implied) > 1e-4:
            raise InputError(
                f"The pattern {self.pattern} prunes {implied:g} of the weights, "
                f"not {self.sparsity:g}; set the sparsity to {implied:g}."
            )
        if self.allocation not in ALLOCATIONS:
            raise InputError(f"Layers are pruned by one of {', '.join(ALLOCATIONS)}.")
        if self.allocation != "uniform" and (implied is not None or not self.reads_text):
            raise InputError(
                "OWL chooses every layer's sparsity by its activations, so it needs the pattern "
                f"'unstructured' and one of the scores {', '.join(TEXT_SCORES)}."
            )
        check_selection(self.layers, self.projections)

    def to_json(self) -> dict[str, Any]:
        """Plain data. `starved` is left out where it is the usual, as in results made before it."""
        data = super().to_json()
        if self.starved == STARVED[0]:
            del data["starved"]
        return data

    @property
    def block(self) -> tuple[int, int] | None:
        """(n, m) of an n:m pattern, n weights kept of every m; None for "unstructured"."""
        return parse_pattern(self.pattern)

    @property
    def reads_text(self) -> bool:
        """Whether the score depends on the calibration text, so that domains' masks differ."""
        return self.score in TEXT_SCORES

    def ranked(self, sparsity: float) -> PruneSpec:
        """The masks that a plain ranking of the same scores gives at a sparsity."""
        plain = {"pattern": "unstructured", "allocation": "uniform", "starved": STARVED[0]}
        return dataclasses.replace(self, sparsity=sparsity, **cast(Any, plain))

    def pruned_of(self, count: int) -> int:
        """floor(count * sparsity) in exact decimal arithmetic: 0.29 of 100 is 29."""
        return math.floor(count * Fraction(str(self.sparsity)))
