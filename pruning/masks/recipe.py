"""How one sub-model is made: the one place that carries out what an ExportSpec says.

Planning, writing, evaluation, the playground and the measurements of savings all ask a recipe, and
none of them asks how the domains are combined. What a recipe looks up (the chosen weights, the
norms, every layer's sparsity) it looks up once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from pruning.errors import AtlasError, InputError
from pruning.masks.combinations import combine, needed_domains, other_domains
from pruning.masks.making import (
    has_outlier_shares,
    masks_from_norms,
    prune_of_layers,
    run_masks,
    selected_weights,
)
from pruning.masks.mask import Mask
from pruning.masks.norms import ScoreNorms, mixture_norms, mixture_stats, score_norms
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest, pruned_per_group
from pruning.masks.starved import check_removal, prune_of_weight, stays_dense
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import Kept
from pruning.specs import INTERSECTION, MIXTURE, NONE, REMOVAL, ExportSpec, PruneSpec, WeightKey

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.runs.run import Run

SECONDS_WORTH = 60_000_000  # weights times masks that are made while a person waits


class Recipe(ABC):
    """One sub-model of a run. Use `recipe_of` to get one."""

    def __init__(self, run: Run, spec: ExportSpec) -> None:
        self.run, self.spec = run, spec

    @cached_property
    def weights(self) -> tuple[PrunableWeight, ...]:
        """The weights that are pruned, in the run's order."""
        return selected_weights(self.run, self.spec.prune)

    def stored_weights(self) -> tuple[PrunableWeight, ...]:
        """The same; AtlasError where the checkpoint does not store one as a tensor of its own."""
        for weight in self.weights:
            if weight.tensor is None or weight.file is None:
                raise AtlasError(
                    f"{weight.key} is not stored as a tensor of its own in the checkpoint, "
                    "so it cannot be exported; leave its projection out."
                )
        return self.weights

    @property
    def kept_for(self) -> tuple[str, ...]:
        """The domains that a removal leaves all that they need; else none."""
        return ()

    @property
    @abstractmethod
    def is_quick(self) -> bool:
        """Whether `kept` answers within seconds: what it needs is stored, or the model is small."""

    @abstractmethod
    def kept(self, report: Report = ignore) -> Mapping[WeightKey, int]:
        """How many values of each weight are kept, exactly."""

    @property
    @abstractmethod
    def left_dense(self) -> frozenset[WeightKey]:
        """The weights that are not pruned, as their experts saw too few tokens."""

    def prepare(self, report: Report) -> None:  # noqa: B027 (most need none)
        """What must be done before single masks can be made; by itself nothing."""

    @abstractmethod
    def mask(self, weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        """What is kept of one weight: bool (out, in), True = kept. matrix: its values (out, in)."""

    def change(self, weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        """Make a weight's values (out, in) the sub-model's, in place; returns what is kept of it."""
        mask = self.mask(weight, matrix)
        matrix.masked_fill_(~mask, 0)
        return mask

    @property
    def errors(self) -> Mapping[int, float] | None:
        """Decoder layer -> the relative error of its output, where it was repaired; else None."""
        return None

    @property
    def repaired(self) -> frozenset[WeightKey]:
        """The weights whose kept values are others than the base model's."""
        return frozenset()

    @abstractmethod
    def masks(self) -> Iterator[tuple[PrunableWeight, Mask]]:
        """The mask of each weight in turn; one matrix is in memory at a time."""

    def note(self, kept: Mapping[WeightKey, int]) -> None:  # noqa: B027 (most count at once)
        """Take over counts that were made on the way, so that `kept` need not count again."""

    def _is_small(self, masks: int) -> bool:
        return sum(math.prod(weight.shape) for weight in self.weights) * masks <= SECONDS_WORTH


class MixtureRecipe(Recipe):
    """One mask of the weighted sums of the domains, from the dense model's statistics."""

    @cached_property
    def _norms(self) -> ScoreNorms:
        return mixture_norms(self.run, self.spec.prune, dict(self.spec.mixture))

    @cached_property
    def _prunes(self) -> dict[int, PruneSpec]:
        return prune_of_layers(self.run, self.spec.prune, self._norms)

    @property
    def is_quick(self) -> bool:
        """Counts follow from shapes; where OWL allocates, from looking at the weights once."""
        prune = self.spec.prune
        if prune.allocation == "uniform" or self._is_small(1):
            return True
        return has_outlier_shares(self.run, prune, self._norms)

    def kept(self, report: Report = ignore) -> dict[WeightKey, int]:
        """As `Recipe.kept`; no mask is made."""
        prune = self.spec.prune
        uniform = prune.allocation == "uniform"  # then no norms are needed
        prunes = dict.fromkeys(self.run.layers, prune) if uniform else self._prunes
        kept = {}
        for weight in self.weights:
            groups, pruned_each = pruned_per_group(weight.shape, prunes[weight.key.layer])
            pruned = 0 if weight.key in self._starved else groups * pruned_each
            kept[weight.key] = math.prod(weight.shape) - pruned
        return kept

    @property
    def left_dense(self) -> frozenset[WeightKey]:
        """Judged by the mixture's text."""
        return self._starved

    @cached_property
    def _starved(self) -> frozenset[WeightKey]:
        prune = self.spec.prune
        if prune.starved != "dense":
            return frozenset()
        starved = mixture_stats(self.run, dict(self.spec.mixture)).starved
        return frozenset(w.key for w in self.weights if stays_dense(prune, w, starved))

    def prune_of(self, weight: PrunableWeight) -> PruneSpec:
        """How one weight is pruned: as its layer, or not at all where it stays dense."""
        return prune_of_weight(self._prunes, weight, self._norms)

    def mask(self, weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        """As `Recipe.mask`."""
        prune = self.prune_of(weight)
        return keep_highest(score(matrix, self._channels(weight), prune, weight.key), prune)

    def _channels(self, weight: PrunableWeight) -> torch.Tensor:
        """The norms of a weight's input channels: (in,)."""
        return torch.from_numpy(self._norms[weight.input_key])

    def masks(self) -> Iterator[tuple[PrunableWeight, Mask]]:
        """As `Recipe.masks`."""
        norms = {"mixture": self._norms}
        for weight, masks in masks_from_norms(self.run, self.spec.prune, norms, self.weights):
            yield weight, masks["mixture"]


class SequentialRecipe(MixtureRecipe):
    """One mask of the weighted sums, where every layer sees its predecessors pruned.

    (Wanda's Algorithm 1.) All masks are made by `prepare`, on the run's own tokens; the model is
    in memory only meanwhile. Which experts stay dense shows only then; before, they are taken to
    be those of the dense model.
    """

    _made: Mapping[WeightKey, Mask] | None = None

    def prepare(self, report: Report) -> None:
        """Make the masks. Raises as `load_model` and `prune_sequential`."""
        from pruning.masks.sequential import prune_sequential  # these bring transformers along
        from pruning.models.loading import load_model, on_this_machine

        samples = [(self.run.tokens(name), weight) for name, weight in self.spec.mixture]
        prune = replace(
            self.spec.prune,
            layers=tuple(sorted({weight.key.layer for weight in self.weights})),
            projections=tuple(sorted({weight.key.name for weight in self.weights})),
        )
        here = replace(self.run.spec, model=on_this_machine(self.run.spec.model))
        loaded = load_model(here.model, report)
        self._made = prune_sequential(loaded, samples, prune, here.sequences_per_batch, report)

    def kept(self, report: Report = ignore) -> dict[WeightKey, int]:
        """Before `prepare` from shapes, afterwards of the masks themselves."""
        if self._made is None:
            return super().kept(report)
        return {weight.key: self._made[weight.key].count() for weight in self.weights}

    @property
    def left_dense(self) -> frozenset[WeightKey]:
        """Before `prepare` of the dense model's inputs, afterwards of the pruned model's."""
        if self._made is None:
            return self._starved
        kept = self.kept()
        return frozenset(
            weight.key
            for weight in self.weights
            if kept[weight.key] == math.prod(weight.shape)
            and all(pruned_per_group(weight.shape, self.spec.prune))
        )

    def mask(self, weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        """The mask that `prepare` made."""
        return torch.from_numpy(self._ready()[weight.key].unpack())

    def masks(self) -> Iterator[tuple[PrunableWeight, Mask]]:
        """The masks that `prepare` made; it is called first where it was not yet."""
        return ((weight, self._ready()[weight.key]) for weight in self.weights)

    def _ready(self) -> Mapping[WeightKey, Mask]:
        if self._made is None:
            self.prepare(ignore)
        assert self._made is not None
        return self._made


class CombinedRecipe(Recipe):
    """Every domain's own mask at the same sparsity, and the bits of these combined."""

    @cached_property
    def _domains(self) -> tuple[str, ...]:
        return needed_domains(self.run, self.spec.combination, self.spec.domains)

    @cached_property
    def _norms(self) -> dict[str, ScoreNorms]:
        return score_norms(self.run, self.spec.prune, self._domains)

    @cached_property
    def _prunes(self) -> dict[str, dict[int, PruneSpec]]:
        prune = self.spec.prune
        return {name: prune_of_layers(self.run, prune, self._norms[name]) for name in self._norms}

    @property
    def _counts(self) -> Kept:
        asked = [self.spec.prune.to_json(), sorted(self.spec.domains)]
        return Kept.of(self.run.folder / "combined", asked, f"{self.spec.combination}-")

    @property
    def kept_for(self) -> tuple[str, ...]:
        """As `Recipe.kept_for`."""
        if self.spec.combination != REMOVAL:
            return ()
        return other_domains(self.run, self.spec.domains)

    @property
    def is_quick(self) -> bool:
        """Counts follow from the masks themselves; they are kept with the run."""
        return self._is_small(len(self._domains)) or self._counts.is_there()

    def kept(self, report: Report = ignore) -> dict[WeightKey, int]:
        """Counted by making and combining the masks, once."""

        def count() -> dict[str, int]:
            meter = Meter(report, "Combining masks", len(self.weights))
            counts = {}
            for weight, mask in self.masks():
                counts[str(weight.key)] = mask.count()
                meter.step(str(weight.key))
            return counts

        return self._counts.get(count, _counts_of)

    def note(self, kept: Mapping[WeightKey, int]) -> None:
        """As `Recipe.note`."""
        self._counts.write({str(key): count for key, count in kept.items()})

    @cached_property
    def left_dense(self) -> frozenset[WeightKey]:
        """Of any domain of a union, or of every domain of an intersection."""
        prune = self.spec.prune
        if prune.starved != "dense":
            return frozenset()
        each = [self.run.stats(domain).starved for domain in self.spec.domains]
        together = self.spec.combination == INTERSECTION
        starved = (frozenset.intersection if together else frozenset.union)(*each)
        return frozenset(w.key for w in self.weights if stays_dense(prune, w, starved))

    def mask(self, weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        """As `Recipe.mask`."""
        masks = {}
        for domain, norms in self._norms.items():
            prune = prune_of_weight(self._prunes[domain], weight, norms)
            channels = torch.from_numpy(norms[weight.input_key])
            scores = score(matrix, channels, prune, weight.key)
            masks[domain] = Mask.pack(keep_highest(scores, prune))
        return torch.from_numpy(self._combine(masks).unpack())

    def masks(self) -> Iterator[tuple[PrunableWeight, Mask]]:
        """As `Recipe.masks`."""
        for weight, masks in run_masks(self.run, self.spec.prune, self._domains, self.weights):
            yield weight, self._combine(masks)

    def _combine(self, masks: Mapping[str, Mask]) -> Mask:
        return combine(masks, self.spec.combination, self.spec.domains)


def _counts_of(data: dict[str, int]) -> dict[WeightKey, int]:
    return {WeightKey.parse(key): int(kept) for key, kept in data.items()}


def recipe_of(run: Run, spec: ExportSpec) -> Recipe:
    """The recipe of a sub-model's masks; see `repair.recipe.recipe_of` for one that is repaired.

    Raises InputError where the run has no such domain, layer or projection, n:m does not divide a
    row, or a removal would leave starved experts dense.
    """
    if spec.repair != NONE:
        raise ValueError("A repaired sub-model is made by repair.recipe.recipe_of.")
    if spec.narrow is not None:
        raise InputError("Whole parts are removed by an export only; leave them out here.")
    for name, _ in spec.mixture:
        run.check_domain(name)
    if spec.combination == REMOVAL:
        other_domains(run, spec.domains)
        check_removal(run, spec.prune, spec.domains)
    kind: type[Recipe] = CombinedRecipe
    if spec.combination == MIXTURE:
        kind = SequentialRecipe if spec.is_sequential else MixtureRecipe
    recipe = kind(run, spec)
    _ = recipe.weights  # refuses what selects nothing
    return recipe
