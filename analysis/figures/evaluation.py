"""Figures of an evaluation: calibrated on x measured on, and the same over sparsities."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.evaluation.mask_sources import MaskSource
from analysis.evaluation.measures import measure
from analysis.evaluation.table import Result
from analysis.figures.cells import write_on_cells
from analysis.figures.chart import Chart
from analysis.figures.domains import colours, label
from analysis.figures.look import Look, colour_bar, dress
from analysis.figures.tables import columns_of

VALUES, AGAINST_OWN = "values", "against-own"
ROW_HEIGHT, FRAME_HEIGHT = 40, 110  # pixels
NAME_LETTERS = 17  # of a measure, in one line
OUTLIERS = ("random",)  # rows that would stretch the colours until the others look alike
DASHES = {"mixture": "dash", "magnitude": "dot", "random": "dashdot"}

Place = tuple[str, str]  # the name of a column, and the measure


def source_title(source: MaskSource) -> str:
    """A row's name on a page."""
    return label(source.title)


def evaluation_matrix(results: Sequence[Result], view: str, style: Look) -> Chart:
    """Rows are what a mask was calibrated on, columns what it was measured on, at one sparsity.

    view: VALUES writes the values and colours by how much worse than dense they are; AGAINST_OWN
    writes and colours the difference to the column's own domain's mask. The clearly best mask
    of a column is framed, and intervals stand below the numbers.
    """
    rows = list(dict.fromkeys(result.source.title for result in results))
    places: list[Place] = list(dict.fromkeys((r.column.name, r.measure) for r in results))
    found = {(r.source.title, r.column.name, r.measure): r for r in results}
    grid = [[found.get((row, *place)) for place in places] for row in rows]
    against_own = view == AGAINST_OWN
    shade = np.array([[_shade(result, against_own) for result in of_row] for of_row in grid])
    reach = _reach(rows, shade, against_own)
    scale = _turned(style.diverging) if against_own else style.sequential
    names, titles = _names(places), [label(row) for row in rows]
    meaning = "against the own mask" if against_own else "worse than dense"
    figure = go.Figure(
        go.Heatmap(
            z=shade,
            x=names,
            y=titles,
            zmin=reach[0],
            zmax=reach[1],
            colorscale=scale,
            customdata=[[_hover(result) for result in of_row] for of_row in grid],
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=False,
            xgap=2,
            ygap=2,
            colorbar=colour_bar(style, meaning, "+.0%" if _relative(results) else "+.1f"),
        )
    )
    _frame_best(figure, grid, style)
    dress(figure, style, FRAME_HEIGHT + ROW_HEIGHT * len(rows))
    figure.update_layout(plot_bgcolor=style.blank)
    figure.update_xaxes(side="top", showgrid=False, tickangle=0, title_text="measured on")
    figure.update_yaxes(showgrid=False, title_text="calibrated on")
    texts = [[_text(result, against_own) for result in of_row] for of_row in grid]
    least_width = write_on_cells(figure, texts, style, size=12 if len(places) <= 8 else 10)
    return Chart(
        figure=figure,
        table=result_table(results),
        alt=_alt(results, rows, places),
        least_width=least_width,
    )


def over_sparsities(results: Sequence[Result], style: Look) -> Chart:
    """One column, one measure: a line for each mask, and the dense model's level.

    The own mask's line is thick and shows its intervals; the others' are in the table. Chance,
    which soon leaves the picture, and the draws of a domain are left out.
    """
    shown = [r for r in results if r.source.kind not in ("half", *OUTLIERS)]
    dense = [r for r in shown if r.source.kind == "dense"]
    paint = colours([r.source.domain for r in shown if r.source.kind == "domain"], style)
    figure = go.Figure()
    for source in dict.fromkeys(r.source for r in shown if r.source.kind != "dense"):
        of_source = sorted((r for r in shown if r.source == source), key=lambda r: r.sparsity)
        estimates = [r.estimate for r in of_source]
        own = of_source[0].is_own
        figure.add_scatter(
            x=[r.sparsity for r in of_source],
            y=[e.value for e in estimates],
            mode="lines+markers",
            name=source_title(source),
            line={
                "color": paint.get(source.domain, style.muted),
                "width": 3.5 if own else 1.6,
                "dash": DASHES.get(source.kind, "solid"),
            },
            marker={"size": 8 if own else 5},
            error_y={
                "type": "data",
                "visible": own,
                "symmetric": False,
                "array": [e.high - e.value for e in estimates],
                "arrayminus": [e.value - e.low for e in estimates],
                "thickness": 1,
                "width": 3,
            },
            hovertemplate=f"<b>{source_title(source)}</b> at %{{x:.0%}}: %{{y:.4g}}<extra></extra>",
        )
    for result in dense:
        figure.add_hline(
            y=result.estimate.value,
            line={"color": style.ink, "width": 1.2, "dash": "dot"},
            annotation={"text": "dense", "font": {"color": style.muted}},
        )
    dress(figure, style, 420)
    figure.update_layout(legend={"y": -0.22, "yanchor": "top"})
    figure.update_xaxes(title_text="sparsity", tickformat=".0%")
    figure.update_yaxes(title_text=shown[0].measure)
    return Chart(
        figure=figure,
        table=result_table(shown),
        alt=f"{shown[0].measure} on {label(shown[0].column.name)} over sparsities, a line a mask.",
    )


