"""What a sub-model saves: bytes by form, tokens per second by way of computing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from analysis.figures.chart import Chart
from analysis.figures.look import Look, dress

ROW_HEIGHT, FRAME_HEIGHT = 34, 80  # pixels


def size_chart(sizes: Mapping[str, int], where: str, style: Look) -> Chart:
    """One bar a form: bytes beside those of the dense model. where: "on disk" or "in memory"."""
    dense = sizes["dense"]
    share = [size / dense for size in sizes.values()]
    text = [f"{size / 1e6:,.1f} MB" for size in sizes.values()]
    figure = _bars(list(sizes), share, text, style)
    figure.update_xaxes(title=f"share of the dense model {where}", tickformat=".0%")
    return Chart(
        figure=dress(figure, style, FRAME_HEIGHT + ROW_HEIGHT * len(sizes)),
        table={"form": list(sizes), "bytes": list(sizes.values()), "share_of_dense": share},
        alt=f"Bytes {where}: "
        + ", ".join(f"{form} {words}" for form, words in zip(sizes, text, strict=True)),
    )


def speed_chart(
    medians: Mapping[str, float], speeds: Mapping[str, Sequence[float]], style: Look
) -> Chart:
    """One bar a way: tokens per second, the median; the whiskers are the slowest and fastest."""
    middle = list(medians.values())
    figure = _bars(list(medians), middle, [f"{value:,.0f}" for value in middle], style)
    lowest = [min(speeds[way]) for way in medians]
    highest = [max(speeds[way]) for way in medians]
    figure.data[0].error_x = {
        "type": "data",
        "symmetric": False,
        "array": [high - value for high, value in zip(highest, middle, strict=True)],
        "arrayminus": [value - low for low, value in zip(lowest, middle, strict=True)],
        "color": style.muted,
        "thickness": 1.5,
        "width": 5,
    }
    figure.update_xaxes(title="tokens per second")
    return Chart(
        figure=dress(figure, style, FRAME_HEIGHT + ROW_HEIGHT * len(medians)),
        table={
            "way": list(medians),
            "tokens_per_second": middle,
            "slowest": lowest,
            "fastest": highest,
        },
        alt="Tokens per second: "
        + ", ".join(f"{way} {value:,.0f}" for way, value in medians.items()),
    )


def _bars(names: list[str], values: list[float], text: list[str], style: Look) -> go.Figure:
    figure = go.Figure(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            text=text,
            textposition="inside",
            insidetextanchor="start",
            marker={"color": style.categories[0]},
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(rangemode="tozero")
    return figure
