"""How the domains are related: their tree and map, and the weights that some of them keep."""

from __future__ import annotations

from analysis.figures.domains import label
from analysis.figures.look import LIGHT
from analysis.figures.structure_families import domain_map, domain_tree
from analysis.figures.structure_regions import upset
from analysis.report.html import Figure, Section, listing
from analysis.report.source import Source
from analysis.structure.families import families
from analysis.structure.findings import (
    core_sentence,
    exclusive_sentence,
    families_sentence,
    largest_region_sentence,
    trust_sentence,
)
from analysis.structure.regions import is_quick, region_counts

FEWEST = 3  # domains that can form families


def relations(source: Source) -> Section | None:
    """The tree and the map; of a large model the regions too, if they have been counted."""
    if len(source.table.domains) < FEWEST:
        return None
    found = families(source.table.domains, source.table.jaccard())
    said = [families_sentence(found, label), trust_sentence(found)]
    figures = [
        Figure(
            chart=domain_tree(found, LIGHT),
            name="tree",
            caption=f"Tree of the domains by the distance of their masks. {source.caption}",
        ),
        Figure(
            chart=domain_map(found, LIGHT),
            name="map",
            caption=f"Map of the domains: near means similar masks. {source.caption}",
        ),
    ]
    if is_quick(source.run, source.prune):
        regions = region_counts(source.run, source.prune)
        said += [
            core_sentence(regions),
            exclusive_sentence(regions, label),
            largest_region_sentence(regions, label),
        ]
        caption = (
            "Weights that exactly these domains keep, without the core that all keep. "
            f"{source.caption}"
        )
        chart = upset(regions, found.order, LIGHT, with_core=False)
        figures.append(Figure(chart=chart, name="regions", caption=caption))
    lines = listing(line.replace("**", "") for line in said if line)
    return Section(name="How the domains are related", parts=[lines, *figures])
