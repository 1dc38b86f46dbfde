"""How far a repaired export's layers answer from the dense model's, computed again from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pruning.checkpoints.shards import read_shards, read_tensor
from pruning.errors import AtlasError
from pruning.exports.record import Record
from pruning.progress import Report, ignore
from pruning.repair.layer_by_layer import repair
from pruning.repair.made import MadeWeight
from pruning.repair.recipe import RepairedRecipe
from pruning.specs import NONE, WeightKey

if TYPE_CHECKING:
    from pruning.runs.run import Run

TOLERANCE = 1e-3  # of an error, as other machines add in another order


def recomputed_errors(
    folder: Path, record: Record, run: Run, report: Report = ignore
) -> dict[int, float]:
    """Decoder layer -> the relative error of its output, with the values that the folder has.

    The run's text passes through the dense model and through the exported weights, side by side.
    Raises AtlasError where nothing was repaired, and as `load_model`.
    """
    from pruning.models.loading import load_model, on_this_machine

    if record.spec.repair == NONE:
        raise AtlasError(f"{folder} was not repaired, so no errors were recorded of its layers.")
    stored = {
        tensor.name: (shard, tensor) for shard in read_shards(folder) for tensor in shard.tensors
    }
    recipe = RepairedRecipe(run, replace(record.spec, run=run.id))

    def exported(layer: int) -> Mapping[WeightKey, MadeWeight]:
        found = {}
        for weight in recipe.weights:
            if weight.key.layer == layer:
                tensor = read_tensor(*stored[str(weight.tensor)])
                matrix = tensor.T if weight.transposed else tensor
                found[weight.key] = MadeWeight.of(matrix, matrix != 0, matrix.dtype)
        return found

    here = replace(run.spec, model=on_this_machine(run.spec.model))
    layers = repair(
        load_model(here.model, report),
        recipe.samples(),
        recipe.weights,
        recipe.solver(),
        here.sequences_per_batch,
        report,
        exported,
    )
    return {made.layer: made.error for made in layers}


def wrong_errors(record: Record, found: Mapping[int, float]) -> list[str]:
    """The layers whose error is another than recorded, in words."""
    recorded = record.errors or {}
    return [
        f"layer {layer} has the relative error {error:.5f} where {recorded.get(str(layer))} is recorded"
        for layer, error in found.items()
        if abs(error - recorded.get(str(layer), -1)) > TOLERANCE * error
    ]
