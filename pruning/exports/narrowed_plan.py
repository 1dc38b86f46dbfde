"""What will come of an export that removes whole parts: exact sizes, before anything is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pruning.checkpoints.headers import read_json
from pruning.checkpoints.shards import FLOATS, Shard, StoredTensor, read_shards
from pruning.errors import InputError
from pruning.exports.planning import (
    ExportPlan,
    NarrowPlan,
    WeightPlan,
    plan_of_tensors,
    weight_plans,
)
from pruning.masks.making import selected_weights
from pruning.masks.recipe import MixtureRecipe
from pruning.models.support import parse_config
from pruning.narrowing.configs import Narrowed, describe, shortened
from pruning.narrowing.made import Made
from pruning.narrowing.tensors import NewShard, NewTensor, new_shards
from pruning.progress import Report, ignore
from pruning.specs import ExportSpec

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class NarrowedPlan:
    """The plan, the model's new shape, and the files and tensors that will be written.

    recipe: how single weights are pruned afterwards. config: all that changes in config.json.
    """

    plan: ExportPlan
    shape: Narrowed
    shards: tuple[NewShard, ...]
    recipe: NarrowedRecipe
    config: Mapping[str, Any]


def plan_narrowed(
    run: Run,
    spec: ExportSpec,
    base: Path,
    made: Made | None = None,
    report: Report = ignore,
) -> NarrowedPlan:
    """The exact counts and sizes of a narrowed export; only headers and config.json are read.

    base: the dense model's folder. made: what was chosen; None: nothing yet. Layers that go are then
    taken to be the last ones, which is exact where all layers are alike.

    Raises:
        InputError: the model's configuration cannot say what is asked for, a pattern does not
            divide the narrower rows, or as `chosen_weights`.
    """
    assert spec.narrow is not None
    for name, _ in spec.mixture:
        run.check_domain(name)
    config = read_json(base / "config.json")
    shape = describe(config, spec.narrow)
    kept_layers = (
        tuple(range(shape.num_layers - shape.removed_layers)) if made is None else made.layers
    )
    changes = dict(shape.config)
    if shape.removed_layers:
        changes |= shortened(config, list(kept_layers))
    changes = {field: value for field, value in changes.items() if config.get(field) != value}
    shards = new_shards(base, shape, kept_layers)
    tensors = [new for shard in shards for new in shard.tensors]
    recipe = NarrowedRecipe(run, spec, tensors, made)
    recipe.stored_weights()
    plans = _weight_plans(recipe, tensors, kept_layers, report)
    stored = {new.name: as_stored(new) for new in tensors}
    plan = plan_of_tensors(plans, stored, sum(shard.size for shard in shards))
    dense = read_shards(base)
    narrow = NarrowPlan(
        base_parameters=_parameters(dense),
        base_bytes=sum(shard.size for shard in dense),
        config={field: (_before(config, field), value) for field, value in changes.items()},
    )
    return NarrowedPlan(
        plan=replace(plan, narrow=narrow),
        shape=shape,
        shards=shards,
        recipe=recipe,
        config=changes,
    )


def _before(config: Mapping[str, Any], field: str) -> Any:
    """What a field of config.json is; where it is not said, what transformers takes it to be."""
    if config.get(field) is not None:
        return config[field]
    return getattr(parse_config(dict(config)), field, None)


def as_stored(new: NewTensor) -> StoredTensor:
    """A tensor of the narrowed checkpoint as its file will have it, but for its place there."""
    return StoredTensor(
        name=new.name, dtype=new.base.dtype, shape=new.shape, begin=0, end=new.bytes
    )


class NarrowedRecipe(MixtureRecipe):
    """How single weights are pruned of a model that has lost whole parts; by a sparsity of 0 none."""

    def __init__(
        self, run: Run, spec: ExportSpec, tensors: Sequence[NewTensor], made: Made | None
    ) -> None:
        """tensors: of the narrowed checkpoint. made: what is kept, where masks are to be made."""
        super().__init__(run, spec)
        self._shapes = {new.base.name: new.shape for new in tensors}
        parts = made.by_consumer() if made is not None else {}
        self._columns = {key: part.columns for key, part in parts.items()}

    @cached_property
    def weights(self) -> tuple[PrunableWeight, ...]:
        """The weights that are pruned, in their narrowed shapes; of the layers that stay."""
        if not self.spec.prune.sparsity:
            return ()
        found = []
        for weight in selected_weights(self.run, self.spec.prune):
            shape = self._shapes.get(str(weight.tensor))
            if shape is not None:
                rows, columns = shape[::-1] if weight.transposed else shape
                found.append(replace(weight, shape=(rows, columns)))
        if not found:
            raise InputError("None of the chosen weights is in a layer that stays.")
        return tuple(found)

    def _channels(self, weight: PrunableWeight) -> Tensor:
        channels = super()._channels(weight)
        return channels[self._columns[weight.key]] if weight.key in self._columns else channels


def _weight_plans(
    recipe: NarrowedRecipe, tensors: Sequence[NewTensor], layers: Sequence[int], report: Report
) -> tuple[WeightPlan, ...]:
    """What is pruned of each weight, under its name and layer in the narrowed model."""
    names = {new.base.name: new.name for new in tensors}
    return tuple(
        replace(plan, layer=layers.index(plan.layer), tensor=names[plan.tensor])
        for plan in weight_plans(recipe, recipe.kept(report))
    )


def _parameters(shards: Sequence[Shard]) -> int:
    """The floating point values of a checkpoint."""
    tensors = (tensor for shard in shards for tensor in shard.tensors)
    return sum(tensor.count for tensor in tensors if tensor.dtype in FLOATS)
