"""The yardsticks of one pair of domains in every layer or projection, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go

from analysis.evidence.findings import CLEAR
from analysis.evidence.yardsticks import PairEvidence, Yardsticks
from analysis.figures.chart import Chart
from analysis.figures.domains import label
from analysis.figures.evidence import YARDSTICKS, under_the_pointer
from analysis.figures.look import Look, dress

Kind = Literal["layer", "projection"]


def parts_of(pair: PairEvidence, kind: Kind) -> tuple[Yardsticks, ...]:
    """The pair's rows by layer or by projection."""
    return pair.layers if kind == "layer" else pair.projections


def index_by_part(pair: PairEvidence, kind: Kind, style: Look) -> Chart:
    """The distinctness index in every layer or projection; hollow where adjusted p is not small."""
    rows = parts_of(pair, kind)
    colour = style.categories[0]
    figure = go.Figure()
    figure.add_scatter(
        x=[row.part for row in rows],
        y=[row.index for row in rows],
        mode="markers",
        marker={
            "size": 7,
            "color": [colour if row.adjusted_p < CLEAR else "rgba(0,0,0,0)" for row in rows],
            "line": {"color": colour, "width": 2},
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [row.index_high - row.index for row in rows],
            "arrayminus": [row.index - row.index_low for row in rows],
            "color": style.muted,
            "thickness": 1.5,
            "width": 5,
        },
        text=[f"overlap {row.overlap:.4f}<br>{under_the_pointer(row)}" for row in rows],
        hovertemplate=f"<b>{'layer ' if kind == 'layer' else ''}%{{x}}</b><br>%{{text}}"
        "<extra></extra>",
        name=f"each {kind}",
    )
    figure.add_scatter(
        x=[row.part for row in rows],
        y=[pair.whole.index] * len(rows),
        mode="lines",
        line={"color": style.muted, "width": 1.5, "dash": "dot"},
        name="whole model",
        hovertemplate="whole model: %{y:.3f}<extra></extra>",
    )
    dress(figure, style, height=320)
    title = "decoder layer" if kind == "layer" else None
    figure.update_xaxes(title_text=title, type="category", showgrid=False)
    figure.update_yaxes(title_text="distinctness index", rangemode="tozero", tickformat=".2~f")
    most = max(rows, key=lambda row: row.index)
    return Chart(
        figure=figure,
        table=parts_table([pair], kind),
        alt=f"The distinctness index of {label(pair.domain_a)} and {label(pair.domain_b)} by "
        f"{kind}; largest: {most.part} with {most.index:.2f}.",
    )


def parts_table(pairs: Sequence[PairEvidence], kind: Kind) -> dict[str, list[object]]:
    """Every yardstick of every pair, a row for each layer or projection: column name -> values."""
    rows = [(pair, row) for pair in pairs for row in parts_of(pair, kind)]
    return {
        "domain_a": [pair.domain_a for pair, _ in rows],
        "domain_b": [pair.domain_b for pair, _ in rows],
        kind: [row.part for _, row in rows],
        **{name: [getattr(row, name) for _, row in rows] for name in YARDSTICKS},
    }
