"""A matrix of domains as a coloured HTML table: no script, no request, and readable in print."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from analysis.figures.cells import colours, inks
from analysis.figures.domains import label
from analysis.figures.look import LIGHT

CELL = "padding:.5em .8em;text-align:center;border:1px solid"
NAME = "padding:.5em .8em;text-align:right;font-weight:normal"


def heatmap(
    domains: Sequence[str],
    jaccard: NDArray[np.float64],
    chance: NDArray[np.float64],
    caption: str,
) -> str:
    """An HTML table of (D, D) overlaps, each over its chance level; the diagonal stays blank.

    Colours span the pairs of different domains, as in the app.
    """
    rows = range(len(domains))
    pairs = jaccard[~np.eye(len(domains), dtype=bool)]
    seen = pairs[np.isfinite(pairs)]
    low, high = (seen.min(), seen.max()) if seen.size else (0.0, 0.0)

    def cell(a: int, b: int) -> str:
        value = jaccard[a, b]
        if a == b or not np.isfinite(value):
            return f'<td style="{CELL} {LIGHT.grid};background:{LIGHT.blank}"></td>'
        place = (value - low) / (high - low) if high > low else 0.5
        red, green, blue = (
            (255 * colours(LIGHT.sequential, np.array([place]))[0]).round().astype(int)
        )
        (ink,) = inks(LIGHT.sequential, np.array([place]))
        return (
            f'<td style="{CELL} {LIGHT.grid};background:rgb({red},{green},{blue});color:{ink}">{value:.3f}'
            f"<br><small>chance {chance[a, b]:.3f}</small></td>"
        )

    named = [f'<th style="{NAME}">{escape(label(domain))}</th>' for domain in domains]
    lines = [f"<tr>{named[a]}{''.join(cell(a, b) for b in rows)}</tr>" for a in rows]
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<tr><th></th>{''.join(named)}</tr>{''.join(lines)}</table>"
    )
