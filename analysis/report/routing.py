"""Which experts each domain uses, for a mixture of experts."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from analysis.captions import about_run
from analysis.figures.domains import label
from analysis.figures.look import LIGHT
from analysis.figures.routing import routing_heatmap
from analysis.figures.tables import columns_of
from analysis.report.html import Data, Figure, Part, Section, Table, listing, paragraph
from analysis.report.source import Source
from analysis.structure.routing import (
    RoutingTable,
    distance_sentence,
    routing_sentence,
    starved_experts_sentence,
)

COUNTED = (
    "In every layer a router sends each token to a few of many experts. This was counted while the "
    "text was read, with the unchanged model; it does not depend on the sparsity."
)


def routing(source: Source) -> Section | None:
    """The shares of every domain's tokens; None for a model without experts."""
    table = source.routing
    if table is None:
        return None
    about = about_run(source.run)
    said = [distance_sentence(table, label)]
    said += [routing_sentence(table, domain, label) for domain in table.domains]
    starved = starved_experts_sentence(table, label)
    parts: list[Part] = [paragraph(COUNTED), listing(said)]
    if starved:
        parts.append(paragraph(starved))
    parts += [
        Figure(
            chart=routing_heatmap(table, domain, LIGHT),
            name=f"routing-{domain}",
            caption=f"{label(domain)}: share of its tokens that the router sends to each expert of a "
            f"layer; the CSV also has its difference from the mean of the other domains. {about}",
        )
        for domain in table.domains
    ]
    parts += [
        Table(
            columns=distances(table),
            name="routing-distance",
            caption="How differently two domains are routed: the share of what a layer's router sends "
            f"that would have to go to other experts to make the two alike. {about}",
        ),
        Data(
            columns=columns_of(list(table.rows())),
            name="routing",
            caption="Tokens and share of every expert in every domain, as data.",
        ),
    ]
    return Section(name="Which experts each domain uses", parts=parts)


def routed_sentence(source: Source) -> str | None:
    """Which two domains are routed most differently; None for a model without experts."""
    if source.routing is None:
        return None
    return f"Experts: {distance_sentence(source.routing, label)}"


def distances(table: RoutingTable) -> dict[str, list[object]]:
    """Every pair's total variation: the mean over layers, and the layer where it is largest."""
    distance = table.distance()
    pairs = list(combinations(range(len(table.domains)), 2))
    of_pairs = [distance[pair] for pair in pairs]
    return {
        "pair": [f"{label(table.domains[a])}, {label(table.domains[b])}" for a, b in pairs],
        "mean over layers": [float(values.mean()) for values in of_pairs],
        "largest": [float(values.max()) for values in of_pairs],
        "in layer": [table.layers[int(np.argmax(values))] for values in of_pairs],
    }
