"""Evidence in words: what is said follows from the numbers, and says when it is weak."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from analysis.evidence.findings import (
    TWO_DRAWS,
    cautions,
    is_enough,
    learning_sentence,
    magnitude_sentence,
    p_sentence,
    rows_sentence,
    sentence,
)
from analysis.evidence.learning_curve import LearningCurve, LearningPoint
from analysis.evidence.yardsticks import PairEvidence, Yardsticks
from analysis.figures.evidence import evidence_table, index_chart
from analysis.figures.look import look
from pruning.runs.manifest import Manifest
from pruning.runs.run import Run


def pair(p: float, index: float = 0.14, *, raw: float | None = None) -> PairEvidence:
    """p: the adjusted one; raw: the other, if it differs."""
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
        p=p if raw is None else raw,
        adjusted_p=p,
        overlap_se=0.001,
        ceiling_se=0.0002,
        cross_se=0.0011,
        index_se=0.002,
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
    assert "real (adjusted p = 0.005): index 0.14 (95% interval 0.13 to 0.16; " in said
    assert "What the difference does to the model was not measured" in said


def test_the_mask_of_magnitudes_is_compared_with_both() -> None:
    said = magnitude_sentence(pair(0.01), str.title)
    assert "shares 80.0% with that of Python and 79.0% with that of Java." in said


def test_no_difference_is_claimed_without_evidence() -> None:
    for said in (sentence(pair(0.05)), sentence(pair(0.05, raw=0.01))):
        assert "no evidence of a difference (adjusted p = 0.05)" in said
        assert "real" not in said


def test_unequal_or_scarce_text_is_said(tiny_run: Run) -> None:
    run = copy.copy(tiny_run)

    def look_at(**facts: tuple[int, list[int]]) -> None:
        data = tiny_run.manifest.to_json()
        for name, entry in data["domains"].items():
            entry["tokens"], entry["documents"] = facts.get(name, (1000, [9, 9, 9, 9]))
        run.manifest = Manifest.from_json(data)

    look_at()
    assert cautions(run) == [
        "With 4 groups of documents the test has little power; 16 is a good number."
    ]
    look_at(code=(900, [9, 9, 9, 9]), sums=(1000, [9, 3, 9, 9]))
    unequal, scarce, _ = cautions(run)
    assert "code was calibrated on 900 tokens and" in unequal
    assert "Some groups of sums hold fewer than 4 documents" in scarce
    named = cautions(run, str.title)
    assert named[0].startswith("Code was calibrated on 900")
    assert "Some groups of Sums hold" in named[1]


def curve(half: float, disjoint: float | None = 0.95) -> LearningCurve:
    point = LearningPoint(
        groups=8, with_all=half, with_all_spread=0.01, disjoint=disjoint, disjoint_spread=0.01
    )
    return LearningCurve(domain="python", groups=16, tokens=16384, points=(point,))


def test_a_learning_curve_in_words() -> None:
    said = learning_sentence(curve(0.96), str.title)
    assert said.startswith("Python has 16 groups of documents (16,384 tokens)")
    assert "from 8 to 16 groups still changes 2.0% of the kept weights" in said  # 0.04 / 1.96
    assert said.endswith("share no document differ in 2.6%.")  # 0.05 / 1.95
    assert "differ in" not in learning_sentence(curve(0.96, None))


@pytest.mark.parametrize(
    ("half", "p", "words"),
    [
        (0.99, 0.01, "large enough"),  # the pair differs in 6.3% of its weights, two draws in 0.7%
        (0.95, 0.01, "smaller differences"),  # 3.6%
        (0.80, 0.01, "smaller differences"),  # 15.7%
        (0.99, 0.1, "before reading their masks as different"),  # as with 3 groups
        (0.95, 0.1, "before reading their masks as different"),
    ],
)
def test_whether_the_text_was_enough(half: float, p: float, words: str) -> None:
    said = is_enough([curve(0.999), curve(half)], [pair(0.01), pair(p, raw=0.01)])
    assert words in said
    assert ("adjusted p up to 0.1" in said) == (p == 0.1)


def test_what_two_draws_of_a_domain_differ_by_is_said() -> None:
    said = is_enough([curve(0.95)], [pair(0.01)])
    assert "changes 2.6% or less of a domain's kept weights" in said  # 0.05 / 1.95
    assert "two draws of one domain would differ in about 3.6% or less" in said
    assert "the two most alike domains differ in 6.3%." in said  # 0.119 / 1.881


def test_two_draws_differ_by_the_root_of_two_of_what_doubling_changes() -> None:
    """Four draws of one made-up domain, each of 16 groups."""
    random = np.random.default_rng(0)
    sums = random.gamma(5.0, size=(4, 16, 1000))
    weights = np.abs(random.standard_normal((400, 1000)))

    def kept(groups: np.ndarray) -> np.ndarray:
        scores = weights * np.sqrt(groups.sum(axis=0))
        return scores > np.median(scores, axis=1, keepdims=True)

    whole, half = [kept(draw) for draw in sums], [kept(draw[:8]) for draw in sums]
    doubling = [(a & ~b).sum() for a, b in zip(half, whole, strict=True)]
    draws = [(whole[a] & ~whole[b]).sum() for a, b in ((0, 1), (2, 3))]
    assert np.mean(draws) / np.mean(doubling) == pytest.approx(TWO_DRAWS, rel=0.1)


def test_what_the_sample_of_rows_costs() -> None:
    said = rows_sentence([pair(0.01)], 12)
    assert "12 rows" in said
    assert "overlap 0.0010, ceiling 0.0002, cross 0.0011, index 0.0020" in said
    assert "All rows" in rows_sentence([pair(0.01)], 0)
    known = pair(0.01)
    known = replace(known, whole=replace(known.whole, overlap_se=0.0))
    said = rows_sentence([known], 12)
    assert said.startswith("Overlaps are counted on all weights, the yardsticks on 12 rows")
    assert "at most: ceiling 0.0002, cross 0.0011, index 0.0020." in said


def test_the_least_p_is_stated_with_what_it_is_adjusted_for() -> None:
    said = p_sentence([pair(0.01), replace(pair(0.01), smallest_p=0.029)])
    assert said.startswith("The smallest p that the groups and shuffles allow is 0.029.")
    assert "Benjamini-Hochberg" in said


def test_the_chart_draws_its_table() -> None:
    pairs = [pair(0.005, 0.3), pair(0.08, 0.01, raw=0.03)]
    chart = index_chart(pairs, look(False))
    drawn = chart.figure.data[0]
    assert list(drawn.x) == [0.01, 0.3]
    assert list(drawn.error_x.array) == pytest.approx([0.02, 0.02])
    assert chart.table == evidence_table(pairs)
    assert chart.table["index"] == [0.3, 0.01]
    assert drawn.marker.color[0] == "rgba(0,0,0,0)"  # no difference shown: hollow
    assert drawn.marker.color[1] != "rgba(0,0,0,0)"


def test_what_was_shuffled_is_said_where_it_was_not_simply_groups() -> None:
    plain = replace(pair(0.01), units=(16, 16))
    assert "shuffled" not in sentence(plain)
    few = replace(plain, units=(3, 3), clustered=True, equalised=True, smallest_p=0.1)
    said = sentence(few)
    assert "Groups that share a source were shuffled together" in said
    assert "Both domains were cut to equal text" in said
    assert "3 and 3, so few that single sources decide" in said
    assert "the least p is 0.1" in said
    assert "between texts of the same problems" in sentence(replace(plain, blocked=True))
