"""Figures of families: the tree of domains, and their map."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress
from analysis.structure.families import Families

ROW_HEIGHT = 34  # pixels for each domain
MAP_MARGIN = 0.18  # of the map's width, for the names


def domain_tree(found: Families, style: Look) -> Chart:
    """The dendrogram: names on the left, joins at their distance to the right."""
    figure = go.Figure()
    lines_x: list[float | None] = []
    lines_y: list[float | None] = []
    places = [float(found.order.index(domain)) for domain in found.domains]
    heights = [0.0] * len(found.domains)
    for first, second, height, _ in found.tree:
        one, other = int(first), int(second)
        lines_x += [heights[one], height, height, heights[other], None]
        lines_y += [places[one], places[one], places[other], places[other], None]
        places.append((places[one] + places[other]) / 2)
        heights.append(float(height))
    figure.add_scatter(
        x=lines_x,
        y=lines_y,
        mode="lines",
        line={"color": style.muted, "width": 2},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=heights[len(found.domains) :],
        y=places[len(found.domains) :],
        mode="markers",
        marker={"size": 9, "color": style.muted},
        customdata=[[", ".join(label(name) for name in merge.members)] for merge in found.merges],
        hovertemplate="%{customdata[0]}<br>join at %{x:.4f}<extra></extra>",
    )
    paint = colours(found.domains, style)
    figure.add_scatter(
        x=[0.0] * len(found.order),
        y=list(range(len(found.order))),
        mode="markers",
        marker={"size": 11, "color": [paint[name] for name in found.order]},
        hoverinfo="skip",
        cliponaxis=False,
    )
    dress(figure, style, height=90 + ROW_HEIGHT * max(len(found.order), 4))
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text="distance (1 - overlap)", rangemode="tozero", nticks=5)
    figure.update_yaxes(
        tickvals=list(range(len(found.order))),
        ticktext=[label(name) + "  " for name in found.order],
        autorange="reversed",
        showgrid=False,
        tickfont={"color": style.ink, "size": 13},
    )
    return Chart(
        figure=figure,
        table={
            "members": [" + ".join(merge.members) for merge in found.merges],
            "distance": [merge.height for merge in found.merges],
        },
        alt=f"Tree of {len(found.order)} domains by the distance between their masks.",
    )


def domain_map(found: Families, style: Look) -> Chart:
    """The domains as points; the closer two of them, the more alike their masks."""
    paint = colours(found.domains, style)
    figure = go.Figure(
        go.Scatter(
            x=found.points[:, 0],
            y=found.points[:, 1],
            mode="markers+text",
            text=[label(name) for name in found.domains],
            textposition=_text_positions(found),
            textfont={"color": style.ink, "size": 13},
            marker={"size": 13, "color": [paint[name] for name in found.domains]},
            hovertemplate="<b>%{text}</b><br>(%{x:.3f}, %{y:.3f})<extra></extra>",
            cliponaxis=False,
        )
    )
    dress(figure, style, height=90 + ROW_HEIGHT * max(len(found.domains), 7))
    span = max(float(np.ptp(found.points[:, 0])), float(np.ptp(found.points[:, 1])), 0.01)
    low, high = float(found.points[:, 0].min()), float(found.points[:, 0].max())
    figure.update_xaxes(
        title_text="distance along the first axis",
        range=[low - MAP_MARGIN * span, high + MAP_MARGIN * span],
        nticks=5,
    )
    figure.update_yaxes(
        title_text="second axis", scaleanchor="x", constrain="domain", scaleratio=1, nticks=5
    )
    return Chart(
        figure=figure,
        table={
            "domain": list(found.domains),
            "x": found.points[:, 0].tolist(),
            "y": found.points[:, 1].tolist(),
        },
        alt=f"Map of {len(found.domains)} domains; near ones have masks that are alike.",
    )


def _text_positions(found: Families) -> list[str]:
    """A name goes to the side of its point where the nearest other point is not."""
    apart = np.linalg.norm(found.points[:, None] - found.points[None, :], axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    return [
        "bottom center" if found.points[other, 1] > found.points[here, 1] else "top center"
        for here, other in enumerate(nearest)
    ]
