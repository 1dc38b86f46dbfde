"""Figures of overlap: the matrix of domains, lines over layers, layer by projection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from analysis.figures.cells import write_on_cells
from analysis.figures.chart import Chart
from analysis.figures.domains import label
from analysis.figures.evidence import under_the_pointer
from analysis.figures.look import Look, colour_bar, dress

if TYPE_CHECKING:
    from analysis.evidence.yardsticks import PairEvidence, Yardsticks

Matrix = NDArray[np.float64]


def overlap_matrix(
    domains: Sequence[str],
    jaccard: Matrix,
    chance: Matrix,
    style: Look,
    what: str = "kept",
    evidence: Sequence[PairEvidence] | None = None,
    hint: str = "",
    of: str = "weights",
) -> Chart:
    """Domain by domain Jaccard overlap with its value in each cell.

    jaccard, chance: (D, D). Colours span the pairs of different domains, so that small
    differences show; the diagonal is 1 by definition and stays blank. evidence: what else is
    known of the pairs; it goes into the table and into what a cell says under the pointer. hint:
    what a cell says where there is no evidence. of: what is shared, weights or whole parts.
    """
    size = len(domains)
    names = [label(domain) for domain in domains]
    pairs = ~np.eye(size, dtype=bool)
    drawn = np.where(pairs, jaccard, np.nan)
    low, high = _span(jaccard[pairs] if size > 1 else jaccard.ravel())
    figure = go.Figure(
        go.Heatmap(
            z=drawn,
            x=names,
            y=names,
            zmin=low,
            zmax=high,
            colorscale=style.sequential,
            text=_cells(domains, chance, evidence, what, hint, of),
            hovertemplate=(
                f"<b>%{{y}} and %{{x}}</b><br>overlap of {what} {of} %{{z:.4f}}"
                "<br>%{text}<extra></extra>"
            ),
            xgap=2,
            ygap=2,
            colorbar=colour_bar(style, "Jaccard overlap", ".3f"),
        )
    )
    dress(figure, style, height=120 + max(44 * size, 160))
    figure.update_layout(plot_bgcolor=style.blank)
    figure.update_xaxes(side="bottom", showgrid=False, tickangle=-35 if size > 3 else None)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    letters = 13 if size <= 8 else 11
    least_width = write_on_cells(figure, ".3f", style, letters) if size <= 9 else 0
    return Chart(
        figure=figure,
        table={
            "domain_a": np.repeat(list(domains), size).tolist(),
            "domain_b": np.tile(list(domains), size).tolist(),
            f"jaccard_{what}": np.asarray(jaccard).ravel().tolist(),
            "chance_level": np.asarray(chance).ravel().tolist(),
            **_evidence_columns(domains, evidence),
        },
        alt=f"Matrix of the Jaccard overlap of {what} {of} between {', '.join(names)}.",
        least_width=least_width,
    )


def _by_pair(evidence: Sequence[PairEvidence] | None) -> dict[frozenset[str], Yardsticks]:
    return {frozenset((each.domain_a, each.domain_b)): each.whole for each in evidence or ()}


def _cells(
    domains: Sequence[str],
    chance: Matrix,
    evidence: Sequence[PairEvidence] | None,
    what: str,
    hint: str,
    of: str,
) -> list[list[str]]:
    """What every cell says below its overlap: (D, D) of HTML lines."""
    known = _by_pair(evidence)

    def cell(row: int, column: int) -> str:
        whole = known.get(frozenset((domains[row], domains[column])))
        level = f"chance: independent masks {chance[row, column]:.4f}"
        if whole is None:
            return f"{level}<br>{hint}"
        said = under_the_pointer(whole)
        return said if what == "kept" else f"{level}<br><i>of kept {of}:</i><br>{said}"

    return [[cell(a, b) for b in range(len(domains))] for a in range(len(domains))]


def _evidence_columns(
    domains: Sequence[str], evidence: Sequence[PairEvidence] | None
) -> dict[str, list[float | None]]:
    """Columns for the matrix's table, cell by cell; None on the diagonal. None at all without."""
    if not evidence:
        return {}
    known = _by_pair(evidence)
    cells = [known.get(frozenset((a, b))) for a in domains for b in domains]
    names = ("ceiling", "index", "index_low", "index_high", "p", "adjusted_p")
    return {name: [getattr(each, name) if each else None for each in cells] for name in names}


def chance_matrix(domains: Sequence[str], chance: Matrix, style: Look) -> Chart:
    """The chance level of every pair, (D, D), for when it differs between pairs."""
    size = len(domains)
    names = [label(domain) for domain in domains]
    pairs = ~np.eye(size, dtype=bool)
    low, high = _span(chance[pairs])
    figure = go.Figure(
        go.Heatmap(
            z=np.where(pairs, chance, np.nan),
            x=names,
            y=names,
            zmin=low,
            zmax=high,
            colorscale=style.sequential,
            showscale=False,
            hovertemplate="<b>%{y} and %{x}</b><br>chance level %{z:.4f}<extra></extra>",
            xgap=2,
            ygap=2,
        )
    )
    dress(figure, style, height=100 + 30 * size)
    figure.update_layout(plot_bgcolor=style.blank)
    figure.update_xaxes(showgrid=False, tickangle=-35 if size > 3 else None)
    figure.update_yaxes(showgrid=False)
    least_width = write_on_cells(figure, ".2f", style)
    return Chart(
        figure=figure,
        table={
            "domain_a": np.repeat(list(domains), size).tolist(),
            "domain_b": np.tile(list(domains), size).tolist(),
            "chance_level": np.asarray(chance).ravel().tolist(),
        },
        alt="Matrix of the chance level of every pair of domains.",
        least_width=least_width,
    )


