"""The choice that each decoder layer is pruned by, where layers lose different shares."""

from __future__ import annotations

from dataclasses import replace

from pruning.specs import PruneSpec
from pruning.submodels import Norms, owl_sparsities
from pruning.workspace import Run


def prune_of_layers(run: Run, prune: PruneSpec, norms: Norms) -> dict[int, PruneSpec]:
    """Layer -> `prune` with that layer's own sparsity; the same for all if allocation is uniform.

    Raises as `submodels.owl_sparsities`.
    """
    if prune.allocation == "uniform":
        return dict.fromkeys(run.layers, prune)
    return {
        layer: replace(prune, allocation="uniform", sparsity=sparsity)
        for layer, sparsity in owl_sparsities(run, prune, norms).items()
    }
