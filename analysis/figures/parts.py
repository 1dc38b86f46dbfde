"""Figures of whole parts: whose channels and heads are whose, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, dress

if TYPE_CHECKING:
    from analysis.overlap.owners import Owners

CELLS = 150_000  # drawn at most; of more units every so-manieth of a row is
WORDS = {"everybody": "everybody", "several": "several, not all", "nobody": "nobody"}


def owners_map(whose: Owners, style: Look) -> Chart:
    """A row a layer, a cell a unit, coloured by the only domain that keeps it.

    Units of a row are sorted by whose they are, as their own order means nothing; the number of each is
    shown under the pointer. Dark: everybody keeps it; pale: several domains; blank: none.
    """
    names = whose.names
    keys = list(whose.kept)
    step = -(-sum(whose.kept[key].shape[1] for key in keys) // CELLS)
    numbers = {key: np.array([names.index(each) for each in whose.labels(key)]) for key in keys}
    orders = {key: np.argsort(codes, kind="stable")[::step] for key, codes in numbers.items()}
    width = max(len(order) for order in orders.values())
    codes, units = np.full((2, len(keys), width), np.nan)
    for row, key in enumerate(keys):
        codes[row, : len(orders[key])] = numbers[key][orders[key]]
        units[row, : len(orders[key])] = orders[key]
    palette = _palette(whose, style)
    rows = _rows(whose)
    figure = go.Figure(
        go.Heatmap(
            z=codes,
            y=rows,
            zmin=-0.5,
            zmax=len(names) - 0.5,
            colorscale=_steps(list(palette.values())),
            showscale=False,
            customdata=_said(units, codes, [_name(name) for name in names]),
            hovertemplate=f"<b>%{{y}}</b><br>{_singular(whose.of)} %{{customdata[0]:.0f}}: kept by "
            "%{customdata[1]}<extra></extra>",
            xgap=1 if width <= 64 else 0,
            ygap=3,
        )
    )
    for name, colour in palette.items():
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=_name(name),
            marker={
                "symbol": "square",
                "size": 11,
                "color": colour,
                "line": {"width": 1, "color": style.muted},
            },
        )
    dress(figure, style, height=110 + max(26 * len(keys), 130))
    figure.update_xaxes(
        title_text=f"{whose.of} of the layer, sorted by who keeps them",
        showgrid=False,
        showticklabels=False,
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    return Chart(
        figure=figure,
        table={name: [row[name] for row in whose.rows()] for name in ("layer", "part", *names)},
        alt=f"Whose {whose.of} are whose in {len(keys)} rows: kept by everybody, by one domain alone, "
        "by several, or by nobody.",
    )


def _palette(whose: Owners, style: Look) -> dict[str, str]:
    everybody, *_, several, nobody = whose.names
    own = colours(whose.domains, style)
    return {
        everybody: style.ink,
        **{domain: own[domain] for domain in whose.domains},
        several: style.grid,
        nobody: style.paper,
    }


def _said(units: NDArray, codes: NDArray, names: Sequence[str]) -> NDArray:
    """(rows, cells, 2): the number of each cell's unit, and who keeps it."""
    said = np.empty((*units.shape, 2), dtype=object)
    said[..., 0] = units
    said[..., 1] = np.array([*names, ""], dtype=object)[
        np.where(np.isnan(codes), len(names), codes).astype(np.int64)
    ]
    return said


def _steps(shades: list[str]) -> list[tuple[float, str]]:
    """A colour scale of as many equal steps."""
    count = len(shades)
    return [(edge / count, shade) for i, shade in enumerate(shades) for edge in (i, i + 1)]


def _rows(whose: Owners) -> list[str]:
    """What each row is called: its layer, and its part where a layer has several."""
    if whose.layers:
        return ["all layers"]
    layers = [key.layer for key in whose.kept]
    return [
        f"layer {key.layer}" if layers.count(key.layer) == 1 else f"{key.layer} {key.name}"
        for key in whose.kept
    ]


def _name(name: str) -> str:
    return WORDS.get(name) or f"{label(name)} alone"


def _singular(of: str) -> str:
    return of.removesuffix("s")
