"""The report's sections, in order. To add one, append a function to `SECTIONS`.

A function takes the `Source` and returns its `Section`, or None where there is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Callable

from analysis.captions import about_run
from analysis.evaluation.findings import best_sentence
from analysis.evidence.findings import CLEAR, cautions, is_enough, learning_sentence
from analysis.evidence.learning_curve import LearningCurve, changed_share
from analysis.evidence.resampling import refusal
from analysis.evidence.yardsticks import PairEvidence
from analysis.figures.domains import label
from analysis.figures.learning_curve import learning_chart
from analysis.figures.look import LIGHT
from analysis.figures.overlap import overlap_matrix
from analysis.figures.sparsity import index_lines, yardstick_lines
from analysis.report.cause import causes, own_sentence
from analysis.report.channels import channels
from analysis.report.commands import reproduction
from analysis.report.evaluation import evaluations, text_results
from analysis.report.evidence import evidence, places
from analysis.report.html import Figure, Section, Table, heading, listing, paragraph
from analysis.report.methods import methods
from analysis.report.provenance import provenance
from analysis.report.routing import routed_sentence, routing
from analysis.report.source import Source
from analysis.report.structure import regions, relations

CHANGED = (
    "Share of a domain's kept weights that change when the second half of its groups is added, and "
    "between the masks of two halves that share no document."
)


def findings(source: Source) -> Section:
    """The whole in a few sentences, and what to be careful about."""
    jaccard = source.table.jaccard()
    domains = source.table.domains
    said = []
    for words, (a, b) in zip(("most", "least"), source.extremes, strict=True):
        share = jaccard[domains.index(a), domains.index(b)]
        said.append(
            f"{label(a)} and {label(b)} are the {words} alike: of the weights that either keeps, "
            f"they share {share:.1%}."
        )
    if len(domains) == 2:
        said = said[1:]
        said[0] = said[0].replace("are the least alike: of", "are compared here: of")
    if source.tested is not None:
        said += _tested(source.tested)
    if source.tested is not None and source.curves is not None:
        said.append(is_enough(source.curves, source.tested))
    said += [own_sentence(spec, found) for spec, found in source.causes.items()]
    more = (routed_sentence(source), best_sentence(text_results(source), label))
    said += [sentence for sentence in more if sentence]
    careful = cautions(source.run, label)
    untested = refusal(source.prune)
    careful += [f"The differences were not tested. {untested}"] if untested else []
    parts = [listing(said)]
    if careful:
        parts += [heading("Read with care"), listing(careful)]
    return Section(name="Findings", parts=parts)


def _tested(tested: tuple[PairEvidence, ...]) -> list[str]:
    real = [pair for pair in tested if pair.whole.adjusted_p < CLEAR]
    index = sorted(pair.whole.index for pair in tested)
    alone = [v for pair in tested for v in (pair.whole.magnitude_a, pair.whole.magnitude_b)]
    return [
        f"{len(real)} of {len(tested)} pairs differ by more than the choice of documents explains "
        f"(p below {CLEAR:g}, adjusted for the number of pairs).",
        f"The distinctness index lies between {index[0]:.2f} and {index[-1]:.2f}: 0 is the "
        "difference of two draws of one domain, 1 that of independent masks.",
        f"The weights' magnitudes alone, which the text does not change, already share "
        f"{min(alone):.1%} to {max(alone):.1%} with the domains' masks.",
    ]


def overlap(source: Source) -> Section:
    """The matrix of all domains."""
    jaccard, chance = source.table.jaccard(), source.table.chance()
    chart = overlap_matrix(source.table.domains, jaccard, chance, LIGHT, evidence=source.tested)
    caption = f"Jaccard overlap of the weights that two domains keep. {source.caption}"
    return Section(name="Overlap", parts=[Figure(chart=chart, name="overlap", caption=caption)])


def sparsities(source: Source) -> Section | None:
    """The same question at other sparsities, where it has been asked."""
    if len(source.at) < 2:
        return None
    pair = source.extremes[1]
    names = " and ".join(map(label, pair))
    every = Figure(
        chart=index_lines(source.at, pair, LIGHT),
        name="index-sparsity",
        caption=f"Distinctness index of every pair over sparsity; marked: {names}. "
        f"{about_run(source.run)}",
    )
    one = Figure(
        chart=yardstick_lines(source.at, pair, LIGHT),
        name="yardsticks-sparsity",
        caption=f"{names} beside the yardsticks, over sparsity. {about_run(source.run)}",
    )
    return Section(name="At other sparsities", parts=[every, one])


def text(source: Source) -> Section | None:
    """Whether there was enough text."""
    if source.curves is None:
        return None
    caption = (
        "Overlap of the mask from some groups of documents with that from all of them (solid; "
        "bars: one standard deviation over random draws), and of masks from two sets of groups "
        f"that share none (dotted). {source.caption}"
    )
    return Section(
        name="Was there enough text?",
        parts=[
            Figure(chart=learning_chart(source.curves, LIGHT), name="learning", caption=caption),
            paragraph(f"For example: {learning_sentence(source.curves[0], label)}"),
            Table(columns=_changed(source.curves), name="changed", caption=CHANGED),
        ],
    )


def _changed(curves: tuple[LearningCurve, ...]) -> dict[str, list[object]]:
    """What half of the text would still change, a row a domain."""
    half = [curve.half for curve in curves]
    return {
        "domain": [label(curve.domain) for curve in curves],
        "tokens": [curve.tokens for curve in curves],
        "groups": [curve.groups for curve in curves],
        "by the second half": [changed_share(point.with_all) for point in half],
        "between two halves": [
            None if point.disjoint is None else changed_share(point.disjoint) for point in half
        ],
    }


SECTIONS: tuple[Callable[[Source], Section | None], ...] = (
    findings,
    overlap,
    evidence,
    places,
    sparsities,
    text,
    relations,
    regions,
    routing,
    channels,
    causes,
    evaluations,
    methods,
    provenance,
    reproduction,
)


def sections(source: Source) -> list[Section]:
    """Those that have something to tell."""
    return [section for make in SECTIONS if (section := make(source)) is not None]
