"""Experts that saw too few tokens: known by name, and never pruned by sums that mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.masks.norms import ScoreNorms
from pruning.runs.statistics import ENOUGH_TOKENS
from pruning.specs import PruneSpec, WeightKey

if TYPE_CHECKING:
    from pruning.runs.run import Run


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


def check_removal(run: Run, prune: PruneSpec, domains: Sequence[str]) -> None:
    """Raise InputError if a domain's mask keeps experts whole only because too little is known.

    All that no other domain keeps of them would be removed as this domain's own.
    """
    if prune.starved != "dense" or not prune.reads_text:
        return
    starved = [name for name in domains if run.stats(name).starved]
    if starved:
        raise InputError(
            f"Some experts saw too little of {', '.join(starved)} to say what only it needs, so "
            "leaving them dense has no meaning in a removal; let starved experts be pruned by "
            "magnitude."
        )


def starved_sentence(starved: Mapping[str, int], name: Callable[[str], str] = str) -> str | None:
    """How many experts saw too few tokens of which domain; None if none did.

    starved: domain -> such experts of all layers.
    """
    found = [f"{count} of {name(domain)}" for domain, count in starved.items() if count]
    if not found:
        return None
    return (
        f"Experts that saw fewer than {ENOUGH_TOKENS} tokens: {', '.join(found)}. For such a "
        "domain they are pruned by magnitude alone, or left dense if you choose so; more text "
        "shows more of them."
    )


def count_experts(keys: Collection[WeightKey]) -> int:
    """The experts that some weights or inputs of experts belong to."""
    return len({(key.layer, key.expert) for key in keys})


def left_dense_sentence(weights: Collection[WeightKey]) -> str | None:
    """How many weight matrices of how many experts a sub-model leaves dense; None if none."""
    if not weights:
        return None
    experts = count_experts(weights)
    matrices = f"{len(weights)} {'matrix' if len(weights) == 1 else 'matrices'}"
    return (
        f"Left dense: {matrices} of {experts} {'expert' if experts == 1 else 'experts'} that saw "
        f"fewer than {ENOUGH_TOKENS} tokens of the text."
    )
