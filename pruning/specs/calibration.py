"""A whole calibration: one model, its domains, the sample of each."""

from __future__ import annotations

from dataclasses import dataclass, field

from pruning.errors import InputError
from pruning.specs.base import Spec
from pruning.specs.models import ModelSpec
from pruning.specs.selection import check_selection
from pruning.specs.text import DomainSpec, SampleSpec


@dataclass(frozen=True, kw_only=True)
class CalibrationSpec(Spec):
    """A whole run: one model, its domains, the sample of each, the weights to look at.

    layers, projections None: all. batch_size None: see `SampleSpec.sequences_per_batch`.
    """

    model: ModelSpec
    domains: tuple[DomainSpec, ...]
    sample: SampleSpec = field(default_factory=SampleSpec)
    layers: tuple[int, ...] | None = None
    projections: tuple[str, ...] | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if not self.domains:
            raise InputError("Choose at least one domain.")
        names = [domain.name for domain in self.domains]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"Two domains are named {', '.join(twice)}; give each its own name.")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError("The batch size must be at least 1.")
        check_selection(self.layers, self.projections)

    @property
    def sequences_per_batch(self) -> int:
        """The batch size that was asked for, or the device's."""
        return self.batch_size or self.sample.sequences_per_batch(self.model.device)
