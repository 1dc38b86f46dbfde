"""What will come of an export: exact counts and sizes, before anything is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.checkpoints.bitmask import compressed_matrix_bytes
from pruning.checkpoints.shards import FLOATS, Shard, StoredTensor, read_shards
from pruning.errors import AtlasError
from pruning.masks.recipe import Recipe
from pruning.progress import Report, ignore
from pruning.repair.recipe import recipe_of
from pruning.specs import ExportSpec, WeightKey

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class WeightPlan:
    """What becomes of one weight; shape is (out, in).

    left_dense: nothing is pruned, as it belongs to an expert that saw too few tokens.
    """

    layer: int
    name: str
    projection: str
    tensor: str
    shape: tuple[int, int]
    pruned: int
    kept: int
    left_dense: bool = False

    @property
    def key(self) -> WeightKey:
        """The weight's address."""
        return WeightKey(layer=self.layer, name=self.name)


@dataclass(frozen=True, kw_only=True)
class PartPlan:
    """A layer's or a projection's chosen weights together."""

    part: str
    total: int
    pruned: int
    kept: int
    sparsity: float


@dataclass(frozen=True, kw_only=True)
class NarrowPlan:
    """What the base was, and what its configuration will say instead: field -> (before, after)."""

    base_parameters: int
    base_bytes: int
    config: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """What the exported model will look like.

    parameters counts every floating point value stored in the checkpoint, so sparsity is that of
    the whole model, embeddings included; prunable and prunable_sparsity speak of the chosen
    weights. bytes is the size of the safetensors files, which zeros do not change;
    compressed_bytes what they are when the chosen weights are stored as a bit mask and the kept
    values alone (`checkpoints.bitmask`), but for some kilobytes of headers. narrow: where whole
    parts are removed; all other figures are then those of the narrowed model.
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
    compressed_bytes: int
    narrow: NarrowPlan | None = None

    @property
    def left_dense(self) -> tuple[WeightPlan, ...]:
        """The weights of experts that saw too few tokens and stay as they are."""
        return tuple(weight for weight in self.weights if weight.left_dense)

    def to_json(self) -> dict[str, Any]:
        """Plain data; `narrow` only where whole parts are removed."""
        data = asdict(self)
        if self.narrow is None:
            del data["narrow"]
        return data


def plan_export(
    run: Run, spec: ExportSpec, folder: Path | None = None, report: Report = ignore
) -> ExportPlan:
    """The exact counts and sizes of an export.

    A mixture's follow from shapes alone; the checkpoint's headers are read and no tensor. A union,
    an intersection or a removal is counted by making the masks, once (`Recipe.kept`); where OWL
    allocates the sparsity, the weights are read for their outliers, once.

    Args:
        folder: the base model's folder; None: where the run's model is on this machine.

    Raises:
        InputError, AtlasError: as `recipe_of` and `Recipe.stored_weights`; or the base model is
            not there.
    """
    if spec.narrow is not None:
        from pruning.exports.narrowed_plan import plan_narrowed  # it counts as this module does

        return plan_narrowed(run, spec, folder or run.model_folder()).plan
    recipe = recipe_of(run, spec)
    recipe.stored_weights()
    shards = read_shards(folder or run.model_folder())
    return plan_of(recipe, shards, recipe.kept(report))


def plan_of(recipe: Recipe, shards: Sequence[Shard], kept: Mapping[WeightKey, int]) -> ExportPlan:
    """The counts and sizes of a sub-model of which `kept` values of each weight are kept.

    shards: the base checkpoint's. AtlasError where they lack a tensor of a weight.
    """
    stored = {tensor.name: tensor for shard in shards for tensor in shard.tensors}
    check_stored(recipe.weights, shards)
    return plan_of_tensors(weight_plans(recipe, kept), stored, sum(s.size for s in shards))


def weight_plans(recipe: Recipe, kept: Mapping[WeightKey, int]) -> tuple[WeightPlan, ...]:
    """What becomes of each weight of a recipe, of which so many values are kept."""
    left_dense = recipe.left_dense
    return tuple(_weight_plan(w, kept[w.key], w.key in left_dense) for w in recipe.weights)


def plan_of_tensors(
    weights: tuple[WeightPlan, ...], stored: Mapping[str, StoredTensor], total_bytes: int
) -> ExportPlan:
    """The plan of a checkpoint with these tensors, by name. total_bytes: of its files."""
    parameters = sum(tensor.count for tensor in stored.values() if tensor.dtype in FLOATS)
    pruned = sum(weight.pruned for weight in weights)
    prunable = sum(math.prod(weight.shape) for weight in weights)
    compressed = sum(
        compressed_matrix_bytes(stored[weight.tensor], weight.kept) - stored[weight.tensor].bytes
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
        prunable_sparsity=pruned / prunable if prunable else 0.0,
        bytes=total_bytes,
        compressed_bytes=total_bytes + compressed,
    )


def check_stored(weights: Sequence[PrunableWeight], shards: Sequence[Shard]) -> None:
    """AtlasError where the base checkpoint lacks a weight's tensor."""
    stored = {tensor.name for shard in shards for tensor in shard.tensors}
    missing = [weight.tensor for weight in weights if weight.tensor not in stored]
    if missing:
        raise AtlasError(f"The base checkpoint has no tensor {missing[0]}; fetch the model again.")


def _weight_plan(weight: PrunableWeight, kept: int, left_dense: bool) -> WeightPlan:
    return WeightPlan(
        layer=weight.key.layer,
        name=weight.key.name,
        projection=weight.key.projection,
        tensor=str(weight.tensor),
        shape=weight.shape,
        pruned=math.prod(weight.shape) - kept,
        kept=kept,
        left_dense=left_dense,
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