def layer_lines(
    layers: Sequence[int],
    jaccard: Sequence[float],
    chance: Sequence[float],
    style: Look,
    what: str = "kept",
    of: str = "weights",
) -> Chart:
    """Overlap of one pair of domains in each decoder layer, with the chance level below it."""
    chart = _lines("layer", layers, jaccard, chance, style, f"{what} {of}", place="layer %{x}")
    chart.figure.update_xaxes(title_text="decoder layer", dtick=1 if len(layers) <= 16 else None)
    return chart


def sparsity_lines(
    sparsities: Sequence[float],
    jaccard: Sequence[float],
    chance: Sequence[float],
    style: Look,
    what: str = "kept",
) -> Chart:
    """Overlap of one pair of domains at several sparsities, with the chance level of each."""
    place = "at %{x:.0%} sparsity"
    chart = _lines("sparsity", sparsities, jaccard, chance, style, f"{what} weights", place=place)
    chart.figure.update_xaxes(title_text="sparsity", tickformat=".0%")
    return chart


def _lines(
    column: str,
    positions: Sequence[float],
    jaccard: Sequence[float],
    chance: Sequence[float],
    style: Look,
    what: str,
    place: str,
) -> Chart:
    figure = go.Figure()
    figure.add_scatter(
        x=list(positions),
        y=list(jaccard),
        mode="lines+markers",
        name=f"overlap of {what}",
        line={"color": style.categories[0], "width": 2.5},
        marker={"size": 7},
        hovertemplate=f"{place}: %{{y:.4f}}<extra></extra>",
    )
    figure.add_scatter(
        x=list(positions),
        y=list(chance),
        mode="lines",
        name="chance level",
        line={"color": style.muted, "width": 1.5, "dash": "dot"},
        hovertemplate=f"chance {place}: %{{y:.4f}}<extra></extra>",
    )
    dress(figure, style, height=320)
    figure.update_yaxes(title_text="Jaccard overlap", tickformat=".2f")
    return Chart(
        figure=figure,
        table={
            column: list(positions),
            f"jaccard_{what.split()[0]}": list(jaccard),
            "chance_level": list(chance),
        },
        alt=f"Overlap of {what} by {column}, {len(positions)} points.",
    )


def layer_by_projection(
    layers: Sequence[int],
    projections: Sequence[str],
    values: Matrix,
    style: Look,
    what: str = "kept",
) -> Chart:
    """Overlap of one pair in every matrix. values: (layers, projections), NaN where there is none."""
    return layer_heatmap(
        layers, projections, values, style, f"jaccard_{what}", f"overlap of {what} weights", ".3f"
    )


def layer_heatmap(
    layers: Sequence[int],
    projections: Sequence[str],
    values: Matrix,
    style: Look,
    column: str,
    meaning: str,
    number: str,
) -> Chart:
    """A value for every layer and projection, layers from left to right.

    values: (layers, projections), NaN where a layer has no such projection. column: the value's
    name in the table. meaning: the value in words. number: its format, e.g. ".3f" or ".1%".
    """
    low, high = _span(values[np.isfinite(values)])
    figure = go.Figure(
        go.Heatmap(
            z=np.asarray(values).T,
            x=[str(layer) for layer in layers],
            y=list(projections),
            zmin=low,
            zmax=high,
            colorscale=style.sequential,
            hovertemplate=f"<b>layer %{{x}}, %{{y}}</b><br>{meaning} %{{z:{number}}}<extra></extra>",
            xgap=2,
            ygap=2,
            colorbar=colour_bar(style, meaning, number),
        )
    )
    dress(figure, style, height=130 + max(32 * len(projections), 130))
    figure.update_layout(plot_bgcolor=style.blank)
    figure.update_xaxes(title_text="decoder layer", type="category", showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    least_width = write_on_cells(figure, number, style) if len(layers) <= 14 else 0
    there = [
        (layer, projection, float(values[i, j]))
        for i, layer in enumerate(layers)
        for j, projection in enumerate(projections)
        if np.isfinite(values[i, j])
    ]
    return Chart(
        figure=figure,
        table={
            "layer": [row[0] for row in there],
            "projection": [row[1] for row in there],
            column: [row[2] for row in there],
        },
        alt=f"{meaning[:1].upper()}{meaning[1:]} for {len(layers)} layers and {len(projections)} projections.",
        least_width=least_width,
    )


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of a colour scale; never of zero length."""
    if values.size == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high - low > 1e-6 else (low - 0.01, high + 0.01)
