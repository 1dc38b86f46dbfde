"""Paired tests, the best of a column, and how special a mask is: by hand, and how often they err."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.evaluation.findings import (
    NOT_MEASURED,
    best_sentence,
    effect_sentence,
    specialisation_sentences,
)
from analysis.evaluation.mask_sources import DENSE, MIXTURE, MaskSource, halves_of, of_domain
from analysis.evaluation.measures import BITS_PER_BYTE, Measured, shares
from analysis.evaluation.paired_tests import clear_best, flip_p, holm, paired_p
from analysis.evaluation.spec import TEXT, Column, EvaluationSpec
from analysis.evaluation.specialisation import given_otherwise, specialisation
from analysis.evaluation.table import Cell, EvaluationTable

DOMAINS = ("a", "b", "c", "d")


def evaluation(bits: dict[tuple[MaskSource, str], np.ndarray]) -> EvaluationTable:
    """bits: (mask, text) -> bits of each document, all of 100 bytes."""
    return EvaluationTable(
        spec=EvaluationSpec(sparsities=(0.5,)),
        created=0.0,
        cells=tuple(
            Cell(
                source=source,
                sparsity=0.0 if source == DENSE else 0.5,
                column=Column(kind=TEXT, name=text, domain=text),
                measured=Measured(
                    statistics={BITS_PER_BYTE: np.stack([each, np.full(len(each), 100.0)], axis=1)}
                ),
            )
            for (source, text), each in bits.items()
        ),
    )


def made(special: float, seed: int = 0, documents: int = 20) -> EvaluationTable:
    """Masks that need `special` more bits on others' text; the mixture half as many more."""
    random = np.random.default_rng(seed)
    bits = {}
    for text in DOMAINS:
        own = random.uniform(50, 150, documents)

        def noisy(extra: float, own: np.ndarray = own) -> np.ndarray:
            return own * (1 + extra + random.normal(0, 0.02, documents))

        bits[of_domain(text), text] = noisy(0)
        for mask in DOMAINS:
            if mask != text:
                bits[of_domain(mask), text] = noisy(special)
        bits[MIXTURE, text] = noisy(special / 2)
        for half in halves_of(text):
            bits[half, text] = noisy(0.01)
    return evaluation(bits)


def test_exchanges_of_few_units_are_all_tried() -> None:
    differences = np.array([3.0, 1.0, 2.0, -0.5])
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((1, -1), repeat=4)]
    assert flip_p(differences) == np.mean(np.array(sums) >= 5.5)
    assert flip_p(np.zeros(5)) == 1
    assert flip_p(np.array([2.0])) == 1


def test_right_and_wrong_answers_are_mcnemars_exact_test() -> None:
    first, second = np.ones(12), np.concatenate([np.ones(5), np.zeros(7)])
    p = paired_p("accuracy", shares(first), shares(second))
    assert p == pytest.approx(binomtest(7, 7).pvalue)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]).tolist() == pytest.approx([0.04, 0.09, 0.09, 0.5])


def test_the_best_of_many_alike_is_seldom_called_so() -> None:
    """Also where two lead the rest by far, which is the hardest case."""
    random = np.random.default_rng(1)
    for rest in (0.0, 5.0):
        wrong = 0
        for _ in range(200):
            hard = random.normal(10, 3, 14)
            found = {
                name: np.stack(
                    [hard + random.normal(0, 1, 14) + (rest if name > 1 else 0), np.ones(14)],
                    axis=1,
                )
                for name in range(6)
            }
            wrong += clear_best(BITS_PER_BYTE, found)[1] < 0.05
        assert wrong / 200 <= 0.08, rest


def test_a_mask_that_is_special_is_found_and_measured() -> None:
    found = specialisation(made(0.2), 0.5)
    assert found is not None
    assert found.share == pytest.approx(0.2, abs=0.01)
    assert found.low < 0.2 < found.high
    assert found.p == found.smallest_p == 1 / 24  # of four domains
    assert all(each.is_clear for each in found.domains)
    for each in found.domains:
        assert each.mixture is not None
        assert each.mixture.share == pytest.approx(0.1, abs=0.03)
        assert each.draw == pytest.approx(0, abs=0.02)
        assert each.others.low < 0.2 < each.others.high
    assert found.pairs["a", "b"].share == pytest.approx(0.2, abs=0.03)
    overall, clear, mixture, draws = specialisation_sentences(found, str.upper)
    assert "20." in overall or "19." in overall
    assert "4 of 4 domains" in clear
    assert clear.endswith("A, B, C, D.")
    assert "clearly more in 4" in mixture
    assert "differ by" in draws
    said = effect_sentence(found, "a", "b", str.upper)
    assert "on A's held-out text B's mask needs" in said


def test_masks_that_are_all_alike_are_not_special() -> None:
    wrong = 0
    for seed in range(60):
        found = specialisation(made(0.0, seed), 0.5)
        assert found is not None
        wrong += any(each.is_clear for each in found.domains)
        assert abs(found.share) < 0.02
    assert wrong <= 6
    assert effect_sentence(None, "a", "b") == NOT_MEASURED


def test_less_than_another_draw_is_not_clear() -> None:
    table = made(0.05)
    bits = {
        (cell.source, cell.column.domain): cell.measured.statistics[BITS_PER_BYTE][:, 0]
        for cell in table.cells
    }
    one, other = halves_of("a")
    bits[one, "a"] = bits[other, "a"] * 1.1
    found = specialisation(evaluation(bits), 0.5)
    assert found is not None
    assert [each.is_clear for each in found.domains] == [False, True, True, True]


def test_masks_are_given_to_other_texts_in_every_way() -> None:
    bits = np.array([[1.0, 2.0, 2.0], [2.0, 1.0, 2.0], [2.0, 2.0, 1.0]])
    assert given_otherwise(bits) == (1 / 6, 1 / 6)
    assert given_otherwise(np.ones((3, 3)))[0] == 1
    p, least = given_otherwise(np.exp(1 - np.eye(9)))
    assert p == least == 1 / 10_000


def test_the_table_marks_what_is_clearly_the_best() -> None:
    for special, clear in ((0.2, True), (0.0, False)):
        results = [r for r in made(special).results if r.is_own]
        assert [result.best for result in results] == [clear] * 4
        if clear:
            assert "4 of 4 domains, clearly so in 4 (a, b, c, d)" in best_sentence(results)
            assert all(result.leads for result in results)
    others = [r for r in made(0.2).results if r.source.kind == "domain" and not r.is_own]
    assert all(result.own_p is not None and result.own_p < 0.05 for result in others)
    assert not any(result.leads for result in others)


def test_too_few_masks_have_no_number() -> None:
    table = made(0.2)
    assert specialisation(table, 0.6) is None
    one = EvaluationTable(
        spec=table.spec,
        created=0.0,
        cells=tuple(c for c in table.cells if c.source != of_domain("b")),
    )
    found = specialisation(one, 0.5)
    assert found is not None
    assert [each.domain for each in found.domains] == ["a", "c", "d"]
