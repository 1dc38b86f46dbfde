"""Every pair of domains beside its yardsticks: in the whole model, each layer, each projection."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evaluation.specialisation import stored_specialisation
from analysis.evidence.findings import CLEAR, p_sentence, rows_sentence, sentence
from analysis.evidence.yardsticks import PairEvidence, Yardsticks
from analysis.figures.domains import label
from analysis.figures.evidence import index_chart
from analysis.figures.evidence_parts import Kind, index_by_part, parts_of, parts_table
from analysis.figures.look import LIGHT
from analysis.figures.overlap import layer_by_projection, layer_lines
from analysis.figures.sparsity import find_pair
from analysis.report.html import (
    Data,
    Figure,
    Part,
    Section,
    Table,
    heading,
    listing,
    paragraph,
)
from analysis.report.source import Source

KINDS: tuple[Kind, ...] = ("layer", "projection")
MEASURED = ("overlap", "ceiling", "cross", "chance")
TESTED = ("index", "index_low", "index_high", "unlimited_index", "p", "adjusted_p")


def evidence(source: Source) -> Section | None:
    """Every pair beside its yardsticks, in a figure, a table and words."""
    if source.tested is None:
        return None
    names = [f"{label(pair.domain_a)}, {label(pair.domain_b)}" for pair in source.tested]
    measured = stored_specialisation(source.run, source.prune)
    exact = "" if source.spec.rows == 0 else " --rows 0 counts all rows."
    drawn = Figure(
        chart=index_chart(source.tested, LIGHT),
        name="distinctness",
        caption="Distinctness index of every pair with its 95% interval; hollow: "
        f"adjusted p ≥ {CLEAR:g}. {source.caption}",
    )
    return Section(
        name="Are the differences real?",
        parts=[
            drawn,
            Table(
                columns={"pair": names, **_columns([pair.whole for pair in source.tested])},
                name="yardsticks",
                caption=f"The yardsticks of every pair. {source.caption}",
            ),
            Table(
                columns={
                    "pair": names,
                    "first domain": [pair.whole.magnitude_a for pair in source.tested],
                    "second domain": [pair.whole.magnitude_b for pair in source.tested],
                    "both, by the text": [pair.whole.overlap for pair in source.tested],
                },
                name="magnitudes",
                caption="Overlap of either domain's mask with the mask of the weights' magnitudes "
                "alone, which no text changes, beside the overlap of the two. " + source.caption,
            ),
            paragraph(f"{rows_sentence(source.tested, source.spec.rows)}{exact}"),
            paragraph(p_sentence(source.tested)),
            heading("Every pair in words"),
            listing(sentence(pair, label, measured) for pair in source.tested),
        ],
    )


def places(source: Source) -> Section:
    """Where in the network the least alike pair differs."""
    a, b = source.extremes[1]
    names = f"{label(a)} and {label(b)}"
    layers, shared, chance = zip(*source.table.per_layer(a, b), strict=True)
    parts: list[Part] = [
        paragraph(f"{names}, the least alike pair."),
        Figure(
            chart=layer_lines(layers, shared, chance, LIGHT),
            name="layers",
            caption=f"Overlap of {names} along the depth of the model. {source.caption}",
        ),
        Figure(
            chart=layer_by_projection(*source.table.layer_by_projection(a, b), LIGHT),
            name="matrices",
            caption=f"Overlap of {names} in every weight matrix. {source.caption}",
        ),
    ]
    if source.tested is not None:
        pair = find_pair(source.tested, a, b)
        parts += [part for kind in KINDS for part in _by(kind, pair, names, source)]
        parts += [
            Data(
                columns=parts_table(source.tested, kind),
                name=f"all-yardsticks-by-{kind}",
                caption=f"All yardsticks of every pair by {kind}, as data.",
            )
            for kind in KINDS
        ]
    return Section(name="Where they differ", parts=parts)


def _by(kind: Kind, pair: PairEvidence, names: str, source: Source) -> list[Part]:
    rows = parts_of(pair, kind)
    return [
        Figure(
            chart=index_by_part(pair, kind, LIGHT),
            name=f"distinctness-by-{kind}",
            caption=f"Distinctness index of {names} by {kind}, with 95% intervals; hollow: adjusted "
            f"p ≥ {CLEAR:g}. {source.caption}",
        ),
        Table(
            columns={kind: [row.part for row in rows], **_columns(rows)},
            name=f"yardsticks-by-{kind}",
            caption=f"The yardsticks of {names} by {kind}. {source.caption}",
        ),
    ]


def _columns(rows: Sequence[Yardsticks]) -> dict[str, list[object]]:
    return {name: [getattr(row, name) for row in rows] for name in (*MEASURED, *TESTED)}
