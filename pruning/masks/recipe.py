"""The masks of an export: made as its tensors come by, or before, by sequential pruning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from pruning.masks.combinations import combine, needed_domains
from pruning.masks.making import prune_of_layers
from pruning.masks.mask import Mask
from pruning.masks.norms import mixture_norms, score_norms
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.masks.sequential import prune_sequential
from pruning.masks.starved import prune_of_weight
from pruning.models.loading import load_model, on_this_machine
from pruning.progress import Report
from pruning.specs import MIXTURE, ExportSpec, WeightKey

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight
    from pruning.runs.run import Run

# A weight and its matrix (out, in) -> what is kept of it: bool (out, in), True = kept.
KeptOf = Callable[["PrunableWeight", torch.Tensor], torch.Tensor]


def one_shot(run: Run, spec: ExportSpec) -> KeptOf:
    """Masks from the dense model's statistics, each made when its tensor comes by.

    Raises as `score_norms`.
    """
    if spec.combination != MIXTURE:
        return _combined(run, spec)
    norms = mixture_norms(run, spec.prune, dict(spec.mixture))
    prunes = prune_of_layers(run, spec.prune, norms)

    def kept_of(weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        prune = prune_of_weight(prunes, weight, norms)
        channels = torch.from_numpy(norms[weight.input_key])
        return keep_highest(score(matrix, channels, prune, weight.key), prune)

    return kept_of


def _combined(run: Run, spec: ExportSpec) -> KeptOf:
    """Every domain's own mask, and the bits of these combined."""
    domains = needed_domains(run, spec.combination, spec.domains)
    norms = score_norms(run, spec.prune, domains)
    prunes = {domain: prune_of_layers(run, spec.prune, norms[domain]) for domain in domains}

    def kept_of(weight: PrunableWeight, matrix: torch.Tensor) -> torch.Tensor:
        masks = {}
        for domain in domains:
            prune = prune_of_weight(prunes[domain], weight, norms[domain])
            channels = torch.from_numpy(norms[domain][weight.input_key])
            scores = score(matrix, channels, prune, weight.key)
            masks[domain] = Mask.pack(keep_highest(scores, prune))
        return torch.from_numpy(combine(masks, spec.combination, spec.domains).unpack())

    return kept_of


def sequential_masks(
    run: Run, spec: ExportSpec, weights: Sequence[PrunableWeight], report: Report
) -> dict[WeightKey, Mask]:
    """Masks of Algorithm 1 on the run's own tokens; the model is in memory only meanwhile.

    Raises as `load_model` and `prune_sequential`.
    """
    samples = [(run.tokens(name), weight) for name, weight in spec.mixture]
    chosen = replace(
        spec.prune,
        layers=tuple(sorted({weight.key.layer for weight in weights})),
        projections=tuple(sorted({weight.key.name for weight in weights})),
    )
    here = replace(run.spec, model=on_this_machine(run.spec.model))
    loaded = load_model(here.model, report)
    return prune_sequential(loaded, samples, chosen, here.sequences_per_batch, report)


def stored(masks: Mapping[WeightKey, Mask]) -> KeptOf:
    """Masks that are there already."""
    return lambda weight, _: torch.from_numpy(masks[weight.key].unpack())
