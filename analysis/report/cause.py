"""What is lost without the weights that a domain has for itself, and what a borrowed mask costs."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.captions import about
from analysis.cause.findings import QUESTIONS, is_own, quality, verdict
from analysis.cause.results import Cause, DomainCause
from analysis.cause.sparsity import sparsity_sentence, stored_at_sparsities
from analysis.cause.spec import CauseSpec, Region
from analysis.figures.cause import damage_matrix, distance_scatter
from analysis.figures.cause_sparsity import own_damage_lines
from analysis.figures.domains import label
from analysis.figures.look import LIGHT
from analysis.report.html import Figure, Part, Section, Table, heading, listing, paragraph
from analysis.report.source import Source
from pruning.specs.words import percent

TAKEN: dict[Region, str] = {
    "exclusive": "that one domain's mask alone keeps",
    "sharp": "that score highest for one domain alone",
}


def causes(source: Source) -> Section | None:
    """Every kind of region that was taken out, and whether overlap predicts quality."""
    if not source.causes:
        return None
    parts: list[Part] = []
    for spec, found in source.causes.items():
        parts += _region(source, spec, found)
    found = next(iter(source.causes.values()))
    parts += [
        heading("Does overlap predict quality?"),
        paragraph(quality(found)),
        Figure(
            chart=distance_scatter(found.borrowed, LIGHT),
            name="distance-loss",
            caption="Every domain run on every other one's mask: how far apart the two masks are, "
            f"and what that costs beyond its own mask. {source.caption}",
        ),
    ]
    return Section(name="Does each domain need its own weights?", parts=parts)


def own_sentence(spec: CauseSpec, found: Cause) -> str:
    """How many regions are shown to be their domain's own."""
    own = [label(row.domain) for row in found.domains if is_own(row)]
    names = f": {', '.join(own)}" if own else ""
    return (
        f"Of the weights {TAKEN[spec.region]}, {len(own)} of {len(found.domains)} regions are shown "
        f"to be their domain's own{names}. (A region is, if its domain needs it more than other "
        "weights of the same magnitudes, more than any other domain does, and more than the other "
        "domains' regions.)"
    )


def _region(source: Source, spec: CauseSpec, found: Cause) -> list[Part]:
    sharp = f", top {percent(spec.top)} minus the others' top {percent(spec.others_top)}"
    region = f"{spec.region} region{sharp if spec.region == 'sharp' else ''}"
    least, most = min(found.documents.values()), max(found.documents.values())
    documents = f"{least}" if least == most else f"{least} to {most}"
    return [
        heading(f"Without the {spec.region} weights"),
        paragraph(own_sentence(spec, found)),
        listing(verdict(row, label) for row in found.domains),
        Figure(
            chart=damage_matrix(found, LIGHT),
            name=f"damage-{spec.region}",
            caption="Bits per byte more than the dense model needs, when the weights of the row "
            f"({region}) are set to zero in it, read on {documents} held-out documents of each "
            "domain. Framed: a region on its own domain. The two last rows: as many other weights "
            f"as the column's own region has, mean of {spec.draws} draws. {source.caption}",
        ),
        Table(
            columns=_answers(found.domains),
            name=f"cause-{spec.region}",
            caption="The damage of each region to its own domain, with its 95% interval, and of as many "
            "other weights of the same magnitudes; p of the three questions, adjusted for asking "
            f"about every domain. {source.caption}",
        ),
        *_over_sparsities(source, spec),
    ]


def _over_sparsities(source: Source, spec: CauseSpec) -> list[Part]:
    """The same at other sparsities, of regions that change with it."""
    at = stored_at_sparsities(source.run, source.prune, spec)
    if len(at) < 2 or spec.region == "sharp":
        return []
    return [
        paragraph(sparsity_sentence(at, label)),
        Figure(
            chart=own_damage_lines(at, LIGHT),
            name=f"damage-{spec.region}-sparsity",
            caption="Bits per byte more that a domain needs without its own region, over the sparsity "
            "of the masks; dotted: without as many other weights of the same magnitudes. "
            f"{about(source.run, source.prune, every_sparsity=True)}",
        ),
    ]


def _answers(rows: Sequence[DomainCause]) -> dict[str, list[object]]:
    own = [row.damage[row.domain] for row in rows]
    drawn = [row.matched[row.domain] for row in rows]
    return {
        "region of": [label(row.domain) for row in rows],
        "weights": [row.weights for row in rows],
        "damage": [each.value for each in own],
        "low": [each.low for each in own],
        "high": [each.high for each in own],
        "same magnitudes": [sum(values) / len(values) for values in drawn],
        **{f"p {question}": [row.p[question] for row in rows] for question in QUESTIONS},
    }
