"""Pictures of a router: which experts the tokens of a domain are sent to."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from analysis.figures.cells import write_on_cells
from analysis.figures.chart import Chart
from analysis.figures.domains import label
from analysis.figures.look import Look, colour_bar, dress
from analysis.structure.routing import ABSENT, RoutingTable

SHARE, AGAINST = "share", "against the others"
VIEWS = (SHARE, AGAINST)


def routing_heatmap(table: RoutingTable, domain: str, style: Look, view: str = SHARE) -> Chart:
    """One domain: layers from top to bottom, experts from left to right.

    view: the share of the domain's tokens that each expert gets, or that share minus the mean of
    the other domains'.
    """
    number = table.domains.index(domain)
    shares, apart = table.shares()[number], table.against_others()[number]
    values = shares if view == SHARE else apart
    top = float(np.nanmax(np.abs(values))) or 1.0
    sign, meaning = ("", "of the tokens") if view == SHARE else ("+", "against the others")
    small = values.size <= 160
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[str(expert) for expert in range(table.experts)],
            y=[str(layer) for layer in table.layers],
            zmin=0.0 if view == SHARE else -top,
            zmax=top,
            colorscale=style.sequential if view == SHARE else style.diverging,
            hovertemplate=f"<b>layer %{{y}}, expert %{{x}}</b><br>%{{z:{sign}.1%}} {meaning}"
            "<extra></extra>",
            xgap=2 if small else 0,
            ygap=2 if small else 0,
            colorbar=colour_bar(style, meaning, f"{sign}.0%"),
        )
    )
    dress(figure, style, height=130 + max(26 * min(len(table.layers), 24), 110))
    figure.update_layout(plot_bgcolor=style.blank)
    figure.update_xaxes(title_text="expert", type="category", showgrid=False)
    figure.update_yaxes(
        title_text="decoder layer", type="category", autorange="reversed", showgrid=False
    )
    least_width = write_on_cells(figure, f"{sign}.0%", style) if small else 0
    there = np.argwhere(table.tokens[number] != ABSENT).tolist()
    return Chart(
        figure=figure,
        table={
            "layer": [table.layers[row] for row, _ in there],
            "expert": [expert for _, expert in there],
            "tokens": [int(table.tokens[number, row, expert]) for row, expert in there],
            "share": [float(shares[row, expert]) for row, expert in there],
            "against_others": [float(apart[row, expert]) for row, expert in there],
        },
        alt=f"Share of the tokens of {label(domain)} that each of {table.experts} experts gets, in "
        f"{len(table.layers)} layers.",
        least_width=least_width,
    )
