"""What will come of an export: exact counts and sizes, before anything is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.checkpoints.bitmask import compressed_matrix_bytes
from pruning.checkpoints.shards import FLOATS, read_shards
from pruning.errors import AtlasError
from pruning.masks.combinations import are_counted, kept_counts, needed_domains, other_domains
from pruning.masks.making import has_outlier_shares, prune_of_layers, selected_weights
from pruning.masks.mask import Mask
from pruning.masks.norms import mixture_norms, mixture_stats
from pruning.masks.selecting import pruned_per_group
from pruning.masks.starved import check_removal, stays_dense
from pruning.models.sources import model_folder
from pruning.progress import Report, ignore
from pruning.specs import INTERSECTION, MIXTURE, REMOVAL, ExportSpec, PruneSpec, WeightKey

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.runs.run import Run


SECONDS_WORTH = 60_000_000  # weights times masks that are made while a person waits


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
class ExportPlan:
    """What the exported model will look like.

    parameters counts every floating point value stored in the checkpoint, so sparsity is that of
    the whole model, embeddings included; prunable and prunable_sparsity speak of the chosen
    weights. bytes is the size of the safetensors files, which zeros do not change;
    compressed_bytes what they are when the chosen weights are stored as a bit mask and the kept
    values alone (`checkpoints.bitmask`), but for some kilobytes of headers.
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

    @property
    def left_dense(self) -> tuple[WeightPlan, ...]:
        """The weights of experts that saw too few tokens and stay as they are."""
        return tuple(weight for weight in self.weights if weight.left_dense)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def chosen_weights(run: Run, spec: ExportSpec) -> tuple[PrunableWeight, ...]:
    """The run's weights that the export prunes, in the run's order.

    Raises:
        InputError: the run has no such domain, layer or projection, n:m does not divide a row, or
            a removal would leave starved experts dense.
        AtlasError: a weight is not stored as a tensor of its own.
    """
    for name, _ in spec.mixture:
        run.check_domain(name)
    if spec.combination == REMOVAL:
        other_domains(run, spec.domains)
        check_removal(run, spec.prune, spec.domains)
    prune = spec.prune
    chosen = selected_weights(run, prune)
    for weight in chosen:
        if weight.tensor is None or weight.file is None:
            raise AtlasError(
                f"{weight.key} is not stored as a tensor of its own in the checkpoint, "
                "so it cannot be exported; leave its projection out."
            )
    return chosen


def is_planned(run: Run, spec: ExportSpec) -> bool:
    """Whether `plan_export` answers within seconds: what it needs is stored, or the model is small.

    Raises as `chosen_weights`.
    """
    prune, mixture = spec.prune, spec.combination == MIXTURE
    weights = sum(math.prod(weight.shape) for weight in chosen_weights(run, spec))
    masks = 1 if mixture else len(needed_domains(run, spec.combination, spec.domains))
    if (mixture and prune.allocation == "uniform") or weights * masks <= SECONDS_WORTH:
        return True
    if mixture:
        return has_outlier_shares(run, prune, mixture_norms(run, prune, dict(spec.mixture)))
    return are_counted(run, prune, spec.combination, spec.domains)


def plan_export(
    run: Run,
    spec: ExportSpec,
    folder: Path | None = None,
    report: Report = ignore,
    masks: Mapping[WeightKey, Mask] | None = None,
) -> ExportPlan:
    """The exact counts and sizes of an export.

    A mixture's follow from shapes alone; the checkpoint's headers are read and no tensor. A union,
    an intersection or a removal is counted by making the masks, once (`combinations.kept_counts`);
    where OWL allocates the sparsity, the weights are read for their outliers, once. Which experts
    a sequential export leaves dense shows only while it is made; before that they are taken to be
    those of the dense model.

    Args:
        folder: the base model's folder; None: where the run's model is on this machine.
        masks: of every chosen weight, where they are there already, as in a sequential export.

    Raises:
        InputError, AtlasError: as `chosen_weights`; or the base model is not there.
    """
    chosen = chosen_weights(run, spec)
    if masks is None:
        left_dense = _left_dense(run, spec, chosen)
        kept = _kept(run, spec, chosen, left_dense, report)
    else:
        kept, left_dense = _of_masks(spec.prune, chosen, masks)
    weights = tuple(_weight_plan(w, kept[w.key], w.key in left_dense) for w in chosen)
    shards = read_shards(folder or model_folder(run.spec.model))
    stored = {tensor.name: tensor for shard in shards for tensor in shard.tensors}
    missing = [weight.tensor for weight in weights if weight.tensor not in stored]
    if missing:
        raise AtlasError(f"The base checkpoint has no tensor {missing[0]}; fetch the model again.")
    total_bytes = sum(shard.size for shard in shards)
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
        prunable_sparsity=pruned / prunable,
        bytes=total_bytes,
        compressed_bytes=total_bytes + compressed,
    )


def _kept(
    run: Run,
    spec: ExportSpec,
    weights: Sequence[PrunableWeight],
    left_dense: Collection[WeightKey],
    report: Report,
) -> Mapping[WeightKey, int]:
    """How many values of each weight are kept."""
    if spec.combination != MIXTURE:
        return kept_counts(run, spec.prune, spec.combination, spec.domains, report)
    prunes = dict.fromkeys(run.layers, spec.prune)
    if spec.prune.allocation != "uniform":
        norms = mixture_norms(run, spec.prune, dict(spec.mixture))
        prunes = prune_of_layers(run, spec.prune, norms)
    kept = {}
    for weight in weights:
        groups, pruned_each = pruned_per_group(weight.shape, prunes[weight.key.layer])
        pruned = 0 if weight.key in left_dense else groups * pruned_each
        kept[weight.key] = math.prod(weight.shape) - pruned
    return kept


def _left_dense(
    run: Run, spec: ExportSpec, weights: Sequence[PrunableWeight]
) -> frozenset[WeightKey]:
    """The weights of experts that saw too few tokens and stay dense.

    Of a mixture's text; of that of any domain of a union, or of every domain of an intersection.
    """
    if spec.prune.starved != "dense":
        return frozenset()
    if spec.combination == MIXTURE:
        starved = mixture_stats(run, dict(spec.mixture)).starved
    else:
        each = [run.stats(domain).starved for domain in spec.domains]
        meet = frozenset.intersection if spec.combination == INTERSECTION else frozenset.union
        starved = meet(*each)
    return frozenset(w.key for w in weights if stays_dense(spec.prune, w, starved))


def _of_masks(
    prune: PruneSpec, weights: Sequence[PrunableWeight], masks: Mapping[WeightKey, Mask]
) -> tuple[Mapping[WeightKey, int], frozenset[WeightKey]]:
    """How many values of each weight its mask keeps; and the weights that were left dense."""
    kept = {weight.key: masks[weight.key].count() for weight in weights}
    whole = (
        weight.key
        for weight in weights
        if kept[weight.key] == math.prod(weight.shape)
        and all(pruned_per_group(weight.shape, prune))
    )
    return kept, frozenset(whole)


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
