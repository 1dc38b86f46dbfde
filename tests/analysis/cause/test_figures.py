"""The figures of cause draw what their tables say, and the sentences say what was found."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from analysis.cause.contrasts import Contrast, Damage
from analysis.cause.findings import facts, is_own, quality, verdict
from analysis.cause.mantel import Mantel
from analysis.cause.results import Borrowed, Cause, DomainCause
from analysis.figures.cause import comparison_chart, damage_matrix, distance_scatter
from analysis.figures.chart import Chart
from analysis.figures.domains import label
from analysis.figures.look import DARK, LIGHT, Look

NAMES = ("python", "java", "mine")
YES = {"weights": 0.01, "domains": 0.02, "regions": 0.03}


def of_domain(name: str) -> DomainCause:
    others = [other for other in NAMES if other != name]
    contrast = Contrast(difference=0.25, low=0.125, high=0.375, p=0.001)
    own = Damage(value=0.5, low=0.375, high=0.625)
    other = Damage(value=0.0625, low=0.0, high=0.125)
    return DomainCause(
        domain=name,
        weights=1234,
        share=0.0125,
        damage={each: own if each == name else other for each in NAMES},
        matched=dict.fromkeys(NAMES, (0.125, 0.25)),
        random=(0.5, 0.25),
        more_than_random=contrast,
        more_than_matched=contrast,
        more_than_on=dict.fromkeys(others, contrast),
        more_than_of=dict.fromkeys(others, contrast),
        more_than_regions=contrast,
        p=YES,
    )


FOUND = Cause(
    dense={"python": 0.5, "java": 1.0, "mine": 2.0},
    documents=dict.fromkeys(NAMES, 20),
    domains=tuple(of_domain(name) for name in NAMES),
    borrowed=tuple(
        Borrowed(
            mask_of=a,
            evaluated=b,
            distance=0.1 * abs(NAMES.index(a) - NAMES.index(b)),
            excess=Damage(value=0.5, low=0.25, high=1.0),
        )
        for a in NAMES
        for b in NAMES
        if a != b
    ),
    mantel=Mantel(correlation=0.9, p=1 / 6, smallest_p=1 / 6, relabellings=6, exact=True),
)


def rows(chart: Chart) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(chart.csv().decode())))


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def style(request: pytest.FixtureRequest) -> Look:
    return request.param


def test_the_matrix_has_a_row_for_every_region_and_every_kind_of_draw(style: Look) -> None:
    chart = damage_matrix(FOUND, style)
    drawn = np.array(chart.figure.data[0].z)
    np.testing.assert_array_equal(drawn[:3], np.where(np.eye(3, dtype=bool), 0.5, 0.0625))
    np.testing.assert_array_equal(drawn[3:], [[0.1875] * 3, [0.375] * 3])
    table = {(row["region_of"], row["evaluated"]): row for row in rows(chart)}
    assert len(table) == 9
    assert table["python", "java"]["damage"] == "0.0625"
    assert table["python", "java"]["any_weights_mean"] == ""
    assert table["python", "python"]["any_weights_mean"] == "0.375"
    assert "3 of 3 regions" in chart.alt
    relative = np.array(damage_matrix(FOUND, style, relative=True).figure.data[0].z)
    np.testing.assert_array_equal(relative[0], [1.0, 0.0625, 0.03125])
    assert chart.figure.data[1].text[0] == "0.500"


def test_one_domain_is_shown_with_all_it_is_compared_with(style: Look) -> None:
    chart = comparison_chart(FOUND.domains[0], style)
    same, any_size, measured = chart.figure.data
    assert list(same.x) == [0.125, 0.25]
    assert list(any_size.x) == [0.5, 0.25]
    assert list(measured.x) == [0.5, 0.0625, 0.0625]
    assert list(measured.error_x.array) == [0.125, 0.0625, 0.0625]
    table = rows(chart)
    assert [float(row["damage"]) for row in table] == [0.5, 0.0625, 0.0625, 0.125, 0.25, 0.5, 0.25]
    assert table[-1]["removed"] == "any weights, draw 2"


def test_the_scatter_has_a_dot_for_every_ordered_pair(style: Look) -> None:
    chart = distance_scatter(FOUND.borrowed, style)
    assert len(rows(chart)) == 6
    assert sum(len(trace.x) for trace in chart.figure.data) == 6
    dots = [
        dot for trace in chart.figure.data for dot in zip(trace.x, trace.y, trace.text, strict=True)
    ]
    places = [(x, y) for x, y, name in dots if name]
    assert len(set(places)) == len(places) == 2  # of dots in one place, one is named
    assert {x for x, _ in places} == {0.1, 0.2}
    assert list(chart.figure.data[0].x) == [
        float(row["distance"]) for row in rows(chart) if row["evaluated"] == "python"
    ]


def test_of_many_dots_the_highest_are_named(style: Look) -> None:
    names = ("python", "java", "cpp", "math")
    pairs = [(a, b) for a in names for b in names if a != b]
    chart = distance_scatter(
        [
            Borrowed(
                mask_of=a,
                evaluated=b,
                distance=0.1,
                excess=Damage(value=number, low=number, high=number),
            )
            for number, (a, b) in enumerate(pairs)
        ],
        style,
    )
    named = {text for trace in chart.figure.data for text in trace.text} - {""}
    assert named == {f"{label(b)} on {label(a)}" for a, b in pairs[-6:]}


def test_what_is_said_is_what_was_found() -> None:
    row = FOUND.domains[0]
    assert is_own(row)
    assert "Python's own" in verdict(row, label)
    told = facts(row, "exclusive", label)
    assert "1,234 weights" in told
    assert "0.500 bits per byte more (95% interval 0.375 to 0.625)" in told
    assert "of the same magnitudes cost it 0.188, less than that (p = 0.01)" in told
    assert "more than any other domain: by 0.250, the next, Java, by 0.0000 (p = 0.02)" in told
    assert "0.250 more than the other domains' regions, on average: clearly" in told


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        ({"weights"}, "Nothing shows"),
        ({"domains"}, "another domain may need them"),
        ({"regions"}, "not clearly more than others' regions"),
        ({"domains", "regions"}, "but they are not its own"),
        ({"weights", "domains", "regions"}, "Nothing shows"),
    ],
)
def test_one_no_is_enough(failed: set[str], words: str) -> None:
    row = replace(FOUND.domains[1], p=YES | dict.fromkeys(failed, 0.5))
    assert not is_own(row)
    assert words in verdict(row)
    assert "clearly" in facts(row, "sharp") or failed == {"weights"}


def test_a_domain_without_such_weights() -> None:
    row = replace(FOUND.domains[0], weights=0, p=dict.fromkeys(YES, 1.0))
    assert verdict(row, label) == "Python has no such weight for itself."
    assert "no weights" in facts(row, "exclusive", label)


@pytest.mark.parametrize(
    ("p", "smallest", "words"),
    [
        (0.001, 0.001, "The further apart"),
        (1 / 6, 1 / 6, "too few domains"),
        (0.4, 0.001, "No evidence"),
    ],
)
def test_quality_in_words(p: float, smallest: float, words: str) -> None:
    test = replace(FOUND.mantel, p=p, smallest_p=smallest)
    assert words in quality(replace(FOUND, mantel=test))
