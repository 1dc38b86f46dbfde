"""Evidence in words: what is said follows from the numbers, and says when it is weak."""

from __future__ import annotations

import copy

import pytest

from analysis.evidence import PairEvidence, Yardsticks
from analysis.figures.evidence import evidence_table, index_chart
from analysis.figures.look import look
from analysis.findings import cautions, sentence, size
from pruning.workspace import Run


def pair(p: float, index: float = 0.14) -> PairEvidence:
    whole = Yardsticks(
        part="whole model",
        overlap=0.881,
        chance=1 / 3,
        ceiling=0.97,
        cross=0.88,
        index=index,
        index_low=index - 0.01,
        index_high=index + 0.02,
        magnitude_a=0.8,
        magnitude_b=0.79,
        p=p,
        adjusted_p=p,
    )
    return PairEvidence(
        domain_a="python",
        domain_b="java",
        whole=whole,
        layers=(whole,),
        projections=(whole,),
        smallest_p=0.005,
    )


def test_a_clear_difference_is_called_real_with_its_size() -> None:
    said = sentence(pair(0.004975), str.title)
    assert said.startswith("Python and Java share 88.1% of the weights that either keeps.")
    assert "two draws of one domain share 97.0%, these two domains 88.0%" in said
    assert "independent masks would share 33.3%" in said
    assert "real (p = 0.005) and modest (index 0.14, 95% interval 0.13 to 0.16)" in said


def test_no_difference_is_claimed_without_evidence() -> None:
    said = sentence(pair(0.05))
    assert "no evidence of a difference (p = 0.05)" in said
    assert "real" not in said


@pytest.mark.parametrize(
    ("index", "word"),
    [
        (-0.1, "negligible"),
        (0.019, "negligible"),
        (0.02, "small"),
        (0.29, "modest"),
        (2, "very large"),
    ],
)
def test_sizes(index: float, word: str) -> None:
    assert size(index) == word


def test_unequal_or_scarce_text_is_said(tiny_run: Run) -> None:
    run = copy.copy(tiny_run)
    run.manifest = copy.deepcopy(tiny_run.manifest)
    for entry in run.manifest["domains"].values():
        entry.update(tokens=1000, documents=[9, 9, 9, 9])
    assert cautions(run) == [
        "With 4 groups of documents the test has little power; 16 is a good number."
    ]
    run.manifest["domains"]["code"]["tokens"] = 900
    run.manifest["domains"]["sums"]["documents"] = [9, 3, 9, 9]
    unequal, scarce, _ = cautions(run)
    assert "code was calibrated on 900 tokens and" in unequal
    assert "Some groups of sums hold fewer than 4 documents" in scarce


def test_the_chart_draws_its_table() -> None:
    pairs = [pair(0.005, 0.3), pair(0.5, 0.01)]
    chart = index_chart(pairs, look(False))
    drawn = chart.figure.data[0]
    assert list(drawn.x) == [0.01, 0.3]
    assert list(drawn.error_x.array) == pytest.approx([0.02, 0.02])
    assert chart.table == evidence_table(pairs)
    assert chart.table["index"] == [0.3, 0.01]
    assert drawn.marker.color[0] == "rgba(0,0,0,0)"  # no difference shown: hollow
    assert drawn.marker.color[1] != "rgba(0,0,0,0)"
