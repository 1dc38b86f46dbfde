"""A chart on a page, with its data and its picture one click away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.figures.tables import csv_table, latex_table
from pages.ui.state import keep, kept_choices

if TYPE_CHECKING:
    from analysis.figures.chart import Chart
    from analysis.figures.look import Look

FORMATS = {"svg": "SVG, for print", "png": "PNG, for slides"}
PICTURE = "picture-format"
PNG_SCALE = 3  # pixels of the saved picture for one on the page
LATEX_ROWS = 60  # a longer table is no table for a paper


def style() -> Look:
    """The look that fits the visitor's theme."""
    from analysis.figures.look import look

    return look(st.context.theme.type == "dark")


def show(chart: Chart, key: str, file_name: str | None = None, about: str = "") -> None:
    """Draw a chart; below it, its data as CSV and LaTeX, and the choice of the picture's format.

    about: what the LaTeX table's caption says of the run; without it no LaTeX is offered.
    """
    name = file_name or key
    wanted = kept_choices().get(PICTURE, "svg")
    with st.container(key=f"wide-{key}"):
        if chart.least_width:
            st.html(
                f"<style>.st-key-wide-{key} {{overflow-x: auto;}} "
                f'.st-key-wide-{key} [data-testid="stFullScreenFrame"] '
                f"{{min-width: {chart.least_width}px;}}</style>"
            )
        st.plotly_chart(
            chart.figure,
            key=key,
            theme=None,
            alt=chart.alt,
            config={
                "displaylogo": False,
                "displayModeBar": "hover",
                "modeBarButtons": [["toImage"]],
                "toImageButtonOptions": {
                    "format": wanted,
                    "filename": name,
                    "scale": PNG_SCALE if wanted == "png" else 1,
                },
                "scrollZoom": False,
            },
        )
    with st.container(horizontal=True, gap="small"):
        downloads(chart.table, chart.alt, key, about, name)
        _choose_format(key, wanted)


def _choose_format(key: str, wanted: str) -> None:
    """The picture's format, the same for all charts of the session."""
    widget = f"{key}-picture"
    st.session_state[widget] = wanted  # it may have been changed below another chart
    with st.popover("Picture", type="tertiary", icon=":material/image:"):
        st.radio(
            "The camera at the upper right of every chart saves it as",
            list(FORMATS),
            format_func=FORMATS.__getitem__,
            key=widget,
            on_change=lambda: keep(PICTURE, st.session_state[widget]),
        )


def downloads(
    table: Mapping[str, Sequence[Any]], title: str, key: str, about: str, name: str | None = None
) -> None:
    """The buttons that download a table: CSV and, if it is short and `about` is said, LaTeX.

    title, about: what the LaTeX table's caption says. name: of the files; the key, if left out.
    """
    st.download_button(
        "CSV",
        lambda: csv_table(table),
        file_name=f"{name or key}.csv",
        mime="text/csv",
        key=f"{key}-csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        help="The numbers as a table.",
    )
    if about and len(next(iter(table.values()))) <= LATEX_ROWS:
        st.download_button(
            "LaTeX",
            lambda: latex_table(table, f"{title} {about}", name or key).encode(),
            file_name=f"{name or key}.tex",
            mime="text/x-tex",
            key=f"{key}-latex",
            on_click="ignore",
            type="tertiary",
            icon=":material/function:",
            help="The same table for a paper; it needs the package booktabs.",
        )