def result_table(results: Sequence[Result]) -> dict[str, list[Any]]:
    """Every result in plain values: column name -> values."""
    return columns_of([result.row() for result in results])


def _names(places: Sequence[Place]) -> list[str]:
    if len({what for _, what in places}) == 1:
        return [label(name) for name, _ in places]
    return ["<br>".join((label(name), *wrap(what, NAME_LETTERS))) for name, what in places]


def _relative(results: Sequence[Result]) -> bool:
    return not any(measure(result.measure).higher_is_better for result in results)


def _shade(result: Result | None, against_own: bool) -> float:
    """How much worse, positive, than dense or than the own mask: a share, or points of a score."""
    if result is None:
        return np.nan
    gap = result.to_own if against_own else result.to_dense
    if gap is None:
        return np.nan if against_own and not result.is_own else 0.0
    if measure(result.measure).higher_is_better:
        return -gap.value
    before = result.estimate.value - gap.value
    return gap.value / before if before else np.nan


def _reach(
    rows: Sequence[str], shade: NDArray[np.float64], against_own: bool
) -> tuple[float, float]:
    """Ends of the colour scale, from all rows but outliers."""
    usual = shade[[row not in OUTLIERS for row in rows]]
    finite = usual[np.isfinite(usual)]
    largest = max(float(np.abs(finite).max()) if finite.size else 0.0, 1e-6)
    return (-largest, largest) if against_own else (0.0, largest)


def _turned(scale: Any) -> Any:
    """The scale with its ends exchanged: what is worse than the own mask is brown."""
    return tuple((1 - place, colour) for place, colour in scale[::-1])


def _text(result: Result | None, against_own: bool) -> str:
    if result is None:
        return ""
    found = result.to_own if against_own else result.estimate
    if found is None:
        return "own" if result.is_own else ""
    sign = "+" if against_own else ""
    digits = 3 if abs(result.estimate.value) < 10 else 1
    written = f"{found.value:{sign}.{digits}f}"
    if not found.has_interval:
        return written
    low, high = (f"{value:{sign}.{digits}f}" for value in (found.low, found.high))
    return f"{written}<br><span style='font-size:9px'>{low} … {high}</span>"


def _hover(result: Result | None) -> str:
    if result is None:
        return ""
    lines = [
        f"<b>{source_title(result.source)}</b>, measured on {label(result.column.name)}",
        f"{result.measure} {result.estimate.value:.4g} "
        f"({result.estimate.low:.4g} to {result.estimate.high:.4g})",
    ]
    for words, gap in (("dense", result.to_dense), (_own_words(result), result.to_own)):
        if gap is not None:
            lines.append(f"minus {words}: {gap.value:+.4g} ({gap.low:+.4g} to {gap.high:+.4g})")
    if result.own_p is not None:
        lines.append(f"adjusted p of that: {result.own_p:.2g}")
    if result.lead_p is not None:
        lines.append(f"the best value; adjusted p that it is not: {result.lead_p:.2g}")
    return "<br>".join(lines)


def _own_words(result: Result) -> str:
    return "the other draw" if result.source.half == 2 else "its own mask"


def _frame_best(figure: go.Figure, grid: list[list[Result | None]], style: Look) -> None:
    for row, of_row in enumerate(grid):
        for column, result in enumerate(of_row):
            if result is not None and result.best:
                figure.add_shape(
                    type="rect",
                    x0=column - 0.48,
                    x1=column + 0.48,
                    y0=row - 0.46,
                    y1=row + 0.46,
                    line={"color": style.ink, "width": 2},
                )


def _alt(results: Sequence[Result], rows: Sequence[str], places: Sequence[Place]) -> str:
    own = sum(result.best and result.is_own for result in results)
    return (
        f"Matrix of {len(rows)} masks by {len(places)} columns; in {own} of them the mask of the "
        "column's own domain is clearly the best."
    )
