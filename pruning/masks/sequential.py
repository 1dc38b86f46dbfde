"""Wanda's Algorithm 1, faithfully: each layer is calibrated on what the pruned layers give it.

(Sun et al. 2023, arXiv 2306.11695.) One-shot masks come from the dense model's statistics alone.
Here a layer is visited twice: once dense, for the norms of its inputs and so its masks; once
pruned, for the hidden states that the next layer is calibrated on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from pruning.calibration.decoder import Decoder, check_layer_by_layer
from pruning.calibration.passages import HiddenStates, batches_of, fits_memory
from pruning.checkpoints.weights import PrunableWeight
from pruning.domains.token_sample import TokenSample
from pruning.masks.mask import Mask
from pruning.masks.norms import norms_of
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.masks.starved import prune_of_weight
from pruning.masks.surgery import temporary_masks
from pruning.models.loading import LoadedModel
from pruning.progress import Meter, Report, ignore
from pruning.runs.statistics import ChannelStats, mix
from pruning.specs import PruneSpec, WeightKey
from pruning.specs.selection import select_weights


def prune_sequential(
    loaded: LoadedModel,
    samples: Sequence[tuple[TokenSample, float]],
    prune: PruneSpec,
    batch_size: int,
    report: Report = ignore,
) -> dict[WeightKey, Mask]:
    """The masks of every chosen weight; the model is as it was when this returns or raises.

    samples: the token sample and weight of each domain in the mixture. Hidden states of all
    samples are held: samples x positions x hidden size numbers; those of a model that is streamed
    go to a temporary folder where memory is short. Raises InputError for layers, projections or
    patterns that do not fit, AtlasError where activations overflow.
    """
    check_layer_by_layer(loaded)
    chosen = set(select_weights([w.key for w in loaded.weights], prune.layers, prune.projections))
    weights = [weight for weight in loaded.weights if weight.key in chosen]
    texts = [batches_of(sample, range(sample.num_samples), batch_size) for sample, _ in samples]
    hold = fits_memory(loaded, [ids for batches in texts for ids, _ in batches])
    decoder = Decoder(loaded)
    last = max(key.layer for key in chosen)
    meter = Meter(report, "Pruning layer by layer", last + 1)
    masks: dict[WeightKey, Mask] = {}
    with tempfile.TemporaryDirectory(prefix="submodel-atlas-") as folder:
        streams = [
            HiddenStates(decoder, batches, None if hold else Path(folder) / f"{number}.safetensors")
            for number, batches in enumerate(texts)
        ]
        for index in range(last + 1):
            here = [weight for weight in weights if weight.key.layer == index]
            with loaded.resident(index):
                if here:
                    parts = []
                    for stream, (_, weight) in zip(streams, samples, strict=True):
                        parts.append((stream.sums(here, advance=False), weight))
                        stream.park(keep=False)
                    masks.update(_layer_masks(loaded, here, mix(parts), prune))
                with temporary_masks(loaded, {w.key: masks[w.key] for w in here}):
                    for stream in streams if index < last else ():
                        stream.advance()
                        stream.park(keep=False)
            meter.step(f"layer {index}")
    return masks


def _layer_masks(
    loaded: LoadedModel, weights: Sequence[PrunableWeight], stats: ChannelStats, prune: PruneSpec
) -> dict[WeightKey, Mask]:
    norms = norms_of(stats)
    masks = {}
    for weight in weights:
        of_weight = prune_of_weight({weight.key.layer: prune}, weight, norms)
        matrix = loaded.matrix(weight.key)
        channels = torch.from_numpy(norms[weight.input_key])
        masks[weight.key] = Mask.pack(
            keep_highest(score(matrix, channels, of_weight, weight.key), of_weight)
        )
    return masks
