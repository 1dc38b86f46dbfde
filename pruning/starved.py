"""Experts that saw too few tokens: known by name, and never pruned by sums that mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pruning.specs import PruneSpec, WeightKey
from pruning.statistics import ENOUGH_TOKENS, ChannelStats
from pruning.weights import PrunableWeight


class ScoreNorms(dict[WeightKey, NDArray]):
    """Input norms, input key -> (channels,), and the inputs of experts that saw too few tokens.

    The norms of these are all 1, so that the weights' magnitudes alone decide.
    """

    def __init__(self, norms: Mapping[WeightKey, NDArray], starved: frozenset[WeightKey]) -> None:
        super().__init__(norms)
        self.starved = starved
        for key in starved:
            self[key] = np.ones_like(self[key])


def norms_of(stats: ChannelStats, norms: Mapping[WeightKey, NDArray] | None = None) -> ScoreNorms:
    """The norms to score with. norms: made from `stats` in another way; None: their own."""
    return ScoreNorms(stats.norms() if norms is None else norms, stats.starved)


def prune_of_weight(
    prunes: Mapping[int, PruneSpec], weight: PrunableWeight, norms: ScoreNorms
) -> PruneSpec:
    """How one weight is pruned: as its layer, or not at all where a starved expert stays dense."""
    prune = prunes[weight.key.layer]
    if stays_dense(prune, weight, norms.starved):
        return replace(prune, sparsity=0.0, pattern="unstructured")
    return prune


def stays_dense(prune: PruneSpec, weight: PrunableWeight, starved: Collection[WeightKey]) -> bool:
    """Whether a weight is left as it is because its expert saw too few tokens.

    starved: inputs, as `ChannelStats.starved`.
    """
    return prune.starved == "dense" and prune.reads_text and weight.input_key in starved


def starved_sentence(
    starved: Mapping[str, frozenset[WeightKey]], name: Callable[[str], str] = str
) -> str | None:
    """How many experts saw too few tokens of which domain; None if none did.

    starved: domain -> inputs, as `ChannelStats.starved`.
    """
    experts = {
        domain: len({(key.layer, key.expert) for key in keys}) for domain, keys in starved.items()
    }
    found = [f"{count} of {name(domain)}" for domain, count in experts.items() if count]
    if not found:
        return None
    return (
        f"Experts that saw fewer than {ENOUGH_TOKENS} tokens: {', '.join(found)}. For such a "
        "domain they are pruned by magnitude alone, or left dense if you choose so; more text "
        "shows more of them."
    )


def left_dense_sentence(weights: Collection[WeightKey]) -> str | None:
    """How many weight matrices of how many experts a sub-model leaves dense; None if none."""
    if not weights:
        return None
    experts = len({(key.layer, key.expert) for key in weights})
    matrices = f"{len(weights)} {'matrix' if len(weights) == 1 else 'matrices'}"
    return (
        f"Left dense: {matrices} of {experts} {'expert' if experts == 1 else 'experts'} that saw "
        f"fewer than {ENOUGH_TOKENS} tokens of the text."
    )
