"""How the domains are related: their tree and map, and which weights all, some or one of them need."""

from __future__ import annotations

from analysis.captions import about_run
from analysis.figures.domains import label
from analysis.figures.look import LIGHT
from analysis.figures.overlap import layer_heatmap
from analysis.figures.structure_families import domain_map, domain_tree
from analysis.figures.structure_regions import domain_shares, upset
from analysis.figures.structure_sparsity import core_lines, exclusive_lines
from analysis.figures.tables import columns_of
from analysis.report.html import Figure, Part, Section, Table, listing, paragraph
from analysis.report.source import Source
from analysis.structure.families import families
from analysis.structure.findings import (
    core_sentence,
    exclusive_sentence,
    extremes_sentence,
    families_sentence,
    largest_region_sentence,
    sharp_sentence,
    sparsity_sentence,
    trust_sentence,
)
from analysis.structure.regions import RegionCounts, is_quick, refusal, region_counts
from analysis.structure.replication import replicated, replication_sentence
from analysis.structure.sharp import SharpSpec, sharp_regions
from analysis.structure.sharp import is_quick as sharp_is_quick
from analysis.structure.sparsity import has_curves, region_curves

FEWEST = 3  # domains that can form families


def relations(source: Source) -> Section | None:
    """The tree and the map."""
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
    return Section(name="How the domains are related", parts=[_lines(said), *figures])


def regions(source: Source) -> Section | None:
    """Core, exclusive and sharp weights; of a large model if they have been counted."""
    run, prune = source.run, source.prune
    if refusal(len(run.domains)) or not is_quick(run, prune):
        return None
    found = region_counts(run, prune)
    said = [
        core_sentence(found),
        exclusive_sentence(found, label),
        largest_region_sentence(found, label),
    ]
    chart = upset(found, found.domains, LIGHT, with_core=False)
    caption = "Weights that exactly these domains keep, without the core that all keep."
    drawn = Figure(chart=chart, name="regions", caption=f"{caption} {source.caption}")
    parts: list[Part] = [_lines(said), drawn, _core_places(found, source)]
    if has_curves(run, prune):
        parts += _over_sparsities(source)
    spec = SharpSpec()
    if prune.reads_text and sharp_is_quick(run, prune, spec):
        parts += _sharp(source, spec)
    parts += _replicated(source, spec)
    return Section(name="Whose weights are whose", parts=parts)


def _core_places(found: RegionCounts, source: Source) -> Figure:
    layers, projections, cells = found.layer_by_projection(found.core, found.kept_by_any)
    chart = layer_heatmap(
        layers, projections, cells, LIGHT, "share", "of what any domain keeps", ".1%"
    )
    caption = "Where the core sits: the share of what any domain keeps that all of them keep."
    return Figure(chart=chart, name="core-places", caption=f"{caption} {source.caption}")


def _over_sparsities(source: Source) -> list[Part]:
    curves = region_curves(source.run, source.prune)
    return [
        paragraph(sparsity_sentence(curves)),
        Figure(
            chart=core_lines(curves, LIGHT),
            name="core-sparsities",
            caption=f"The core over the sparsity. {about_run(source.run)}",
        ),
        Figure(
            chart=exclusive_lines(curves, source.run.domains, LIGHT),
            name="exclusive-sparsities",
            caption="Of what a domain keeps, the share that no other domain keeps, over the "
            f"sparsity. {about_run(source.run)}",
        ),
    ]


def _sharp(source: Source, spec: SharpSpec) -> list[Part]:
    """What one domain ranks on top and no other does, and where the largest of these lies."""
    found = sharp_regions(source.run, source.prune, spec)
    own = {name: found.share_of_top(name) for name in found.domains}
    chance = {name: found.share_of_top(name, expected=True) for name in found.domains}
    largest = max(own, key=lambda name: own[name])
    layers, projections, cells = found.layer_by_projection(largest)
    whose = f"{label(largest)}'s top {spec.top:.0%}"
    return [
        paragraph(f"{sharp_sentence(found, spec, label)} {extremes_sentence(layers, projections, cells)}"),
        Figure(
            chart=domain_shares(own, chance, LIGHT, "sharp_share", "of the domain's top, in no other's"),
            name="sharp-sizes",
            caption=f"Sharp regions: of a domain's top {spec.top:.0%} of scores, the share that is in "
            f"no other domain's top {spec.others_top:.0%}. {source.caption}",
        ),
        Figure(
            chart=layer_heatmap(
                layers, projections, cells, LIGHT, "sharp_share", f"of {whose}, sharp", ".1%"
            ),
            name="sharp-places",
            caption=f"Where the largest sharp region lies: the sharp share of {whose}. {source.caption}",
        ),
    ]  # fmt: skip


def _replicated(source: Source, spec: SharpSpec) -> list[Part]:
    """Whether regions that were found on half of the text come out again on the other half."""
    found = replicated(source.run, source.prune, spec, only_quick=True)
    parts: list[Part] = [
        listing(replication_sentence(rows, what, label) for what, rows in found.items())
    ]
    parts += [
        Table(
            columns=columns_of([each.row() for each in rows]),
            name=f"replicated-{what.replace(' ', '-')}",
            caption=f"{what.capitalize()} found on one half of the text, and again on the other; the "
            f"floor is what two halves of one domain differ in. {source.caption}",
        )
        for what, rows in found.items()
    ]
    return parts if found else []


def _lines(said: list[str]) -> str:
    return listing(line.replace("**", "") for line in said if line)
