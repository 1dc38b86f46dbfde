"""The recipe of a repaired sub-model: made once, kept with the run, and taken from there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from pruning.machine.locks import folder_lock
from pruning.masks.mask import Mask
from pruning.masks.norms import ScoreNorms
from pruning.masks.recipe import CombinedRecipe, MixtureRecipe, Recipe
from pruning.masks.recipe import recipe_of as masks_recipe_of
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.masks.starved import prune_of_weight
from pruning.progress import Report, ignore
from pruning.repair.made import (
    MADE,
    MadeSubmodel,
    MadeWeight,
    finish,
    layer_file,
    read_layer,
    write_layer,
)
from pruning.runs.statistics import ENOUGH_TOKENS
from pruning.specs import ExportSpec, WeightKey, content_hash
from pruning.specs.exports import NONE, REFIT

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.domains.token_sample import TokenSample
    from pruning.repair.second_moments import SecondMoments
    from pruning.repair.solving import Solver
    from pruning.runs.run import Run


def recipe_of(run: Run, spec: ExportSpec) -> Recipe:
    """The recipe of any sub-model, repaired or not; raises as `masks.recipe.recipe_of`."""
    if spec.repair == NONE:
        return masks_recipe_of(run, spec)
    recipe = RepairedRecipe(run, spec)
    _ = recipe.weights  # refuses what selects nothing
    return recipe


def made_folder(run: Run, spec: ExportSpec) -> Path:
    """Where a repaired sub-model is kept with its run.

    The mode decides nothing where the mask is not made of a score.
    """
    asked = replace(spec, run=run.id).to_json()
    if spec.repair != REFIT:
        del asked["mode"]
    return run.folder / "submodels" / content_hash(asked)


def made_of(run: Run, spec: ExportSpec) -> MadeSubmodel | None:
    """A repaired sub-model that was made before; None where it was not."""
    folder = made_folder(run, spec)
    return MadeSubmodel(folder) if (folder / MADE).exists() else None


class RepairedRecipe(Recipe):
    """Masks and values, solved for layer by layer on the run's own tokens.

    Before `prepare`, counts are those of the plain recipe: how much is pruned does not depend on the
    repair, but for experts that starve only once the layers before are pruned.
    """

    @cached_property
    def _plain(self) -> MixtureRecipe | CombinedRecipe:
        plain = masks_recipe_of(self.run, replace(self.spec, repair=NONE, mode="one-shot"))
        assert isinstance(plain, MixtureRecipe | CombinedRecipe)
        return plain

    @property
    def weights(self) -> tuple[PrunableWeight, ...]:
        """As `Recipe.weights`."""
        return self._plain.weights

    @property
    def is_quick(self) -> bool:
        """As of the plain recipe, or as it was made."""
        return made_of(self.run, self.spec) is not None or self._plain.is_quick

    def kept(self, report: Report = ignore) -> Mapping[WeightKey, int]:
        """Of what was made; before that, of the plain recipe."""
        made = made_of(self.run, self.spec)
        return self._plain.kept(report) if made is None else made.kept

    @property
    def left_dense(self) -> frozenset[WeightKey]:
        """Of what was made, the weights that are whole though they were to be pruned."""
        made = made_of(self.run, self.spec)
        if made is None or self.spec.prune.starved != "dense":
            return self._plain.left_dense
        sizes = {weight.key: weight.shape[0] * weight.shape[1] for weight in self.weights}
        whole = {key for key, count in made.kept.items() if count == sizes[key]}
        return frozenset(whole) if self.spec.prune.sparsity else frozenset()

    @property
    def errors(self) -> Mapping[int, float]:
        """As `Recipe.errors`; it is made first where it was not yet."""
        return self._made.errors

    @property
    def repaired(self) -> frozenset[WeightKey]:
        """As `Recipe.repaired`."""
        return self._made.repaired

    def prepare(self, report: Report) -> None:
        """Make the sub-model, unless it is kept with the run.

        A making that was stopped goes on after its last whole layer. Raises as `load_model` and
        `layer_by_layer.repair`; AtlasError while another process makes the same.
        """
        folder = made_folder(self.run, self.spec)
        if (folder / MADE).exists():
            return
        with folder_lock(folder, "This sub-model"):
            if not (folder / MADE).exists():
                self._make(folder, report)

    def _make(self, folder: Path, report: Report) -> None:
        from pruning.models.loading import load_model, on_this_machine  # brings transformers along
        from pruning.repair.layer_by_layer import repair

        def known(layer: int) -> dict[WeightKey, MadeWeight] | None:
            return read_layer(folder, layer) if layer_file(folder, layer).exists() else None

        started = time.monotonic()
        here = replace(self.run.spec, model=on_this_machine(self.run.spec.model))
        loaded = load_model(here.model, report)
        batch_size = here.sequences_per_batch
        weights = self.stored_weights()
        for made in repair(
            loaded, self.samples(), weights, self.solver(), batch_size, report, known
        ):
            write_layer(folder, made.layer, made.weights, made.error)
        seconds = time.monotonic() - started
        finish(folder, [weight.key for weight in weights], seconds, {"spec": self.spec.to_json()})

    def samples(self) -> list[tuple[TokenSample, float]]:
        """The text that it is repaired on: the tokens and weight of every domain."""
        return [(self.run.tokens(name), weight) for name, weight in self.spec.mixture]

    def solver(self) -> Solver:
        """How this sub-model's weights are solved for."""
        from pruning.repair.solving import Solver

        if self.spec.repair != REFIT:
            assert isinstance(self._plain, MixtureRecipe)
            return Solver(method=self.spec.repair, prune_of=self._plain.prune_of)
        if self.spec.is_sequential:
            return Solver(method=REFIT, kept_of=self._kept_behind)
        return Solver(method=REFIT, kept_of=lambda weight, m, _: self._plain.mask(weight, m))

    def _kept_behind(
        self, weight: PrunableWeight, matrix: torch.Tensor, moments: SecondMoments
    ) -> torch.Tensor:
        """The mask by what the weight reads behind the repaired layers."""
        few = weight.key.expert is not None and moments.tokens < ENOUGH_TOKENS
        starved = frozenset({weight.input_key} if few else ())
        norms = ScoreNorms({weight.input_key: moments.norms().cpu().numpy()}, starved)
        prune = prune_of_weight({weight.key.layer: self.spec.prune}, weight, norms)
        channels = torch.from_numpy(norms[weight.input_key])
        return keep_highest(score(matrix, channels, prune, weight.key), prune)

    @property
    def _made(self) -> MadeSubmodel:
        self.prepare(ignore)
        return MadeSubmodel(made_folder(self.run, self.spec))

    def mask(self, weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        """The mask that was made."""
        return torch.from_numpy(self._made[weight.key].mask.unpack())

    def change(self, weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        """As `Recipe.change`, with the values that were made."""
        return self._made[weight.key].write(matrix)

    def masks(self) -> Iterator[tuple[PrunableWeight, Mask]]:
        """The masks that were made; for the values, see `made_of`."""
        made = self._made
        return ((weight, made[weight.key].mask) for weight in self.weights)
