"""Every number on a heatmap can be read on its cell's own colour, and has room on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb

from analysis.evaluation.mask_sources import DENSE, RANDOM, MaskSource, of_domain
from analysis.evaluation.measures import BITS_PER_BYTE, Estimate
from analysis.evaluation.spec import Column
from analysis.evaluation.table import Result
from analysis.figures.cause import damage_matrix
from analysis.figures.cells import write_on_cells
from analysis.figures.chart import Chart
from analysis.figures.evaluation import AGAINST_OWN, VALUES, evaluation_matrix
from analysis.figures.look import DARK, LIGHT, Look
from analysis.figures.overlap import chance_matrix, layer_heatmap, overlap_matrix
from analysis.figures.routing import AGAINST, SHARE, routing_heatmap
from analysis.structure.routing import ABSENT, RoutingTable
from tests.analysis.cause.test_figures import FOUND

DOMAINS = tuple("abcdefghi")
SHARES = np.linspace(0, 1, 81).reshape(9, 9)
LAYERS = np.linspace(0, 1, 14 * 11).reshape(14, 11)
LAYERS[3, 4] = np.nan
EXPERTS = RoutingTable(
    domains=("java", "prose"),
    layers=tuple(range(10)),
    tokens=np.stack([np.arange(160), np.arange(160)[::-1]]).reshape(2, 10, 16),
    text=np.array([100, 100]),
)
EXPERTS.tokens[:, 9, 15] = ABSENT


def result(source: MaskSource, on: str, value: float, own: float) -> Result:
    def around(middle: float) -> Estimate:
        return Estimate(value=middle, low=middle - 0.01, high=middle + 0.01, units=9)

    return Result(
        source=source,
        sparsity=0.5,
        column=Column(kind="text", name=on, domain=on),
        measure=BITS_PER_BYTE,
        estimate=around(value),
        to_dense=None if source == DENSE else around(value - 0.5),
        to_own=None if source in (DENSE, of_domain(on)) else around(value - own),
        leads=False,
        lead_p=None,
        own_p=None,
    )


EVALUATED = [
    result(source, on, 0.5 + row * column / 40, own=0.5 + column * column / 40)
    for row, source in enumerate((DENSE, *map(of_domain, DOMAINS), RANDOM))
    for column, on in enumerate(DOMAINS, start=1)
]
FIGURES: dict[str, Callable[[Look], Chart]] = {
    "overlap": lambda style: overlap_matrix(DOMAINS, SHARES, SHARES, style),
    "chance": lambda style: chance_matrix(DOMAINS, SHARES, style),
    "layers": lambda style: layer_heatmap(
        range(14), list("ABCDEFGHIJK"), LAYERS, style, "share", "of all", ".1%"
    ),
    "damage": lambda style: damage_matrix(FOUND, style),
    "experts": lambda style: routing_heatmap(EXPERTS, "java", style, SHARE),
    "experts apart": lambda style: routing_heatmap(EXPERTS, "java", style, AGAINST),
    "evaluation": lambda style: evaluation_matrix(EVALUATED, VALUES, style),
    "evaluation apart": lambda style: evaluation_matrix(EVALUATED, AGAINST_OWN, style),
}


@pytest.mark.parametrize("style", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_what_stands_on_a_cell_can_be_read(name: str, style: Look) -> None:
    """At least 4.5 to 1, what WCAG asks of small text."""
    chart = FIGURES[name](style)
    heat, texts = chart.figure.data
    values = {(x, y): heat.z[j][i] for j, y in enumerate(heat.y) for i, x in enumerate(heat.x)}
    cells = list(zip(texts.x, texts.y, strict=True))
    assert len(cells) == len(values)
    for cell, text, ink in zip(cells, texts.text, texts.textfont.color, strict=True):
        if np.isfinite(values[cell]):
            place = np.clip((values[cell] - heat.zmin) / (heat.zmax - heat.zmin), 0, 1)
            [colour] = sample_colorscale([list(stop) for stop in heat.colorscale], [place])
            ground = unlabel_rgb(colour)
        else:
            ground = hex_to_rgb(chart.figure.layout.plot_bgcolor)
        one, other = luminance(hex_to_rgb(ink)), luminance(ground)
        assert (max(one, other) + 0.05) / (min(one, other) + 0.05) >= 4.5, (cell, text)
        assert name.startswith("evaluation") or bool(text) == np.isfinite(values[cell])


@pytest.mark.parametrize("name", FIGURES)
def test_the_cells_fill_the_picture(name: str) -> None:
    chart = FIGURES[name](LIGHT)
    heat = chart.figure.data[0]
    layout = chart.figure.layout
    assert layout.xaxis.range == (-0.5, len(heat.x) - 0.5)
    assert layout.yaxis.range == (len(heat.y) - 0.5, -0.5)
    assert not layout.yaxis.autorange


def test_the_least_width_leaves_room_for_names_and_texts() -> None:
    def needed(texts: list[list[str]], name: str = "row", tickangle: int | None = None) -> int:
        figure = go.Figure(go.Heatmap(z=[[0, 1]], x=["a column", "b"], y=[name], zmin=0, zmax=1))
        figure.update_traces(colorscale=LIGHT.sequential)
        figure.update_xaxes(tickangle=tickangle)
        return write_on_cells(figure, texts, LIGHT, 10)

    few = needed([["0.5", ""]])
    assert needed([["0.555", ""]]) == few + 2 * 10  # two letters of half their height, two columns
    assert needed([["0.5<br><b>0.4</b>", ""]]) == few
    assert needed([["0.5", ""]], name="row 2") == few + 2 * 6
    assert needed([["0.5", ""]], tickangle=0) == few + 2 * (8 * 6 - 15)


def test_numbers_are_written_as_the_pointer_says_them() -> None:
    chart = routing_heatmap(EXPERTS, "java", LIGHT, AGAINST)
    assert chart.figure.data[1].text[:2] == ("−159%", "−157%")
    assert chart.figure.data[1].text[-2:] == ("+157%", "")
    chart = layer_heatmap((0, 1), ["A"], np.array([[-0.0004], [-0.04]]), LIGHT, "a", "b", ".2f")
    assert chart.figure.data[1].text == ("0.00", "−0.04")


def luminance(rgb: tuple[float, ...]) -> float:
    shares = [c / 255 for c in rgb]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
