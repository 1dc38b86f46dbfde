"""Figures of masks: density heatmaps, the difference of two, profiles over channels and rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, Scale, colour_bar, dress
from analysis.masks_view import BlockView, thin


def mask_density(view: BlockView, domain: str, style: Look, height: int = 300) -> Chart:
    """Share of weights that one domain's mask keeps, block by block; 0 to 1 in every picture."""
    return _blocks(
        view,
        style,
        value="kept",
        meaning="kept",
        scale=style.sequential,
        ends=(0.0, 1.0),
        height=height,
        alt=f"Where the mask of {label(domain)} keeps weights.",
    )


def mask_difference(view: BlockView, a: str, b: str, style: Look, height: int = 420) -> Chart:
    """Signed difference: teal where `a` keeps more, brown where `b` keeps more."""
    reach = max(float(np.abs(view.share).max()), 0.02)
    return _blocks(
        view,
        style,
        value="difference",
        meaning=f"{label(a)} minus {label(b)}",
        scale=style.diverging,
        ends=(-reach, reach),
        height=height,
        alt=f"Where {label(a)} keeps more weights than {label(b)}, and the other way round.",
    )


def mask_disagreement(view: BlockView, a: str, b: str, style: Look, height: int = 420) -> Chart:
    """Share of weights that exactly one of the two masks keeps."""
    return _blocks(
        view,
        style,
        value="differing",
        meaning="weights that differ",
        scale=style.sequential,
        ends=(0.0, max(float(view.share.max()), 0.02)),
        height=height,
        alt=f"Where the masks of {label(a)} and {label(b)} differ.",
    )


def _blocks(
    view: BlockView,
    style: Look,
    *,
    value: str,
    meaning: str,
    scale: Scale,
    ends: tuple[float, float],
    height: int,
    alt: str,
) -> Chart:
    rows = _names(view.row_edges)
    columns = _names(view.column_edges)
    place = "row %{customdata[0]}, channel %{customdata[1]}"
    figure = go.Figure(
        go.Heatmap(
            z=view.share.astype(np.float32),
            x=view.column_edges - 0.5,
            y=view.row_edges - 0.5,
            zmin=ends[0],
            zmax=ends[1],
            colorscale=scale,
            customdata=_places(rows, columns) if view.count.size <= 4096 else None,
            hovertemplate=(
                (place if view.count.size <= 4096 else "row %{y:.0f}, channel %{x:.0f}")
                + f"<br>{meaning} %{{z:.1%}}<extra></extra>"
            ),
            colorbar=colour_bar(style, meaning, ".0%"),
        )
    )
    dress(figure, style, height=height)
    figure.update_xaxes(title_text="input channel", showgrid=False, nticks=6)
    figure.update_yaxes(title_text="output row", showgrid=False, nticks=6, autorange="reversed")
    return Chart(figure=figure, table=view.table(value), alt=alt)


def profiles(
    values: Mapping[str, NDArray[np.float64]], axis: str, style: Look, limit: int = 512
) -> Chart:
    """Kept share along input channels or output rows, one line a domain.

    values: domain -> (length,). axis: "input channel" or "output row". More than `limit`
    positions are drawn, and tabled, as means of neighbours.
    """
    figure = go.Figure()
    paint = colours(list(values), style)
    table: dict[str, list[object]] = {"domain": [], "first": [], "last": [], "kept_share": []}
    for domain, share in values.items():
        cuts, means = thin(share, limit)
        figure.add_scatter(
            x=cuts[:-1],
            y=means,
            mode="lines",
            name=label(domain),
            line={"color": paint[domain], "width": 1.4, "shape": "hv"},
            hovertemplate=f"{label(domain)}, {axis} %{{x}}: %{{y:.1%}}<extra></extra>",
        )
        table["domain"] += [domain] * len(means)
        table["first"] += cuts[:-1].tolist()
        table["last"] += (cuts[1:] - 1).tolist()
        table["kept_share"] += means.tolist()
    dress(figure, style, height=300)
    figure.update_xaxes(title_text=axis)
    figure.update_yaxes(title_text="kept", tickformat=".0%", rangemode="tozero")
    return Chart(
        figure=figure, table=table, alt=f"Share of weights kept along the {axis}s, a line a domain."
    )


def _names(edges: NDArray[np.int64]) -> list[str]:
    return [
        str(first) if last - first == 1 else f"{first}-{last - 1}"
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]


def _places(rows: list[str], columns: list[str]) -> NDArray[np.str_]:
    return np.dstack(np.meshgrid(rows, columns, indexing="ij"))
