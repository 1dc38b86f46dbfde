"""How much a mask still changes as more text of its domain is added."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from analysis.evidence.learning_curve import LearningCurve
from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress


def learning_chart(curves: Sequence[LearningCurve], style: Look) -> Chart:
    """A line a domain: overlap of masks from k groups with that of all; dotted: of disjoint sets.

    Bars are one standard deviation over the draws. The number of groups is on a log scale.
    """
    colour = colours([curve.domain for curve in curves], style)
    figure = go.Figure()
    for curve in curves:
        own = colour[curve.domain]
        figure.add_scatter(
            x=[point.groups for point in curve.points],
            y=[point.with_all for point in curve.points],
            error_y={
                "type": "data",
                "array": [point.with_all_spread for point in curve.points],
                "thickness": 1,
                "width": 3,
            },
            mode="lines+markers",
            name=label(curve.domain),
            legendgroup=curve.domain,
            line={"color": own, "width": 2},
            marker={"size": 6},
            hovertemplate=f"<b>{label(curve.domain)}</b><br>%{{x}} of {curve.groups} groups "
            "and all of them<br>overlap %{y:.4f} ± %{error_y.array:.4f}<extra></extra>",
        )
        apart = [point for point in curve.points if point.disjoint is not None]
        figure.add_scatter(
            x=[point.groups for point in apart],
            y=[point.disjoint for point in apart],
            mode="lines",
            legendgroup=curve.domain,
            showlegend=False,
            line={"color": own, "width": 1.5, "dash": "dot"},
            hovertemplate=f"<b>{label(curve.domain)}</b><br>two sets of %{{x}} groups that share "
            "none<br>overlap %{y:.4f}<extra></extra>",
        )
    counts = sorted({point.groups for curve in curves for point in curve.points})
    dress(figure, style, height=380)
    figure.update_xaxes(
        title_text="groups of documents",
        type="log",
        tickvals=counts,
        ticktext=list(map(str, counts)),
    )
    figure.update_yaxes(title_text="Jaccard overlap", tickformat=".3~f")
    return Chart(
        figure=figure,
        table=learning_columns(curves),
        alt=f"Overlap of masks from part of the text with those from all of it, for "
        f"{len(curves)} domains and {', '.join(map(str, counts))} groups of documents.",
    )


def learning_columns(curves: Sequence[LearningCurve]) -> dict[str, list[object]]:
    """Tidy: one row for each domain and number of groups; column name -> values."""
    rows = [(curve, point) for curve in curves for point in curve.points]
    names = ("groups", "with_all", "with_all_spread", "disjoint", "disjoint_spread")
    return {
        "domain": [curve.domain for curve, _ in rows],
        "of_groups": [curve.groups for curve, _ in rows],
        **{name: [getattr(point, name) for _, point in rows] for name in names},
    }
