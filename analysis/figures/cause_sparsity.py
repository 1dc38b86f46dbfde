"""Cause over the sparsity: what regions do to their own domain, and what borrowed masks cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean

import plotly.graph_objects as go

from analysis.cause.results import Cause, DomainCause
from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress

DRAWN_NAME = "as many others of their magnitudes"


def own_damage_lines(found: Mapping[float, Cause], style: Look) -> Chart:
    """A line a domain: its region's damage to itself; dotted: that of weights drawn in its place."""
    at = sorted(found)
    names = list(found[at[0]].dense)
    paint = colours(names, style)
    rows = {name: [_row(found[each], name) for each in at] for name in names}
    own = {name: [row.damage[name] for row in rows[name]] for name in names}
    drawn = {name: [fmean(row.matched[name]) for row in rows[name]] for name in names}
    figure = go.Figure()
    for name in names:
        _line(figure, at, [each.value for each in own[name]], label(name), paint[name])
        _line(figure, at, drawn[name], f"{label(name)}, {DRAWN_NAME}", paint[name], dotted=True)
    _dress(figure, style)
    return Chart(
        figure=figure,
        table=_table(
            at,
            names,
            weights=lambda at, name: rows[name][at].weights,
            damage=lambda at, name: own[name][at].value,
            low=lambda at, name: own[name][at].low,
            high=lambda at, name: own[name][at].high,
            same_magnitudes=lambda at, name: drawn[name][at],
        ),
        alt=f"The damage of each region to its own domain, at {len(at)} sparsities.",
    )


def borrowed_lines(found: Mapping[float, Cause], style: Look) -> Chart:
    """A line a domain: what running it on another one's mask costs, mean over the others' masks."""
    at = sorted(found)
    names = list(found[at[0]].dense)
    paint = colours(names, style)
    costs = {
        name: [
            fmean(row.excess.value for row in found[each].borrowed if row.evaluated == name)
            for each in at
        ]
        for name in names
    }
    figure = go.Figure()
    for name in names:
        _line(figure, at, costs[name], label(name), paint[name])
    _dress(figure, style)
    return Chart(
        figure=figure,
        table=_table(
            at,
            names,
            excess=lambda at, name: costs[name][at],
            rank_correlation=lambda number, _: found[at[number]].mantel.correlation,
            mantel_p=lambda number, _: found[at[number]].mantel.p,
        ),
        alt=f"The cost of running each domain on another one's mask, at {len(at)} sparsities.",
    )


def _row(found: Cause, name: str) -> DomainCause:
    return next(row for row in found.domains if row.domain == name)


def _line(
    figure: go.Figure,
    at: list[float],
    values: list[float],
    name: str,
    colour: str,
    *,
    dotted: bool = False,
) -> None:
    figure.add_scatter(
        x=at,
        y=values,
        mode="lines" if dotted else "lines+markers",
        name=name,
        showlegend=not dotted,
        line={"color": colour, "width": 1.5 if dotted else 2, "dash": "dot" if dotted else "solid"},
        marker={"size": 6},
        hovertemplate=f"<b>{name}</b><br>at %{{x:.0%}} sparsity: %{{y:.4f}}<extra></extra>",
    )


def _dress(figure: go.Figure, style: Look) -> None:
    dress(figure, style, height=360)
    figure.update_xaxes(title_text="sparsity", tickformat=".0%")
    figure.update_yaxes(title_text="more bits per byte", tickformat=".3~f", rangemode="tozero")


def _table(
    at: list[float], names: list[str], **columns: Callable[[int, str], object]
) -> dict[str, list[object]]:
    """A row for each sparsity and domain; each column from the sparsity's number and the name."""
    places = [(number, name) for number in range(len(at)) for name in names]
    return {
        "sparsity": [at[number] for number, _ in places],
        "domain": [name for _, name in places],
        **{column: [value(*place) for place in places] for column, value in columns.items()},
    }
