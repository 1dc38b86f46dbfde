"""A chart on a page, with its data one click away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from analysis.figures.chart import Chart
    from analysis.figures.look import Look


def style() -> Look:
    """The look that fits the visitor's theme."""
    from analysis.figures.look import look

    return look(st.context.theme.type == "dark")


def show(chart: Chart, key: str, file_name: str | None = None) -> None:
    """Draw a chart and, below it, the button that downloads what it draws as CSV."""
    st.plotly_chart(
        chart.figure,
        key=key,
        theme=None,
        alt=chart.alt,
        config={
            "displaylogo": False,
            "displayModeBar": "hover",
            "modeBarButtons": [["toImage"]],
            "toImageButtonOptions": {"format": "svg", "filename": file_name or key},
            "scrollZoom": False,
        },
    )
    st.download_button(
        "CSV",
        chart.csv,
        file_name=f"{file_name or key}.csv",
        mime="text/csv",
        key=f"{key}-csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        help="The numbers of this chart as a table.",
    )
