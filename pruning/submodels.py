"""From a finished run to masks: arithmetic on stored sums and one weight matrix at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from numpy.typing import NDArray
from torch import Tensor

from pruning.architecture import PrunableWeight
from pruning.errors import InputError
from pruning.masks import Mask, keep_highest
from pruning.scores import score
from pruning.specs import PruneSpec, WeightKey, select_weights
from pruning.statistics import ChannelStats, mix
from pruning.workspace import Run

Norms = Mapping[WeightKey, NDArray]


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


def mixture_stats(run: Run, mixture: Mapping[str, float]) -> ChannelStats:
    """The statistics of a weighted mixture of the run's domains (see `statistics.mix`)."""
    return mix([(run.stats(domain), weight) for domain, weight in mixture.items()])


def scores_from_norms(
    run: Run,
    prune: PruneSpec,
    norms: Mapping[str, Norms],
    weights: Sequence[PrunableWeight] | None = None,
) -> Iterator[tuple[PrunableWeight, dict[str, Tensor]]]:
    """For each weight matrix in turn, its float32 scores (out, in) under every set of norms.

    norms: name -> (input key -> (channels,)). Only one weight matrix is in memory at a time. A
    score that ignores the text gives every name the same tensor.
    """
    reader = run.weight_reader()
    for weight in weights if weights is not None else selected_weights(run, prune):
        matrix = reader.matrix(weight.key)
        if prune.score != "wanda":
            yield weight, dict.fromkeys(norms, score(matrix, None, prune, weight.key))
            continue
        channels = {
            name: torch.from_numpy(of_inputs[weight.input_key]) for name, of_inputs in norms.items()
        }
        yield weight, {name: score(matrix, c, prune, weight.key) for name, c in channels.items()}


def masks_from_norms(
    run: Run,
    prune: PruneSpec,
    norms: Mapping[str, Norms],
    weights: Sequence[PrunableWeight] | None = None,
) -> Iterator[tuple[PrunableWeight, dict[str, Mask]]]:
    """For each weight matrix in turn, the mask of every named set of input norms."""
    for weight, scores in scores_from_norms(run, prune, norms, weights):
        masks = {id(s): Mask.pack(keep_highest(s, prune)) for s in scores.values()}
        yield weight, {name: masks[id(s)] for name, s in scores.items()}


def run_scores(
    run: Run, prune: PruneSpec, weights: Sequence[PrunableWeight] | None = None
) -> Iterator[tuple[PrunableWeight, dict[str, Tensor]]]:
    """For each weight matrix in turn, its scores in every domain: domain name -> (out, in)."""
    return scores_from_norms(run, prune, _domain_norms(run, run.domains), weights)


def run_masks(
    run: Run,
    prune: PruneSpec,
    domains: Sequence[str] | None = None,
    weights: Sequence[PrunableWeight] | None = None,
) -> Iterator[tuple[PrunableWeight, dict[str, Mask]]]:
    """For each weight matrix in turn, the mask of every domain: domain name -> mask."""
    return masks_from_norms(run, prune, _domain_norms(run, domains or run.domains), weights)


def mixture_masks(
    run: Run, prune: PruneSpec, mixture: Mapping[str, float]
) -> Iterator[tuple[PrunableWeight, Mask]]:
    """For each weight matrix in turn, the mask of one weighted mixture of domains."""
    norms = {"mixture": mixture_stats(run, mixture).norms()}
    for weight, masks in masks_from_norms(run, prune, norms):
        yield weight, masks["mixture"]


def _domain_norms(run: Run, domains: Sequence[str]) -> dict[str, Norms]:
    return {domain: run.stats(domain).norms() for domain in domains}
