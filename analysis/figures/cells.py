"""What stands written on the cells of a heatmap, in an ink that can be read on their colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.figures.look import Look, Scale

WHITE, BLACK = "#ffffff", "#000000"  # of other inks, none suffices on every colour
MINUS = "\N{MINUS SIGN}"  # as Plotly writes it under the pointer
FRAME, LETTER, GAP = 100, 6, 6  # pixels: beside all cells, of a letter of a name, between texts


def write_on_cells(
    figure: go.Figure, texts: str | Sequence[Sequence[str]], style: Look, size: int = 11
) -> int:
    """Write on every cell of the figure's heatmap, its first trace, and fit the axes to the cells.

    texts: the format of the cells' values, e.g. ".1%", or for each row what its cells say. size: of
    the letters, in pixels. Returns the figure's least width in pixels.
    """
    heat = figure.data[0]
    values = np.asarray(heat.z, dtype=float)
    if isinstance(texts, str):
        number = texts.replace(".", "z.")  # -0.0004 is 0.000
        texts = [
            [format(v, number).replace("-", MINUS) if np.isfinite(v) else "" for v in row]
            for row in values
        ]
    written = [text for row in texts for text in row]
    places = (values.ravel() - heat.zmin) / (heat.zmax - heat.zmin)
    rows, columns = values.shape
    figure.add_scatter(
        x=np.tile(heat.x, rows),
        y=np.repeat(heat.y, columns),
        text=written,
        mode="text",
        textfont={
            "size": size,
            "color": np.where(np.isfinite(places), inks(heat.colorscale, places), style.ink),
        },
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_xaxes(range=[-0.5, columns - 0.5])  # Plotly would leave a margin for the text
    figure.update_yaxes(range=[rows - 0.5, -0.5], autorange=False)
    upright = heat.x if figure.layout.xaxis.tickangle == 0 else ()
    width = max(size * _length(written) // 2, LETTER * _length(upright)) + GAP
    return FRAME + LETTER * _length(heat.y) + columns * width


def _length(texts: Iterable[str]) -> int:
    """Letters of the longest line."""
    lines = "<br>".join(texts).split("<br>")
    return max(len(re.sub("<[^>]*>", "", line)) for line in lines)


def colours(scale: Scale, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """A scale's colours at places from 0 to 1: (n,) -> (n, 3) of red, green and blue, 0 to 1."""
    stops, names = zip(*scale, strict=True)
    channels = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in names])
    return np.stack([np.interp(places, stops, channel) for channel in channels.T], axis=1)


def inks(scale: Scale, places: NDArray[np.float64]) -> NDArray[np.str_]:
    """The ink that is read best on a scale's colour at each place from 0 to 1 (WCAG's contrast).

    (n,) -> (n,).
    """
    mixed = colours(scale, places)
    linear = np.where(mixed <= 0.04045, mixed / 12.92, ((mixed + 0.055) / 1.055) ** 2.4)
    bright = linear @ (0.2126, 0.7152, 0.0722)  # relative luminance
    return np.where(1.05 / (bright + 0.05) >= (bright + 0.05) / 0.05, WHITE, BLACK)
