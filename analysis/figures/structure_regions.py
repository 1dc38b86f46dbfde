"""Figures of regions: an UpSet plot, and by how many domains the weights are kept.

The UpSet plot is that of Lex et al. 2014: one column a region, dots for the domains that keep it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress
from analysis.structure.regions import RegionCounts

BARS_HEIGHT, ROW_HEIGHT = 230, 26  # pixels
CHANCE_NAME = "independent masks"


def upset(
    regions: RegionCounts,
    order: Sequence[str],
    style: Look,
    largest: int = 20,
    *,
    with_core: bool = True,
) -> Chart:
    """The largest regions that at least one domain keeps: sizes above, members below.

    order: the domains from top to bottom. Left of the dots, how much each domain keeps.
    with_core: also the region of all domains, which may dwarf the others.
    """
    chosen = largest_regions(regions, largest, with_core=with_core)
    total = float(regions.total.sum())
    share = regions.counts.sum(axis=0)[chosen] / total
    expected = regions.expected.sum(axis=0)[chosen] / total
    names = [", ".join(label(name) for name in _members(regions, r, order)) for r in chosen]
    figure = make_subplots(
        rows=2,
        cols=2,
        column_widths=[0.14, 0.86],
        row_heights=[BARS_HEIGHT, ROW_HEIGHT * len(order)],
        horizontal_spacing=0.02,
        vertical_spacing=0.03,
        specs=[[None, {}], [{}, {}]],
    )
    columns = list(range(len(chosen)))
    _sizes(figure, columns, share, expected, names, style)
    _dots(figure, regions, chosen, order, style)
    _domain_sizes(figure, regions, order, style)
    dress(figure, style, height=BARS_HEIGHT + ROW_HEIGHT * len(order) + 60)
    _axes(figure, len(chosen), order, style)
    return Chart(
        figure=figure,
        table={
            "kept_by": [" + ".join(_members(regions, r, order)) for r in chosen],
            "domains": [int(regions.members[r].sum()) for r in chosen],
            "weights": [int(regions.counts[:, r].sum()) for r in chosen],
            "share": share.tolist(),
            "share_of_independent_masks": expected.tolist(),
        },
        alt=f"The {len(chosen)} largest regions of weights, by which domains keep them; the "
        f"largest, {names[0] if names else 'none'}, holds {share.max(initial=0):.1%} of weights.",
    )


def largest_regions(regions: RegionCounts, largest: int, *, with_core: bool) -> list[int]:
    """The non-empty regions that some domain keeps, by size; equal ones by fewer domains."""
    counts = regions.counts.sum(axis=0)
    members = regions.members.sum(axis=1)
    order = sorted(regions.kept_by_any.tolist(), key=lambda r: (-counts[r], members[r], r))
    core = int(regions.core[0])
    return [r for r in order if counts[r] and (with_core or r != core)][:largest]


def _members(regions: RegionCounts, region: int, order: Sequence[str]) -> list[str]:
    return [name for name in order if regions.members[region, regions.domains.index(name)]]


def _sizes(
    figure: go.Figure,
    columns: list[int],
    share: np.ndarray,
    expected: np.ndarray,
    names: list[str],
    style: Look,
) -> None:
    figure.add_bar(
        x=columns,
        y=share,
        marker={"color": style.categories[0]},
        customdata=[[name] for name in names],
        hovertemplate="<b>%{customdata[0]}</b><br>%{y:.2%} of all weights<extra></extra>",
        name="weights that exactly these domains keep",
        row=1,
        col=2,
    )
    figure.add_scatter(
        x=columns,
        y=expected,
        mode="markers",
        marker={
            "symbol": "line-ew-open",
            "size": 13,
            "line": {"width": 2},
            "color": style.categories[1],
        },
        hovertemplate=f"{CHANCE_NAME}: %{{y:.2%}}<extra></extra>",
        name=CHANCE_NAME,
        row=1,
        col=2,
    )


def _dots(
    figure: go.Figure,
    regions: RegionCounts,
    chosen: Sequence[int],
    order: Sequence[str],
    style: Look,
) -> None:
    index = [regions.domains.index(name) for name in order]
    grid = regions.members[np.array(chosen, dtype=int)][:, index]  # (columns, rows)
    for filled, colour in ((False, style.grid), (True, style.ink)):
        columns, rows = np.nonzero(grid == filled)
        figure.add_scatter(
            x=columns,
            y=rows,
            mode="markers",
            marker={"size": 10, "color": colour},
            hoverinfo="skip",
            showlegend=False,
            row=2,
            col=2,
        )
    line_x: list[float | None] = []
    line_y: list[float | None] = []
    for column, kept in enumerate(grid):
        rows = np.flatnonzero(kept)
        line_x += [column, column, None]
        line_y += [int(rows[0]), int(rows[-1]), None]
    figure.add_scatter(
        x=line_x,
        y=line_y,
        mode="lines",
        line={"color": style.ink, "width": 2},
        hoverinfo="skip",
        showlegend=False,
        row=2,
        col=2,
    )


def _domain_sizes(
    figure: go.Figure, regions: RegionCounts, order: Sequence[str], style: Look
) -> None:
    index = [regions.domains.index(name) for name in order]
    kept = regions.kept.sum(axis=0)[index] / regions.total.sum()
    paint = colours(regions.domains, style)
    figure.add_bar(
        x=kept,
        y=list(range(len(order))),
        orientation="h",
        width=0.5,
        marker={"color": [paint[name] for name in order]},
        hovertemplate="keeps %{x:.1%} of all weights<extra></extra>",
        showlegend=False,
        row=2,
        col=1,
    )


def _axes(figure: go.Figure, columns: int, order: Sequence[str], style: Look) -> None:
    span = [-0.6, max(columns, 1) - 0.4]
    rows = [len(order) - 0.5, -0.5]
    figure.update_xaxes(range=span, showticklabels=False, showgrid=False, row=1, col=2)
    figure.update_xaxes(range=span, showticklabels=False, showgrid=False, row=2, col=2)
    figure.update_yaxes(title_text="of all weights", tickformat=".2~%", row=1, col=2)
    figure.update_yaxes(range=rows, showticklabels=False, showgrid=False, row=2, col=2)
    figure.update_xaxes(
        title_text="keeps", range=[0, 1], tickformat=".0%", nticks=2, showgrid=False, row=2, col=1
    )
    figure.update_yaxes(
        range=rows,
        tickvals=list(range(len(order))),
        ticktext=[label(name) for name in order],
        tickfont={"color": style.ink, "size": 13},
        showgrid=False,
        row=2,
        col=1,
    )


def kept_by_number(regions: RegionCounts, style: Look) -> Chart:
    """The share of all weights that exactly 0, 1, ... D domains keep."""
    share, expected = regions.by_number(), regions.by_number(expected=True)
    numbers = list(range(len(share)))
    figure = go.Figure()
    figure.add_bar(
        x=numbers,
        y=share,
        marker={"color": style.categories[0]},
        hovertemplate="kept by %{x}: %{y:.2%} of all weights<extra></extra>",
        name="these domains",
    )
    figure.add_scatter(
        x=numbers,
        y=expected,
        mode="lines+markers",
        line={"color": style.categories[1], "width": 1.5, "dash": "dot"},
        marker={"size": 7},
        hovertemplate=f"{CHANCE_NAME}: %{{y:.2%}}<extra></extra>",
        name=CHANCE_NAME,
    )
    dress(figure, style, height=300)
    figure.update_xaxes(title_text="number of domains that keep a weight", dtick=1, showgrid=False)
    figure.update_yaxes(title_text="of all weights", tickformat=".0%")
    return Chart(
        figure=figure,
        table={
            "domains": numbers,
            "share": share.tolist(),
            "share_of_independent_masks": expected.tolist(),
        },
        alt=f"By how many domains weights are kept: {share[-1]:.1%} by all, {share[0]:.1%} by none.",
    )


def domain_shares(
    shares: dict[str, float], expected: dict[str, float], style: Look, column: str, meaning: str
) -> Chart:
    """A share for each domain as a bar, with that of independent masks as a mark.

    column: the share's name in the table. meaning: in words, for the axis.
    """
    paint = colours(list(shares), style)
    names = [label(name) for name in shares]
    figure = go.Figure()
    figure.add_bar(
        x=list(shares.values()),
        y=names,
        orientation="h",
        width=0.6,
        marker={"color": [paint[name] for name in shares]},
        hovertemplate="<b>%{y}</b>: %{x:.2%}<extra></extra>",
        showlegend=False,
    )
    figure.add_scatter(
        x=list(expected.values()),
        y=names,
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 16, "line": {"width": 2}, "color": style.ink},
        hovertemplate=f"{CHANCE_NAME}: %{{x:.2%}}<extra></extra>",
        name=CHANCE_NAME,
    )
    dress(figure, style, height=110 + 27 * len(names))
    figure.update_xaxes(title_text=meaning, tickformat=".2~%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return Chart(
        figure=figure,
        table={
            "domain": list(shares),
            column: list(shares.values()),
            "independent_masks": list(expected.values()),
        },
        alt=f"{meaning[:1].upper()}{meaning[1:]}, for each of {len(names)} domains.",
    )
