"""Figures of core and exclusive weights over the sparsity."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress
from analysis.figures.structure_regions import CHANCE_NAME
from analysis.structure.sparsity import RegionCurves

PERCENTS = range(1, 100)  # at 0% everything is kept by all


def core_lines(curves: RegionCurves, style: Look) -> Chart:
    """The core's share of what any domain keeps, at 1% to 99% sparsity."""
    lines = {
        "kept by every domain": curves.core_share()[1:],
        CHANCE_NAME: curves.core_share_of_independent_masks()[1:],
    }
    paint = [style.categories[0], style.muted]
    figure = _lines(lines, paint, style, "of what any domain keeps")
    return Chart(
        figure=figure,
        table={
            "sparsity": [percent / 100 for percent in PERCENTS],
            "core_share": lines["kept by every domain"].tolist(),
            "core_share_of_independent_masks": lines[CHANCE_NAME].tolist(),
        },
        alt="The share of kept weights that every domain keeps, over the sparsity.",
    )


def exclusive_lines(curves: RegionCurves, order: Sequence[str], style: Look) -> Chart:
    """Each domain's exclusive share of what it keeps, at 1% to 99% sparsity."""
    paint = colours(curves.domains, style)
    own = {name: curves.exclusive_share(name)[1:] for name in order}
    chance = curves.exclusive_share_of_independent_masks()[1:]
    lines = {label(name): share for name, share in own.items()} | {CHANCE_NAME: chance}
    figure = _lines(
        lines, [*(paint[name] for name in order), style.muted], style, "of what it keeps"
    )
    return Chart(
        figure=figure,
        table={
            "sparsity": [percent / 100 for percent in PERCENTS],
            **{f"exclusive_share_{name}": share.tolist() for name, share in own.items()},
            "exclusive_share_of_independent_masks": chance.tolist(),
        },
        alt="The share of its kept weights that each domain alone keeps, over the sparsity.",
    )


def _lines(lines: dict, paint: Sequence[str], style: Look, meaning: str) -> go.Figure:
    """name -> (99,), the last of them dotted."""
    figure = go.Figure()
    for (name, values), colour in zip(lines.items(), paint, strict=True):
        figure.add_scatter(
            x=[percent / 100 for percent in PERCENTS],
            y=values,
            mode="lines",
            name=name,
            line={
                "color": colour,
                "width": 1.5 if name == CHANCE_NAME else 2.2,
                "dash": "dot" if name == CHANCE_NAME else "solid",
            },
            hovertemplate=f"{name}, at %{{x:.0%}}: %{{y:.2%}}<extra></extra>",
        )
    dress(figure, style, height=360)
    figure.update_xaxes(title_text="sparsity", tickformat=".0%")
    figure.update_yaxes(title_text=meaning, tickformat=".0%", rangemode="tozero")
    return figure
