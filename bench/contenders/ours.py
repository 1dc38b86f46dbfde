"""Ours: sums for groups of documents in one pass, and masks made of them; and layer by layer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.contenders.trial import SPARSITY, Trial
from pruning.calibration.decoder import Decoder
from pruning.calibration.passages import Passage, batches_of, pass_through
from pruning.domains.token_sample import TokenSample
from pruning.masks.making import Norms, masks_of_rows, row_blocks
from pruning.masks.mask import Mask
from pruning.masks.scores import importance
from pruning.masks.sequential import prune_sequential
from pruning.models.loading import LoadedModel, load_model
from pruning.runs.statistics import ChannelStats
from pruning.specs import ModelSpec, PruneSpec, SampleSpec, WeightKey

GROUPS = 16  # of documents, as `calibrate` has by default
HALF = PruneSpec(sparsity=SPARSITY)
MORE = PruneSpec(sparsity=0.6)


def main() -> None:
    """Measures ours, and the plain forward pass in turns with it."""
    trial = Trial()
    loaded = load_model(ModelSpec(source=str(trial.folder), dtype="float32", device="cpu"))
    sample, more = (sample_of(tokens) for tokens in (trial.tokens, trial.more_tokens))
    size = batch_size(sample)
    norms = calibrate(loaded, sample_of(trial.tokens[:1]), size)  # warmed up, as the model is
    for _ in range(trial.rounds):
        trial.measure_forward()
        norms, masks = trial.measure("one-shot", one_shot, loaded, sample, size)
        in_turn = trial.measure("sequential", prune_sequential, loaded, [(sample, 1.0)], HALF, size)
        trial.measure("a further domain", calibrate, loaded, more, size)
        trial.measure("a further sparsity", make_masks, loaded, norms, MORE)
    trial.keep_masks("one-shot", named(loaded, masks))
    trial.keep_masks("sequential", named(loaded, in_turn))
    trial.finish()


def sample_of(tokens: Tensor) -> TokenSample:
    """Sequences in which every position counts, dealt to groups; no group is without any."""
    groups = min(GROUPS, len(tokens))
    group = np.arange(len(tokens), dtype=np.int32) * groups // len(tokens)
    return TokenSample(
        input_ids=tokens.numpy().astype(np.int32),
        valid=np.ones(tokens.shape, dtype=bool),
        group=group.astype(np.int32),
        documents=np.bincount(group).astype(np.int64),
    )


def batch_size(sample: TokenSample) -> int:
    """What `calibrate` chooses."""
    spec = SampleSpec(num_samples=sample.num_samples, seq_len=sample.seq_len, groups=1)
    return spec.sequences_per_batch("cpu")


def one_shot(
    loaded: LoadedModel, sample: TokenSample, size: int
) -> tuple[Norms, dict[WeightKey, Mask]]:
    """What a run's calibration and masks do."""
    norms = calibrate(loaded, sample, size)
    return norms, make_masks(loaded, norms, HALF)


def calibrate(loaded: LoadedModel, sample: TokenSample, size: int) -> Norms:
    """The norms of every input, over all groups, whose sums are written to disk one by one."""
    with tempfile.TemporaryDirectory() as folder:
        decoder = Decoder(loaded)
        files = [Path(folder) / f"{group}.safetensors" for group in range(sample.groups)]
        for group, file in enumerate(files):
            batches = batches_of(sample, np.flatnonzero(sample.group == group), size)
            passage = Passage(decoder, batches)
            pass_through(loaded, [passage], loaded.weights)
            passage.stats().save(file)
        return ChannelStats.stack([ChannelStats.load(file) for file in files]).norms()


def make_masks(loaded: LoadedModel, norms: Norms, prune: PruneSpec) -> dict[WeightKey, Mask]:
    """Every weight's mask, as `pruning.masks.making.masks_from_norms` makes it of a checkpoint."""
    masks = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for weight in loaded.weights:
            factor = importance(loaded.matrix(weight.key), prune, weight.key).numpy()
            channels = norms[weight.input_key].astype(np.float32)
            rows = pool.map(partial(masks_of_rows, [(channels, prune)]), row_blocks(factor, prune))
            masks[weight.key] = Mask.stack([of_rows for (of_rows,) in rows])
    return masks


def named(loaded: LoadedModel, masks: Mapping[WeightKey, Mask]) -> dict[str, Tensor]:
    """Parameter name -> bool (out, in)."""
    return {
        loaded.weight(key).parameter: torch.from_numpy(mask.unpack()) for key, mask in masks.items()
    }


if __name__ == "__main__":
    main()
