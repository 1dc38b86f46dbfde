"""Plain references: the whole model with hooks on every linear map, nothing clever."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.models.loading import LoadedModel
from pruning.specs import PruneSpec, WeightKey


@torch.no_grad()
def plain_sums(
    loaded: LoadedModel, input_ids: np.ndarray, valid: np.ndarray, keys: Iterable[WeightKey]
) -> dict[WeightKey, np.ndarray]:
    """For each weight, the sum over valid positions of its squared input, by hooks; float64."""
    sums: dict[WeightKey, np.ndarray] = {}
    handles = []
    current = torch.zeros(0)

    def listen(key: WeightKey) -> None:
        def hook(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            counted = inputs[0].reshape(-1, inputs[0].shape[-1])[current]
            total = counted.double().square().sum(0).numpy()
            sums[key] = sums.get(key, 0) + total

        handles.append(loaded.submodule(key).register_forward_pre_hook(hook))

    for key in keys:
        listen(key)
    try:
        for row, counted in zip(input_ids, valid, strict=True):
            current = torch.from_numpy(counted)
            loaded.module(torch.from_numpy(row.astype(np.int64))[None], use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return sums


def plain_sequential(
    loaded: LoadedModel, input_ids: np.ndarray, valid: np.ndarray, prune: PruneSpec
) -> dict[WeightKey, np.ndarray]:
    """For each layer in turn: run the full model, score, prune in place. Changes the model."""
    kept: dict[WeightKey, np.ndarray] = {}
    for layer in range(len(loaded.layers)):
        keys = [key for key in loaded.keys if key.layer == layer]
        sums = plain_sums(loaded, input_ids, valid, keys)
        for key in keys:
            matrix = loaded.matrix(key)
            norms = torch.from_numpy(np.sqrt(sums[key]))
            mask = keep_highest(score(matrix, norms, prune, key), prune)
            matrix.masked_fill_(~mask, 0)
            kept[key] = mask.numpy()
    return kept
