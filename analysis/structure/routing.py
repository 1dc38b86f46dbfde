"""Which experts a domain uses: the tokens that the router sent to each, from the stored counts.

Calibration counts for every expert the tokens that it has read, so this needs no forward pass. For
a mixture of experts it is the most direct picture of what a domain needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruning.errors import InputError
from pruning.masks.starved import starved_sentence
from pruning.runs.run import Run
from pruning.runs.statistics import ENOUGH_TOKENS, ChannelStats
from pruning.specs import WeightKey

Integer = NDArray[np.int64]
Float = NDArray[np.float64]
ABSENT = -1  # the count of an expert that a layer does not have


@dataclass(frozen=True, kw_only=True)
class RoutingTable:
    """Tokens by domain (D), layer (L) and expert (E).

    layers: the decoder layers that have experts. tokens: (D, L, E), those sent to each expert;
    ABSENT where a layer has fewer experts. text: (D,), all tokens of the domain's text.
    """

    domains: tuple[str, ...]
    layers: tuple[int, ...]
    tokens: Integer
    text: Integer

    @property
    def experts(self) -> int:
        """The largest number of experts in a layer."""
        return int(self.tokens.shape[2])

    def shares(self) -> Float:
        """(D, L, E): the share of the text's tokens sent to each expert; NaN where there is none.

        A router that sends each token to k experts makes a layer's shares add up to k.
        """
        shares = self.tokens / np.maximum(self.text, 1)[:, None, None]
        return np.where(self.tokens == ABSENT, np.nan, shares)

    def against_others(self) -> Float:
        """(D, L, E): each domain's shares minus the mean of the other domains'; 0 for a single."""
        shares, count = self.shares(), len(self.domains)
        if count == 1:
            return shares - shares
        return shares - (shares.sum(axis=0) - shares) / (count - 1)

    def distance(self) -> Float:
        """(D, D, L): total variation between two domains' routing, in [0, 1].

        Half the sum over experts of |p - q|, p and q being the experts' shares of all that the
        layer's router sent: what share of it would have to go elsewhere.
        """
        sent = np.where(self.tokens == ABSENT, 0, self.tokens)
        parts = sent / np.maximum(sent.sum(axis=2, keepdims=True), 1)
        return np.abs(parts[:, None] - parts[None]).sum(axis=3) / 2

    def starved(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Domain -> (layer, expert) of those that saw fewer than ENOUGH_TOKENS of its tokens."""
        few = (self.tokens != ABSENT) & (self.tokens < ENOUGH_TOKENS)
        return {
            name: tuple((self.layers[row], int(expert)) for row, expert in np.argwhere(few[number]))
            for number, name in enumerate(self.domains)
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """Tidy: one dict for each domain, layer and expert."""
        shares = self.shares()
        for index, tokens in np.ndenumerate(self.tokens):
            if tokens != ABSENT:
                domain, layer, expert = index
                yield {
                    "domain": self.domains[domain],
                    "layer": self.layers[layer],
                    "expert": expert,
                    "tokens": int(tokens),
                    "share": float(shares[index]),
                }


def routing_table(run: Run) -> RoutingTable:
    """The counts of a run. Raises InputError if its model has no experts, or none was calibrated.

    Reads the token counts of every domain, and none of its sums, which of many experts are
    gigabytes. AtlasError if the run is unfinished.
    """
    inputs: dict[tuple[int, int], WeightKey] = {}
    for weight in run.weights:
        if weight.key.expert is not None:
            inputs.setdefault((weight.key.layer, weight.key.expert), weight.input_key)
    if not inputs:
        raise InputError(
            f"Run {run.id} has no experts; routing is for mixtures of experts, such as Mixtral."
        )
    run.require_done()
    layers = tuple(sorted({layer for layer, _ in inputs}))
    experts = max(expert for _, expert in inputs) + 1
    tokens = np.full((len(run.domains), len(layers), experts), ABSENT, dtype=np.int64)
    for number, domain in enumerate(run.domains):
        counts = ChannelStats.load(run.stats_path(domain), inputs=()).tokens
        for (layer, expert), key in inputs.items():
            tokens[number, layers.index(layer), expert] = counts[key].sum()
    text = [run.manifest.domains[domain].tokens for domain in run.domains]
    return RoutingTable(
        domains=run.domains, layers=layers, tokens=tokens, text=np.array(text, dtype=np.int64)
    )


def routing_sentence(table: RoutingTable, domain: str, name: Callable[[str], str] = str) -> str:
    """Where a domain's routing is most its own; beside it, how the other domains do there."""
    apart = table.against_others()[table.domains.index(domain)]
    row, expert = np.unravel_index(np.nanargmax(apart), apart.shape)
    share = table.shares()[table.domains.index(domain), row, expert]
    found = f"{name(domain)} sends {share:.1%} of its tokens in layer {table.layers[row]} to expert"
    if len(table.domains) == 1:
        return f"{found} {expert}."
    return (
        f"{found} {expert}; the other domains send {share - apart[row, expert]:.1%} on average. "
        "No other expert is more its own."
    )


def starved_experts_sentence(table: RoutingTable, name: Callable[[str], str] = str) -> str | None:
    """How many experts saw too few tokens of which domain; None if none did."""
    return starved_sentence({domain: len(few) for domain, few in table.starved().items()}, name)


def distance_sentence(table: RoutingTable, name: Callable[[str], str] = str) -> str:
    """Which two domains are routed most differently, and in which layer."""
    if len(table.domains) < 2:
        return "One domain alone shows what its router does, not what is special in it."
    distance = table.distance()
    a, b = np.unravel_index(distance.mean(axis=2).argmax(), distance.shape[:2])
    layer = int(distance[a, b].argmax())
    return (
        f"Most different are {name(table.domains[a])} and {name(table.domains[b])}: in layer "
        f"{table.layers[layer]}, {distance[a, b, layer]:.1%} of what the router sends would have "
        f"to go to other experts to make them alike; over all layers, {distance[a, b].mean():.1%}."
    )
