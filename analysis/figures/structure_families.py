"""Figures of families: the tree of domains, and their map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress
from analysis.structure.families import Families

ROW_HEIGHT = 34  # pixels for each domain
MAP_MARGIN = 0.25  # of the map's larger side, for the names
MAP_WIDTH = 250  # pixels of that side, about
LETTER_WIDTH = 7  # pixels


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
        showline=False,
        layer="below traces",
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
    names = [label(name) for name in found.domains]
    figure = go.Figure(
        go.Scatter(
            x=found.points[:, 0],
            y=found.points[:, 1],
            mode="markers",
            text=names,
            marker={"size": 13, "color": [paint[name] for name in found.domains]},
            hovertemplate="<b>%{text}</b><br>(%{x:.3f}, %{y:.3f})<extra></extra>",
            cliponaxis=False,
        )
    )
    dress(figure, style, height=90 + ROW_HEIGHT * max(len(found.domains), 7))
    span = max(float(np.ptp(found.points[:, 0])), float(np.ptp(found.points[:, 1])), 0.01)
    for name, (x, y), (right, down) in zip(
        names, found.points, name_offsets(names, found.points * (MAP_WIDTH / span)), strict=True
    ):
        figure.add_annotation(
            x=x,
            y=y,
            ax=right,
            ay=down,
            text=name,
            font={"color": style.ink, "size": 13},
            showarrow=True,
            arrowhead=0,
            arrowwidth=1,
            arrowcolor=style.muted,
            standoff=6,
        )
    for axis, update in ((0, figure.update_xaxes), (1, figure.update_yaxes)):
        low, high = float(found.points[:, axis].min()), float(found.points[:, axis].max())
        update(range=[low - MAP_MARGIN * span, high + MAP_MARGIN * span], nticks=5)
    figure.update_xaxes(title_text="distance along the first axis")
    figure.update_yaxes(title_text="second axis", scaleanchor="x", constrain="domain")
    return Chart(
        figure=figure,
        table={
            "domain": list(found.domains),
            "x": found.points[:, 0].tolist(),
            "y": found.points[:, 1].tolist(),
        },
        alt=f"Map of {len(found.domains)} domains; near ones have masks that are alike.",
    )


def name_offsets(names: Sequence[str], points: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Where the names go so that none hides another or a point: (right, down) in pixels.

    points: (D, 2), in pixels, y upwards. Each name takes the nearest free place around its point.
    """
    places = [
        (round(radius * np.sin(angle)), -round(radius * np.cos(angle)))
        for radius in (22, 44, 66, 88)
        for angle in np.arange(8) * np.pi / 4
    ]
    dots = [_box(x, -y, 0) for x, y in points]
    taken: list[tuple[float, float, float, float]] = []
    found = []
    for name, (x, y) in zip(names, points, strict=True):
        half = LETTER_WIDTH * len(name) / 2
        free = [
            (right + round(np.sign(right) * half), down)
            for right, down in places
            if not any(
                _overlap(_box(x + right + np.sign(right) * half, down - y, half), box)
                for box in dots + taken
            )
        ]
        right, down = free[0] if free else places[0]
        taken.append(_box(x + right, down - y, half))
        found.append((right, down))
    return found


def _box(x: float, y: float, half: float) -> tuple[float, float, float, float]:
    """Left, right, top, bottom of a name of half that width, or of a point."""
    return x - half - 4, x + half + 4, y - 8, y + 8


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
