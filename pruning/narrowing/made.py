"""A narrowed model as it was made: what is kept of each part, and the values that were refitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pruning.narrowing.choosing import Kept
from pruning.narrowing.parts import Part
from pruning.specs import WeightKey


@dataclass(frozen=True, kw_only=True, eq=False)
class MadePart:
    """One part. kept: bool (units,). fitted: (out, kept columns) in the checkpoint's dtype, what the
    consumer's kept columns became; None: they are the base's.
    """

    part: Part
    kept: Kept
    fitted: Tensor | None = None

    @property
    def columns(self) -> Tensor:
        """The consumer's kept columns: int64, ascending."""
        return torch.from_numpy(np.flatnonzero(np.repeat(self.kept, self.part.columns)))

    def rows(self, number: int, rows: int) -> Tensor:
        """The kept rows of a producer with so many rows: int64, ascending.

        number: of the producer in `part.producers`.
        """
        kept = np.zeros(rows, dtype=bool)
        for start, each in self.part.producers[number].segments:
            kept[start : start + each * self.part.units] = np.repeat(self.kept, each)
        return torch.from_numpy(np.flatnonzero(kept))

    def full_shape(self, matrix: Tensor) -> Tensor:
        """The consumer as the dense model would hold it: zeros where its columns are gone.

        matrix: the dense (out, in), which is left as it is.
        """
        columns = self.columns.to(matrix.device)
        result = torch.zeros_like(matrix)
        fitted = matrix[:, columns] if self.fitted is None else self.fitted.to(matrix)
        result[:, columns] = fitted
        return result


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """layers: the base's decoder layers that stay, ascending. parts: of these layers.

    cosines: of every layer's input and output, where layers were chosen by it. errors: kept layer
    -> the relative error of its output (`repair.collecting.distance`), where it was measured.
    """

    layers: tuple[int, ...]
    parts: tuple[MadePart, ...] = ()
    cosines: tuple[float, ...] = ()
    errors: Mapping[int, float] = field(default_factory=dict)

    def of_layer(self, index: int) -> Iterator[MadePart]:
        """The parts of one layer of the base."""
        return (made for made in self.parts if made.part.layer == index)

    def by_consumer(self) -> dict[WeightKey, MadePart]:
        """The parts by the projection that reads their units."""
        return {made.part.consumer: made for made in self.parts}
