"""What a figure draws is what its table says, in light and in dark."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from analysis.figures.chart import Chart
from analysis.figures.domains import LABELS, colours, label
from analysis.figures.evidence_parts import Kind, index_by_part
from analysis.figures.look import DARK, LIGHT, Look
from analysis.figures.masks import (
    mask_density,
    mask_difference,
    mask_disagreement,
    profile_deviations,
    profile_lines,
    profile_strips,
)
from analysis.figures.overlap import (
    chance_matrix,
    layer_by_projection,
    layer_lines,
    overlap_matrix,
    sparsity_lines,
)
from analysis.figures.sparsity import index_lines, yardstick_lines
from analysis.overlap.masks_view import block_view, difference, disagreement
from pruning.masks.mask import Mask
from tests.analysis.evidence.test_findings import pair as pair_of

JACCARD = np.array([[1.0, 0.9, 0.8], [0.9, 1.0, 0.7], [0.8, 0.7, 1.0]])
CHANCE = np.full((3, 3), 1 / 3)
DOMAINS = ("python", "cpp", "my-own")


def rows(chart: Chart) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(chart.csv().decode())))


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def style(request: pytest.FixtureRequest) -> Look:
    return request.param


def test_matrix_draws_every_pair_and_leaves_the_diagonal_blank(style: Look) -> None:
    chart = overlap_matrix(DOMAINS, JACCARD, CHANCE, style)
    drawn = chart.figure.data[0]
    table = {(r["domain_a"], r["domain_b"]): float(r["jaccard_kept"]) for r in rows(chart)}
    for i, a in enumerate(DOMAINS):
        for j, b in enumerate(DOMAINS):
            assert table[a, b] == JACCARD[i, j]
            assert np.isnan(drawn.z[i][j]) if i == j else drawn.z[i][j] == JACCARD[i, j]
    assert tuple(drawn.x) == ("Python", "C++", "my-own")
    assert (drawn.zmin, drawn.zmax) == (0.7, 0.9)
    assert {float(r["chance_level"]) for r in rows(chart)} == {1 / 3}


def test_a_single_domain_makes_a_matrix_too(style: Look) -> None:
    chart = overlap_matrix(("math",), np.ones((1, 1)), np.ones((1, 1)), style)
    assert len(rows(chart)) == 1


def test_chance_matrix_draws_its_table(style: Look) -> None:
    chart = chance_matrix(DOMAINS, CHANCE, style)
    assert [float(r["chance_level"]) for r in rows(chart)] == CHANCE.ravel().tolist()


def test_lines_draw_their_table(style: Look) -> None:
    chart = layer_lines([0, 1, 5], [0.9, 0.8, 0.7], [0.3, 0.3, 0.4], style, "pruned")
    overlap, chance = chart.figure.data
    assert list(overlap.x) == [int(r["layer"]) for r in rows(chart)]
    assert list(overlap.y) == [float(r["jaccard_pruned"]) for r in rows(chart)]
    assert list(chance.y) == [float(r["chance_level"]) for r in rows(chart)]


def test_sparsities_draw_their_table(style: Look) -> None:
    chart = sparsity_lines([0.1, 0.5], [0.99, 0.9], [0.82, 0.33], style)
    assert list(chart.figure.data[0].x) == [float(r["sparsity"]) for r in rows(chart)]
    assert list(chart.figure.data[0].y) == [float(r["jaccard_kept"]) for r in rows(chart)]
    assert list(chart.figure.data[1].y) == [float(r["chance_level"]) for r in rows(chart)]


def test_layer_by_projection_leaves_out_what_is_not_there(style: Look) -> None:
    values = np.array([[0.5, 0.25], [np.nan, 0.75]])
    chart = layer_by_projection((3, 4), ("q_proj", "up_proj"), values, style)
    assert [(r["layer"], r["projection"], float(r["jaccard_kept"])) for r in rows(chart)] == [
        ("3", "q_proj", 0.5),
        ("3", "up_proj", 0.25),
        ("4", "up_proj", 0.75),
    ]
    np.testing.assert_array_equal(np.array(chart.figure.data[0].z, dtype=float), values.T)


def test_masks_draw_their_table(style: Look) -> None:
    generator = np.random.default_rng(0)
    a, b = (Mask.pack(kept) for kept in generator.random((2, 40, 600)) < 0.5)
    view = block_view(a)
    for chart, column in (
        (mask_density(view, "python", style), "kept_share"),
        (mask_difference(difference(a, b), "python", "cpp", style), "difference_share"),
        (mask_disagreement(disagreement(a, b), "python", "cpp", style), "differing_share"),
    ):
        drawn = np.asarray(chart.figure.data[0].z).ravel()
        told = np.array([float(r[column]) for r in rows(chart)], dtype=np.float32)
        np.testing.assert_array_equal(drawn, told)
        assert len(told) == 40 * 256


def test_a_heatmap_covers_its_matrix_exactly(style: Look) -> None:
    view = block_view(Mask.pack(np.ones((300, 1000), dtype=bool)))
    drawn = mask_density(view, "python", style).figure.data[0]
    assert drawn.x0 - drawn.dx / 2 == -0.5
    assert drawn.x0 + drawn.dx * (256 - 0.5) == 999.5
    assert drawn.y0 + drawn.dy * (256 - 0.5) == pytest.approx(299.5)


def test_the_picture_of_a_large_matrix_is_small(style: Look) -> None:
    one = Mask.pack(np.random.default_rng(0).random((4096, 11008), dtype=np.float32) < 0.5)
    chart = mask_difference(difference(one, one), "python", "cpp", style)
    assert len(chart.figure.to_json()) < 500_000  # bytes that go to the browser


def test_the_difference_has_zero_in_the_middle_of_its_scale(style: Look) -> None:
    kept = np.zeros((2, 4, 4), dtype=bool)
    kept[0, 0, :3] = True
    counts = difference(*map(Mask.pack, kept))
    drawn = mask_difference(counts, "python", "cpp", style).figure.data[0]
    assert drawn.zmin == -drawn.zmax == -1


@pytest.mark.parametrize("length", [5, 2000])
def test_profiles_draw_their_table(style: Look, length: int) -> None:
    values = {name: np.linspace(0, 1, length) ** (i + 1) for i, name in enumerate(DOMAINS)}
    lines = profile_lines(values, "input channel", style)
    assert np.concatenate([trace.y for trace in lines.figure.data]).tolist() == [
        float(r["kept_share"]) for r in rows(lines)
    ]
    strips = profile_strips(values, "input channel", style)
    assert np.asarray(strips.figure.data[0].z).ravel().tolist() == [
        float(r["kept_share"]) for r in rows(strips)
    ]
    assert len(rows(strips)) == 3 * min(length, 256)


def test_deviations_are_from_the_mean_of_the_domains(style: Look) -> None:
    values = {"python": np.array([0.5, 1.0]), "cpp": np.array([0.5, 0.5])}
    chart = profile_deviations(values, "input channel", style)
    assert [float(r["against_average"]) for r in rows(chart)] == [0, 0.25, 0, -0.25]
    drawn = chart.figure.data[0]
    assert np.asarray(drawn.z).tolist() == [[0, 0.25], [0, -0.25]]
    assert drawn.zmin == -drawn.zmax == -0.25


def test_a_domain_has_the_same_colour_everywhere(style: Look) -> None:
    every = colours(list(LABELS), style)
    assert len(set(every.values())) == len(LABELS)
    for name in LABELS:
        assert colours([name, "mine"], style)[name] == every[name]
    mixed = colours(["mine", "python", "yours"], style)
    assert len(set(mixed.values())) == 3
    assert label("cpp") == "C++"
    assert label("mine") == "mine"


def test_scales_change_steadily_in_lightness() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    light = [lightness(colour) for _, colour in LIGHT.sequential]
    dark = [lightness(colour) for _, colour in DARK.sequential]
    assert light == sorted(light, reverse=True)
    assert dark == sorted(dark)
    for style in (LIGHT, DARK):
        values = [lightness(colour) for _, colour in style.diverging]
        middle = values[len(values) // 2]
        assert middle == (min(values) if style.is_dark else max(values))


def test_a_cell_says_what_is_known_of_its_pair(style: Look) -> None:
    known = [replace(pair_of(0.005, 0.3), domain_a="cpp", domain_b="python")]
    chart = overlap_matrix(DOMAINS, JACCARD, CHANCE, style, evidence=known, hint="press the button")
    said = chart.figure.data[0].text
    assert said[0][1] == said[1][0]
    for words in (
        "ceiling: two draws of one domain 0.9700",
        "chance: independent masks 0.3333",
        "magnitudes alone 0.8000, 0.7900",
        "index 0.300 (95% 0.290 to 0.320)",
        "p = 0.005, adjusted 0.005",
    ):
        assert words in said[0][1]
    assert said[0][2] == f"chance: independent masks {CHANCE[0, 2]:.4f}<br>press the button"
    index = {(r["domain_a"], r["domain_b"]): r["index"] for r in rows(chart)}
    assert index["python", "cpp"] == index["cpp", "python"] == "0.3"
    assert index["python", "my-own"] == ""
    pruned = overlap_matrix(DOMAINS, JACCARD, CHANCE, style, "pruned", evidence=known)
    assert f"masks {CHANCE[0, 1]:.4f}<br><i>of kept weights:" in pruned.figure.data[0].text[0][1]


@pytest.mark.parametrize("kind", ["layer", "projection"])
def test_the_index_part_by_part_draws_its_table(kind: Kind, style: Look) -> None:
    whole = pair_of(0.005, 0.3).whole
    weak = replace(whole, part="b", index=0.1, index_low=-0.1, index_high=0.15, adjusted_p=0.2)
    parts = (replace(whole, part="a"), weak)
    pair = replace(pair_of(0.005, 0.3), layers=parts[:1], projections=parts)
    chart = index_by_part(pair, kind, style)
    dots = chart.figure.data[0]
    drawn = [(row[kind], float(row["index"])) for row in rows(chart)]
    assert drawn == list(zip(dots.x, dots.y, strict=True))
    assert len(drawn) == (1 if kind == "layer" else 2)
    if kind == "projection":
        assert list(dots.error_y.array) == pytest.approx([0.02, 0.05])
        assert list(dots.error_y.arrayminus) == pytest.approx([0.01, 0.2])
        assert dots.marker.color[0] != dots.marker.color[1] == "rgba(0,0,0,0)"


def test_evidence_over_sparsities_draws_its_table(style: Look) -> None:
    found = {0.7: [pair_of(0.005, 0.3)], 0.1: [pair_of(0.3, 0.02)]}
    chart = yardstick_lines(found, ("java", "python"), style)
    assert [float(r["sparsity"]) for r in rows(chart)] == [0.1, 0.7]
    *lines, by_chance = chart.figure.data
    assert list(lines.pop().y) == pytest.approx([0.795, 0.795])  # magnitudes: of 0.8 and 0.79
    for trace, name in zip((*lines, by_chance), ("ceiling", "cross", "chance"), strict=True):
        assert list(trace.y) == [float(r[name]) for r in rows(chart)]
    chart = index_lines(found, ("java", "python"), style)
    [drawn] = chart.figure.data
    assert list(drawn.y) == [float(r["index"]) for r in rows(chart)] == [0.02, 0.3]
    assert drawn.error_y.visible
    assert not index_lines(found, None, style).figure.data[0].error_y.visible
    with pytest.raises(LookupError, match="no evidence"):
        yardstick_lines(found, ("java", "math"), style)
