"""Figures of masks: density heatmaps, the difference of two, profiles over channels and rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, Scale, colour_bar, dress
from analysis.overlap.masks_view import BlockView, thin


def mask_density(view: BlockView, domain: str, style: Look, height: int = 250) -> Chart:
    """Share of weights that one domain's mask keeps, block by block; 0 to 1 in every picture.

    Pictures stand side by side and share one legend, so none of them has a colour bar.
    """
    chart = _blocks(
        view,
        style,
        value="kept",
        meaning="kept",
        scale=style.sequential,
        ends=(0.0, 1.0),
        height=height,
        alt=f"Where the mask of {label(domain)} keeps weights.",
    )
    chart.figure.update_traces(showscale=False)
    chart.figure.update_xaxes(title=None)
    chart.figure.update_yaxes(title=None)
    return chart


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
    rows, columns = view.count.shape
    first_row, last_row = int(view.row_edges[0]), int(view.row_edges[-1])
    first_column, last_column = int(view.column_edges[0]), int(view.column_edges[-1])
    row_step, column_step = (last_row - first_row) / rows, (last_column - first_column) / columns
    # Even spacing lets the browser draw one picture instead of thousands of rectangles; blocks
    # differ by one weight at most, so none moves by more than that.
    figure = go.Figure(
        go.Heatmap(
            z=view.count.astype(np.int8) if view.is_single_weights else view.share.astype("f4"),
            x0=first_column + (column_step - 1) / 2,
            dx=column_step,
            y0=first_row + (row_step - 1) / 2,
            dy=row_step,
            zmin=ends[0],
            zmax=ends[1],
            colorscale=scale,
            hovertemplate=(
                f"row %{{y:.0f}}, channel %{{x:.0f}}<br>{meaning} %{{z:.1%}}<extra></extra>"
            ),
            colorbar=colour_bar(style, meaning, ".0%"),
        )
    )
    dress(figure, style, height=height)
    figure.update_xaxes(title_text="input channel", showgrid=False, nticks=6)
    figure.update_yaxes(title_text="output row", showgrid=False, nticks=6, autorange="reversed")
    if 0.5 <= (last_row - first_row) / (last_column - first_column) <= 2:  # square weights
        figure.update_yaxes(scaleanchor="x", constrain="domain", constraintoward="top")
        figure.update_xaxes(constrain="domain", constraintoward="left")
    return Chart(figure=figure, table=view.table(value), alt=alt)


def profile_strips(
    values: Mapping[str, NDArray[np.float64]], axis: str, style: Look, limit: int = 256
) -> Chart:
    """Kept share along input channels or output rows, a strip of colour for each domain.

    values: domain -> (length,). axis: "input channel" or "output row". More than `limit`
    positions are drawn, and tabled, as means of neighbours.
    """
    names = [label(domain) for domain in values]
    thinned = [thin(share, limit) for share in values.values()]
    cuts = thinned[0][0]
    step = (int(cuts[-1]) - int(cuts[0])) / (len(cuts) - 1)
    figure = go.Figure(
        go.Heatmap(
            z=np.stack([means for _, means in thinned]),
            y=names,
            x0=(step - 1) / 2,
            dx=step,
            zmin=0.0,
            zmax=1.0,
            colorscale=style.sequential,
            hovertemplate=f"<b>%{{y}}</b>, {axis} %{{x:.0f}}<br>kept %{{z:.1%}}<extra></extra>",
            colorbar=colour_bar(style, "kept", ".0%"),
            ygap=3,
        )
    )
    dress(figure, style, height=90 + 34 * len(names))
    figure.update_xaxes(title_text=axis, showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return Chart(
        figure=figure,
        table=_profile_table(values, limit),
        alt=f"Share of weights kept along the {axis}s, a strip a domain.",
    )


def profile_deviations(
    values: Mapping[str, NDArray[np.float64]], axis: str, style: Look, limit: int = 256
) -> Chart:
    """As `profile_strips`, each domain minus the mean of all of them: what is its own.

    values: domain -> (length,).
    """
    mean = np.mean(list(values.values()), axis=0)
    apart = {name: share - mean for name, share in values.items()}
    chart = profile_strips(apart, axis, style, limit)
    reach = max(max(chart.table["kept_share"]), -min(chart.table["kept_share"]), 0.01)
    chart.figure.update_traces(
        zmin=-reach,
        zmax=reach,
        colorscale=style.diverging,
        colorbar=colour_bar(style, "against the average", "+.0%"),
        hovertemplate=f"<b>%{{y}}</b>, {axis} %{{x:.0f}}<br>%{{z:+.1%}} against the average"
        "<extra></extra>",
    )
    table = {("against_average" if k == "kept_share" else k): v for k, v in chart.table.items()}
    return Chart(
        figure=chart.figure,
        table=table,
        alt=f"Share of weights kept along the {axis}s, each domain against the average.",
    )


def profile_lines(
    values: Mapping[str, NDArray[np.float64]], axis: str, style: Look, limit: int = 512
) -> Chart:
    """As `profile_strips`, with a line for each domain; meant for two of them.

    values: domain -> (length,).
    """
    figure = go.Figure()
    paint = colours(list(values), style)
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
    dress(figure, style, height=300)
    figure.update_xaxes(title_text=axis)
    figure.update_yaxes(title_text="kept", tickformat=".0%", rangemode="tozero")
    return Chart(
        figure=figure,
        table=_profile_table(values, limit),
        alt=f"Share of weights kept along the {axis}s, a line a domain.",
    )


def _profile_table(
    values: Mapping[str, NDArray[np.float64]], limit: int
) -> dict[str, list[object]]:
    table: dict[str, list[object]] = {"domain": [], "first": [], "last": [], "kept_share": []}
    for domain, share in values.items():
        cuts, means = thin(share, limit)
        table["domain"] += [domain] * len(means)
        table["first"] += cuts[:-1].tolist()
        table["last"] += (cuts[1:] - 1).tolist()
        table["kept_share"] += means.tolist()
    return table
