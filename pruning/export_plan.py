"""What to export, and what will come of it: exact counts from shapes alone, before any work."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.errors import AtlasError, InputError
from pruning.masks import pruned_per_group
from pruning.models import model_folder
from pruning.shards import FLOATS, read_shards
from pruning.specs import MODES, PruneSpec, Spec
from pruning.submodels import selected_weights

if TYPE_CHECKING:
    from pruning.architecture import PrunableWeight
    from pruning.workspace import Run


@dataclass(frozen=True, kw_only=True)
class ExportSpec(Spec):
    """One sub-model: the run it comes from, the domains it is for, how it is pruned.

    mixture: (domain, weight) pairs; each domain's mean squared activations count by its weight.
    mode: "one-shot" scores with the dense model's statistics; "sequential" is Wanda's Algorithm 1,
    where each layer is calibrated on inputs that passed through the pruned layers before it.
    Scores that look at no activations give the same masks in both.
    """

    run: str
    mixture: tuple[tuple[str, float], ...]
    prune: PruneSpec = field(default_factory=PruneSpec)
    mode: str = "one-shot"

    def __post_init__(self) -> None:
        if not self.mixture:
            raise InputError("Choose at least one domain to export for.")
        names = [name for name, _ in self.mixture]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"The mixture names {', '.join(twice)} twice; name each domain once.")
        for name, weight in self.mixture:
            if not math.isfinite(weight) or weight <= 0:
                raise InputError(
                    f"The weight of {name} is {weight}; weights are greater than 0. "
                    "Leave a domain out instead of giving it no weight."
                )
        if self.mode not in MODES:
            raise InputError(f"The mode {self.mode!r} is not one of {', '.join(MODES)}.")

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ExportSpec:
        """Rebuild from `to_json`'s output."""
        unknown = set(data) - {"run", "mixture", "prune", "mode"}
        if unknown:
            raise InputError(f"ExportSpec has no field {', '.join(sorted(unknown))}.")
        return cls(
            run=data["run"],
            mixture=tuple((str(name), float(weight)) for name, weight in data["mixture"]),
            prune=PruneSpec.from_json(data["prune"]),
            mode=data["mode"],
        )

    @property
    def needs_model(self) -> bool:
        """Whether the masks need forward passes, and so the model in memory."""
        return self.mode == "sequential" and self.prune.score == "wanda"


def parse_mixture(text: str) -> tuple[tuple[str, float], ...]:
    """ "python,java=0.5" -> (("python", 1.0), ("java", 0.5))."""
    mixture = []
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        try:
            mixture.append((name, float(weight) if equals else 1.0))
        except ValueError:
            raise InputError(
                f"A mixture is written like python,java=0.5; {part.strip()!r} is not understood."
            ) from None
        if not name:
            raise InputError("A mixture is written like python,java=0.5; a name is missing.")
    return tuple(mixture)


@dataclass(frozen=True, kw_only=True)
class WeightPlan:
    """What becomes of one weight; shape is (out, in)."""

    layer: int
    name: str
    projection: str
    tensor: str
    shape: tuple[int, int]
    pruned: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """A layer's or a projection's chosen weights together."""

    part: str
    total: int
    pruned: int
    kept: int
    sparsity: float


@dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """What the exported model will look like.

    parameters counts every floating point value stored in the checkpoint, so sparsity is that of
    the whole model, embeddings included; prunable and prunable_sparsity speak of the chosen
    weights. bytes is the size of the safetensors files, which zeros do not change; ideal_bytes
    what they would be if every chosen weight were stored as one bit of mask per value and the kept
    values alone.
    """

    weights: tuple[WeightPlan, ...]
    layers: tuple[PartPlan, ...]
    projections: tuple[PartPlan, ...]
    parameters: int
    pruned: int
    kept: int
    sparsity: float
    prunable: int
    prunable_sparsity: float
    bytes: int
    ideal_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def chosen_weights(run: Run, spec: ExportSpec) -> tuple[PrunableWeight, ...]:
    """The run's weights that the export prunes, in the run's order.

    Raises:
        InputError: the run has no such domain, layer or projection, or n:m does not divide a row.
        AtlasError: a weight is not stored as a tensor of its own.
    """
    for name, _ in spec.mixture:
        run.check_domain(name)
    prune = spec.prune
    chosen = selected_weights(run, prune)
    for weight in chosen:
        if weight.tensor is None or weight.file is None:
            raise AtlasError(
                f"{weight.key} is not stored as a tensor of its own in the checkpoint, "
                "so it cannot be exported; leave its projection out."
            )
    return chosen


def plan_export(run: Run, spec: ExportSpec, folder: Path | None = None) -> ExportPlan:
    """The exact counts and sizes of an export; reads the checkpoint's headers and no tensor.

    Args:
        folder: the base model's folder; None: where the run's model is on this machine.

    Raises:
        InputError, AtlasError: as `chosen_weights`; or the base model is not there.
    """
    weights = tuple(_weight_plan(weight, spec.prune) for weight in chosen_weights(run, spec))
    shards = read_shards(folder or model_folder(run.spec.model))
    stored = {tensor.name: tensor for shard in shards for tensor in shard.tensors}
    missing = [weight.tensor for weight in weights if weight.tensor not in stored]
    if missing:
        raise AtlasError(f"The base checkpoint has no tensor {missing[0]}; fetch the model again.")
    total_bytes = sum(shard.size for shard in shards)
    parameters = sum(tensor.count for tensor in stored.values() if tensor.dtype in FLOATS)
    pruned = sum(weight.pruned for weight in weights)
    prunable = sum(math.prod(weight.shape) for weight in weights)
    saved = sum(
        weight.pruned * stored[weight.tensor].bytes // stored[weight.tensor].count
        - (math.prod(weight.shape) + 7) // 8
        for weight in weights
    )
    return ExportPlan(
        weights=weights,
        layers=_parts(weights, lambda weight: f"{weight.layer}"),
        projections=_parts(weights, lambda weight: weight.projection),
        parameters=parameters,
        pruned=pruned,
        kept=parameters - pruned,
        sparsity=pruned / parameters,
        prunable=prunable,
        prunable_sparsity=pruned / prunable,
        bytes=total_bytes,
        ideal_bytes=total_bytes - max(saved, 0),
    )


def _weight_plan(weight: PrunableWeight, prune: PruneSpec) -> WeightPlan:
    groups, pruned_each = pruned_per_group(weight.shape, prune)
    pruned = groups * pruned_each
    return WeightPlan(
        layer=weight.key.layer,
        name=weight.key.name,
        projection=weight.key.projection,
        tensor=str(weight.tensor),
        shape=weight.shape,
        pruned=pruned,
        kept=math.prod(weight.shape) - pruned,
    )


def _parts(
    weights: Sequence[WeightPlan], part_of: Callable[[WeightPlan], str]
) -> tuple[PartPlan, ...]:
    """Integers added, then divided; parts in order of first appearance."""
    names = dict.fromkeys(part_of(weight) for weight in weights)
    return tuple(
        _part(name, (weight for weight in weights if part_of(weight) == name)) for name in names
    )


def _part(name: str, weights: Iterable[WeightPlan]) -> PartPlan:
    counts = [(weight.pruned, weight.kept) for weight in weights]
    pruned = sum(count for count, _ in counts)
    kept = sum(count for _, count in counts)
    return PartPlan(
        part=name, total=pruned + kept, pruned=pruned, kept=kept, sparsity=pruned / (pruned + kept)
    )
