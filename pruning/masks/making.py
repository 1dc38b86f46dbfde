"""From a finished run to masks: arithmetic on stored sums and one weight matrix at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.masks.allocation import layer_sparsities, outlier_shares
from pruning.masks.mask import Mask
from pruning.masks.norms import ScoreNorms, score_norms
from pruning.masks.scores import importance, loudness
from pruning.masks.selecting import keep_highest
from pruning.masks.starved import prune_of_weight
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import PruneSpec, WeightKey
from pruning.specs.selection import select_weights

Norms = Mapping[WeightKey, NDArray]
Made = TypeVar("Made")

BLOCK = 2**18  # weights scored at a time: their scores and a copy fit a third-level cache


def selected_weights(run: Run, prune: PruneSpec) -> tuple[PrunableWeight, ...]:
    """The run's weights in the layers and projections of `prune`.

    InputError if there are none, or if an n:m pattern does not divide the rows of one.
    """
    keys = [weight.key for weight in run.weights]
    chosen = set(select_weights(keys, prune.layers, prune.projections))
    weights = tuple(weight for weight in run.weights if weight.key in chosen)
    for weight in weights:
        if prune.block is not None and weight.shape[1] % prune.block[1]:
            raise InputError(
                f"The pattern {prune.pattern} does not divide {weight.key}: its rows have "
                f"{weight.shape[1]} inputs, which is no multiple of {prune.block[1]}. "
                "Choose another pattern or leave this projection out."
            )
    return weights


def from_scores(
    run: Run,
    prune: PruneSpec,
    norms: Mapping[str, Norms],
    make: Callable[[Tensor], Made],
    weights: Sequence[PrunableWeight] | None = None,
) -> Iterator[tuple[PrunableWeight, dict[str, Made]]]:
    """For each weight matrix in turn, what `make` makes of its scores under every set of norms.

    norms: name -> (input key -> (channels,)). make: float32 (out, in) -> e.g. a mask. One weight
    matrix is in memory at a time, with one score matrix for each processor, as numpy and torch
    work without Python's lock. A score that ignores the text is made once, and every name gets the
    same object.
    """
    reader = run.weight_reader()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for weight in weights if weights is not None else selected_weights(run, prune):
            factor = importance(reader.matrix(weight.key), prune, weight.key)
            if not prune.reads_text:
                yield weight, dict.fromkeys(norms, make(factor))
                continue
            of_weight = partial(_from_one, make, factor, prune)
            channels = [of_inputs[weight.input_key] for of_inputs in norms.values()]
            yield weight, dict(zip(norms, pool.map(of_weight, channels), strict=True))


def _from_one(
    make: Callable[[Tensor], Made], factor: Tensor, prune: PruneSpec, norms: NDArray
) -> Made:
    return make(factor * loudness(torch.from_numpy(norms), prune))


def masks_from_norms(
    run: Run,
    prune: PruneSpec,
    norms: Mapping[str, ScoreNorms],
    weights: Sequence[PrunableWeight] | None = None,
) -> Iterator[tuple[PrunableWeight, dict[str, Mask]]]:
    """For each weight matrix in turn, the mask of every named set of input norms."""
    if not prune.reads_text:
        yield from from_scores(run, prune, norms, partial(_mask, prune=prune), weights)
        return
    prunes = {name: prune_of_layers(run, prune, each) for name, each in norms.items()}
    reader = run.weight_reader()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for weight in weights if weights is not None else selected_weights(run, prune):
            factor = importance(reader.matrix(weight.key), prune, weight.key)
            wanted = [
                (
                    loudness(torch.from_numpy(norms[name][weight.input_key]), prune).numpy(),
                    prune_of_weight(prunes[name], weight, norms[name]),
                )
                for name in norms
            ]
            blocks = row_blocks(factor.numpy(), prune)
            if len(blocks) == 1:  # a mask for each processor instead of a block
                each = pool.map(masks_of_rows, [[one] for one in wanted], repeat(blocks[0]))
                masks = [mask for (mask,) in each]
            else:
                parts = pool.map(partial(masks_of_rows, wanted), blocks)
                masks = list(map(Mask.stack, zip(*parts, strict=True)))
            yield weight, dict(zip(norms, masks, strict=True))


def row_blocks(factor: NDArray, prune: PruneSpec) -> list[NDArray]:
    """A few rows at a time, to be scored, compared and packed while they are in the cache.

    factor: (out, in) -> views (rows, in). The whole matrix at once where its rows compete with
    each other.
    """
    rows, columns = factor.shape
    whole = prune.comparison_group == "matrix" and prune.pattern == "unstructured"
    step = rows if whole else max(1, BLOCK // columns)
    return [factor[start : start + step] for start in range(0, rows, step)]


def masks_of_rows(wanted: Sequence[tuple[NDArray, PruneSpec]], factor: NDArray) -> list[Mask]:
    """The masks of some rows, for every loudness (in,) and choice. factor: float32 (rows, in)."""
    scores = np.empty(factor.shape, dtype=np.float32)
    masks = []
    for channels, prune in wanted:
        np.multiply(factor, channels, out=scores)
        masks.append(_mask(torch.from_numpy(scores), prune=prune))
    return masks


def _mask(scores: Tensor, *, prune: PruneSpec) -> Mask:
    return Mask.pack(keep_highest(scores, prune))


def prune_of_layers(run: Run, prune: PruneSpec, norms: ScoreNorms) -> dict[int, PruneSpec]:
    """Layer -> `prune` with that layer's own sparsity; the same for all if allocation is uniform.

    Raises as `owl_sparsities`.
    """
    if prune.allocation == "uniform":
        return dict.fromkeys(run.layers, prune)
    return {
        layer: replace(prune, allocation="uniform", sparsity=sparsity)
        for layer, sparsity in owl_sparsities(run, prune, norms).items()
    }


def owl_sparsities(run: Run, prune: PruneSpec, norms: ScoreNorms) -> dict[int, float]:
    """OWL's sparsity of every selected layer, for one set of input norms: layer -> [0, 1).

    The layers' shares of outliers need two passes over the weights; they are stored with the run.
    InputError where the sparsity leaves OWL no room.
    """
    weights = _informed(selected_weights(run, prune), norms)

    def look() -> dict[str, float]:
        matrices = run.weight_reader()
        shares = outlier_shares(
            lambda: ((weight, matrices.matrix(weight.key)) for weight in weights), norms
        )
        return {str(layer): share for layer, share in shares.items()}

    shares = _outliers(run, weights, norms).get(look, _by_layer)
    return layer_sparsities(shares, prune.sparsity)


def _by_layer(data: dict[str, float]) -> dict[int, float]:
    return {int(layer): share for layer, share in data.items()}


def has_outlier_shares(run: Run, prune: PruneSpec, norms: ScoreNorms) -> bool:
    """Whether `owl_sparsities` has looked at the weights before."""
    return _outliers(run, _informed(selected_weights(run, prune), norms), norms).is_there()


def _outliers(run: Run, weights: Sequence[PrunableWeight], norms: ScoreNorms) -> Kept:
    digest = hashlib.sha256()
    for weight in weights:
        digest.update(str(weight.key).encode())
        digest.update(np.ascontiguousarray(norms[weight.input_key]).tobytes())
    return Kept(run.folder / "outliers" / f"{digest.hexdigest()[:16]}.json")


def _informed(weights: Sequence[PrunableWeight], norms: ScoreNorms) -> list[PrunableWeight]:
    """The weights without those of starved experts, but for layers that have no others."""
    starved = norms.starved
    known = {weight.key.layer for weight in weights if weight.input_key not in starved}
    return [w for w in weights if w.input_key not in starved or w.key.layer not in known]


def run_masks(
    run: Run,
    prune: PruneSpec,
    domains: Sequence[str] | None = None,
    weights: Sequence[PrunableWeight] | None = None,
) -> Iterator[tuple[PrunableWeight, dict[str, Mask]]]:
    """For each weight matrix in turn, the mask of every domain: domain name -> mask."""
    return masks_from_norms(run, prune, score_norms(run, prune, domains or run.domains), weights)
