"""Figures of cause: the damage of every removal, one domain's comparisons, distance against loss."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import plotly.graph_objects as go

from analysis.cause.results import Borrowed, Cause, DomainCause
from analysis.figures.cells import write_on_cells
from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, colour_bar, dress

MATCHED, RANDOM = "same magnitudes", "any weights"
ROW_HEIGHT, FRAME_HEIGHT = 44, 130  # pixels
FINE = 0.05  # bits per byte; a matrix with less than this everywhere shows a fourth decimal
LABELLED = 6  # dots of the scatter that are named in it, those of the largest loss
APART = 0.05  # of the scatter's height, between two names beside each other


def damage_matrix(found: Cause, style: Look, *, relative: bool = False) -> Chart:
    """Region removed by evaluated domain, and below it what as many drawn weights do.

    A drawn row's cell stands for the evaluated domain's own region: as many weights of the same
    matrices, mean of all draws. relative: in shares of the dense model's bits per byte.
    """
    names = [row.domain for row in found.domains]
    rows = [[row.damage[name].value for name in names] for row in found.domains]
    rows.append([fmean(row.matched[row.domain]) for row in found.domains])
    rows.append([fmean(row.random) for row in found.domains])
    scale = np.array([found.dense[name] for name in names]) if relative else np.ones(len(names))
    values = np.array(rows) / scale
    shown = [label(name) for name in names]
    sides = [*shown, f"<i>{MATCHED}</i>", f"<i>{RANDOM}</i>"]
    high = max(float(values.max()), 1e-6)
    number = ".1%" if relative else ".3f" if high >= FINE else ".4f"
    unit = "more bits per byte, relative" if relative else "more bits per byte"
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=shown,
            y=sides,
            zmin=min(0.0, float(values.min())),
            zmax=high,
            colorscale=style.sequential,
            hovertemplate=f"<b>without %{{y}}</b><br>%{{x}}: %{{z:{number}}} {unit}<extra></extra>",
            xgap=2,
            ygap=2,
            colorbar=colour_bar(style, unit, number),
        )
    )
    for index in range(len(names)):
        figure.add_shape(
            type="rect",
            x0=index - 0.47,
            x1=index + 0.47,
            y0=index - 0.46,
            y1=index + 0.46,
            line={"color": style.ink, "width": 2},
        )
    dress(figure, style, FRAME_HEIGHT + ROW_HEIGHT * len(sides))
    figure.update_layout(plot_bgcolor=style.blank)
    figure.update_xaxes(
        title_text="read by", showgrid=False, tickangle=-35 if len(names) > 3 else None
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, title_text="without the weights of")
    size = 13 if len(names) <= 6 else 11
    least_width = write_on_cells(figure, number, style, size) if len(names) <= 9 else 0
    worst = [names[int(np.argmax(line))] for line in values[: len(names)]]
    own = sum(a == b for a, b in zip(names, worst, strict=True))
    return Chart(
        figure=figure,
        table=damage_table(found),
        alt=f"Matrix of the damage that removing each domain's region does to each domain; {own} of "
        f"{len(names)} regions do the most damage to their own domain.",
        least_width=least_width,
    )


def damage_table(found: Cause) -> dict[str, list[object]]:
    """One row for each region and evaluated domain: column name -> values."""
    rows = [(row, name) for row in found.domains for name in found.dense]
    return {
        "region_of": [row.domain for row, _ in rows],
        "evaluated": [name for _, name in rows],
        "weights_removed": [row.weights for row, _ in rows],
        "dense_bits_per_byte": [found.dense[name] for _, name in rows],
        "damage": [row.damage[name].value for row, name in rows],
        "damage_low": [row.damage[name].low for row, name in rows],
        "damage_high": [row.damage[name].high for row, name in rows],
        "same_magnitudes_mean": [fmean(row.matched[name]) for row, name in rows],
        "any_weights_mean": [
            fmean(row.random) if name == row.domain else None for row, name in rows
        ],
    }


def comparison_chart(row: DomainCause, style: Look) -> Chart:
    """What is done to one domain: without its region, and by everything it is compared with.

    Dots with intervals for the region, on this domain and below on the others; one faint dot a draw
    for drawn weights.
    """
    own = label(row.domain)
    figure = go.Figure()
    draws = {
        f"{own}: other weights, same magnitudes": row.matched[row.domain],
        f"{own}: other weights, any": row.random,
    }
    others = [name for name in row.damage if name != row.domain]
    measured = {f"{own}: its own region": row.damage[row.domain]} | {
        f"{label(name)}: {own}'s region": row.damage[name] for name in others
    }
    for text, values in draws.items():
        figure.add_scatter(
            x=list(values),
            y=[text] * len(values),
            mode="markers",
            marker={"size": 8, "color": style.muted, "opacity": 0.75},
            hovertemplate="<b>%{y}</b><br>one draw: %{x:.4f}<extra></extra>",
            showlegend=False,
        )
    accent = colours([row.domain], style)[row.domain]
    figure.add_scatter(
        x=[each.value for each in measured.values()],
        y=list(measured),
        mode="markers",
        marker={
            "size": 9,
            "color": [accent] + ["rgba(0,0,0,0)"] * len(others),
            "line": {"color": accent, "width": 2},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.value for each in measured.values()],
            "arrayminus": [each.value - each.low for each in measured.values()],
            "color": style.muted,
            "thickness": 1.5,
            "width": 5,
        },
        hovertemplate="<b>%{y}</b><br>%{x:.4f} bits per byte more<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(x=0, line={"color": style.muted, "width": 1, "dash": "dot"})
    order = [
        f"{own}: its own region",
        *draws,
        *(f"{label(name)}: {own}'s region" for name in others),
    ]
    dress(figure, style, 70 + 29 * len(order))
    figure.update_xaxes(title_text="more bits per byte")
    figure.update_yaxes(
        categoryorder="array", categoryarray=order, autorange="reversed", showgrid=False
    )
    return Chart(
        figure=figure,
        table=_comparison_table(row),
        alt=f"What removing {own}'s region costs {own}, what as many other weights cost it, and "
        "what the region costs the other domains.",
    )


def _comparison_table(row: DomainCause) -> dict[str, list[object]]:
    rows: list[tuple[str, str, float, float | None, float | None]] = [
        ("its region", name, each.value, each.low, each.high) for name, each in row.damage.items()
    ]
    for removed, draws in ((MATCHED, row.matched[row.domain]), (RANDOM, row.random)):
        rows += [
            (f"{removed}, draw {number + 1}", row.domain, value, None, None)
            for number, value in enumerate(draws)
        ]
    columns = ("removed", "evaluated", "damage", "low", "high")
    return {name: [line[i] for line in rows] for i, name in enumerate(columns)}


def distance_scatter(borrowed: Sequence[Borrowed], style: Look) -> Chart:
    """One dot for every ordered pair of domains: how far apart their masks are, what a swap costs."""
    domains = list(dict.fromkeys(row.mask_of for row in borrowed))
    hues = colours(domains, style)
    named = _named(borrowed)
    middle = (min(row.distance for row in borrowed) + max(row.distance for row in borrowed)) / 2
    figure = go.Figure()
    for domain in domains:
        rows = [row for row in borrowed if row.evaluated == domain]
        figure.add_scatter(
            x=[row.distance for row in rows],
            y=[row.excess.value for row in rows],
            mode="markers+text",
            text=[_swap(row) if row in named else "" for row in rows],
            textposition=[
                "middle left" if row.distance > middle else "middle right" for row in rows
            ],
            textfont={"size": 11, "color": style.muted},
            name=label(domain),
            marker={"size": 9, "color": hues[domain]},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [row.excess.high - row.excess.value for row in rows],
                "arrayminus": [row.excess.value - row.excess.low for row in rows],
                "color": hues[domain],
                "thickness": 1,
                "width": 0,
            },
            customdata=[_swap(row) for row in rows],
            hovertemplate=(
                "<b>%{customdata}'s mask</b><br>distance %{x:.4f}<br>"
                "%{y:.4f} bits per byte more than on its own<extra></extra>"
            ),
        )
    figure.add_hline(y=0, line={"color": style.muted, "width": 1, "dash": "dot"})
    dress(figure, style, height=430)
    figure.update_xaxes(title_text="distance of the two masks (1 - Jaccard)", tickformat=".2f")
    figure.update_yaxes(title_text="bits per byte more than on its own mask")
    return Chart(
        figure=figure,
        table={
            "mask_of": [row.mask_of for row in borrowed],
            "evaluated": [row.evaluated for row in borrowed],
            "distance": [row.distance for row in borrowed],
            "excess": [row.excess.value for row in borrowed],
            "excess_low": [row.excess.low for row in borrowed],
            "excess_high": [row.excess.high for row in borrowed],
        },
        alt=f"Scatter of {len(borrowed)} ordered pairs of domains: distance of their masks against "
        "what running one on the other's mask costs.",
    )


def _named(borrowed: Sequence[Borrowed]) -> list[Borrowed]:
    """The costliest swaps, as far as their names do not hide each other."""
    height = max(
        max(row.excess.high for row in borrowed) - min(row.excess.low for row in borrowed), 1e-9
    )
    width = max(max(row.distance for row in borrowed) - min(row.distance for row in borrowed), 1e-9)
    named: list[Borrowed] = []
    for row in sorted(borrowed, key=lambda row: -row.excess.value)[:LABELLED]:
        hidden = any(
            abs(row.excess.value - other.excess.value) < APART * height
            and abs(row.distance - other.distance) < 5 * APART * width
            for other in named
        )
        named += [] if hidden else [row]
    return named


def _swap(row: Borrowed) -> str:
    """Which domain runs on which mask."""
    return f"{label(row.evaluated)} on {label(row.mask_of)}"
