"""Repair in sequential pruning: each input is looked at behind all that was repaired before it.

Two streams of hidden states go through the decoder side by side, those of the dense model and those
of the sub-model as it comes to be. Layer by layer, and within a layer input by input in the order of
reading (q, k, v; o; gate, up; down), the sums of both are collected, the weights that read the input
are solved for, and what comes after sees them repaired.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pruning.calibration.decoder import Decoder, check_layer_by_layer
from pruning.calibration.passages import HiddenStates, batches_of, fits_memory
from pruning.checkpoints.weights import PrunableWeight, WeightReader
from pruning.domains.packing import TokenSample
from pruning.models.loading import LoadedModel
from pruning.progress import Meter, Report, ignore
from pruning.repair.collecting import Pair, collect, distance, fitting, stages
from pruning.repair.made import MadeWeight
from pruning.repair.solving import Solver
from pruning.specs import WeightKey

Layer = Mapping[WeightKey, MadeWeight]


@dataclass(frozen=True, kw_only=True)
class LayerMade:
    """One decoder layer of a sub-model. error: of its output, see `collecting.distance`."""

    layer: int
    weights: Layer
    error: float


def repair(
    loaded: LoadedModel,
    samples: Sequence[tuple[TokenSample, float]],
    weights: Sequence[PrunableWeight],
    solver: Solver,
    batch_size: int,
    report: Report = ignore,
    known: Callable[[int], Layer | None] = lambda layer: None,
) -> Iterator[LayerMade]:
    """The sub-model, one decoder layer after the other; the model is as it was at any exit.

    samples: the token sample and weight of each domain in the mixture. weights: those to prune.
    known: layers that were made before, of the same samples, and are not solved for again.
    Hidden states of all samples are held twice; those of a model that is streamed go to a temporary
    folder where memory is short. Raises AtlasError where activations overflow, or for an expert
    that no token reaches.
    """
    check_layer_by_layer(loaded)
    last = max(weight.key.layer for weight in weights)
    inputs = {weight.input_key for weight in weights}
    meter = Meter(report, "Repairing layer by layer", len(inputs) + last + 1)
    with tempfile.TemporaryDirectory(prefix="submodel-atlas-") as folder:
        pairs = _enter(loaded, samples, batch_size, Path(folder))
        for index in range(last + 1):
            here = [weight for weight in weights if weight.key.layer == index]
            with loaded.resident(index):
                made = known(index) if here else {}
                if made is None:
                    made = _repair_layer(loaded, pairs, here, solver, meter)
                else:
                    meter.skip(len({weight.input_key for weight in here}))
                matrices = {key: made[key].matrix(loaded.matrix(key)) for key in made}
                apart = []
                for pair in pairs:
                    apart.append(pair.advance(loaded, matrices))
                    pair.park()
            meter.step(f"layer {index}")
            if here:
                yield LayerMade(layer=index, weights=made, error=distance(apart, pairs))


def _enter(
    loaded: LoadedModel,
    samples: Sequence[tuple[TokenSample, float]],
    batch_size: int,
    folder: Path,
) -> list[Pair]:
    texts = [batches_of(sample, range(sample.num_samples), batch_size) for sample, _ in samples]
    hold = fits_memory(loaded, 2 * [ids for batches in texts for ids, _ in batches])
    decoder = Decoder(loaded)
    pairs = []
    for number, (batches, (_, weight)) in enumerate(zip(texts, samples, strict=True)):
        dense, pruned = (
            HiddenStates(
                decoder, batches, None if hold else folder / f"{number}-{name}.safetensors"
            )
            for name in ("dense", "pruned")
        )
        pairs.append(Pair(dense=dense, pruned=pruned, weight=weight))
    return pairs


def _repair_layer(
    loaded: LoadedModel,
    pairs: Sequence[Pair],
    weights: Sequence[PrunableWeight],
    solver: Solver,
    meter: Meter,
) -> Layer:
    """Every weight of the next layer, solved for in the order in which their inputs are read."""
    made: dict[WeightKey, MadeWeight] = {}
    changed: dict[WeightKey, Tensor] = {}
    reader = WeightReader(loaded.folder, weights)
    for stage in stages(pairs[0], loaded, weights):
        channels = {weight.input_name: weight.shape[1] for weight in weights}
        before = dict(changed)
        for names in fitting([(name, channels[name]) for name in stage], loaded.device):
            readers = [weight for weight in weights if weight.input_name in names]
            sums = collect(loaded, pairs, readers, before, paired=solver.paired)
            for name in names:
                of_input = [weight for weight in readers if weight.input_name == name]
                matrices = {weight.key: reader.matrix(weight.key) for weight in of_input}
                moments = sums.pop(name)
                for key, solved in solver.solve(of_input, matrices, moments).items():
                    made[key] = solved
                    changed[key] = solved.matrix(loaded.matrix(key))
                meter.step(
                    f"layer {of_input[0].key.layer}, {', '.join(w.key.projection for w in of_input)}"
                )
    return made
