"""The look of every figure: ink, paper and colour scales, for light and for dark.

Both sequential scales change steadily in lightness, and the diverging ones run brown to teal, so
they can be read with any colour vision and in print.
"""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

FONT = '"Source Sans", "Source Sans Pro", "Helvetica Neue", Arial, sans-serif'

Scale = tuple[tuple[float, str], ...]


@dataclass(frozen=True, kw_only=True)
class Look:
    """Colours of one mode."""

    is_dark: bool
    ink: str
    muted: str
    grid: str
    blank: str  # a cell that has no value of its own
    paper: str  # the page behind the figure, and behind its saved picture
    sequential: Scale  # little -> much
    diverging: Scale  # negative -> zero -> positive
    categories: tuple[str, ...]


def _scale(*colours: str) -> Scale:
    return tuple((i / (len(colours) - 1), colour) for i, colour in enumerate(colours))


LIGHT = Look(
    is_dark=False,
    ink="#1d2a30",
    muted="#66727a",
    grid="#e6e2d6",
    blank="#ebe8dd",
    paper="#fcfbf8",
    sequential=_scale("#f4f1e6", "#c9dfcd", "#86bfb5", "#45949b", "#1c5f76", "#12455d", "#0b3049"),
    diverging=_scale(
        "#8c510a",
        "#b0762f",
        "#d0a263",
        "#f0dfba",
        "#f7f5ef",
        "#c4e3dc",
        "#6bb5aa",
        "#2f8a81",
        "#01665e",
    ),
    categories=(
        "#0b6e75",
        "#b3541e",
        "#5b4b9a",
        "#8a7a12",
        "#a3386b",
        "#3c7d3a",
        "#2f6fb0",
        "#5f6b70",
    ),
)

DARK = Look(
    is_dark=True,
    ink="#e6ebe9",
    muted="#93a1a5",
    grid="#2a363c",
    blank="#212c31",
    paper="#12191d",
    sequential=_scale("#172329", "#183c45", "#18565d", "#2d7f7b", "#6bac96", "#a9cdae", "#e3ecd0"),
    diverging=_scale(
        "#f0b45c",
        "#cc9040",
        "#8a5f2a",
        "#4a3820",
        "#1b262b",
        "#1b4345",
        "#247a75",
        "#3ba399",
        "#7fdcd0",
    ),
    categories=(
        "#4fbfc0",
        "#f0935a",
        "#a99be8",
        "#d6c34f",
        "#ee86b3",
        "#86cd7f",
        "#74b3f0",
        "#aab4b8",
    ),
)


def look(is_dark: bool) -> Look:
    """The look of the dark or the light mode."""
    return DARK if is_dark else LIGHT


def dress(figure: go.Figure, style: Look, height: int) -> go.Figure:
    """Give a figure the house's fonts, colours, margins and height in pixels; returns it."""
    axis = {
        "gridcolor": style.grid,
        "linecolor": style.grid,
        "zeroline": False,
        "ticks": "",
        "tickfont": {"color": style.muted, "size": 12},
        "title": {"font": {"color": style.muted, "size": 13}, "standoff": 8},
        "automargin": True,
    }
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        font={"family": FONT, "color": style.ink, "size": 13},
        paper_bgcolor=style.paper,
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"font": {"family": FONT, "size": 13}, "align": "left"},
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "x": 0,
            "title": None,
            "font": {"color": style.ink},
        },
        dragmode=False,
        modebar={"orientation": "h"},
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def colour_bar(style: Look, title: str, tick_format: str = ".2f") -> dict[str, object]:
    """A slim colour bar with its title beside it."""
    return {
        "title": {"text": title, "side": "right", "font": {"color": style.muted, "size": 12}},
        "thickness": 8,
        "outlinewidth": 0,
        "tickformat": tick_format,
        "tickfont": {"color": style.muted, "size": 11},
        "nticks": 5,
        "len": 0.9,
        "xpad": 6,
    }
