"""Measures of totals, their bootstrap, and the masks that evaluations compare."""

from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from analysis.evaluation.mask_sources import (
    DENSE,
    MAGNITUDE,
    MIXTURE,
    RANDOM,
    MaskSource,
    halves_of,
    masks_of,
    of_domain,
    sources_of,
)
from analysis.evaluation.measures import (
    Measured,
    estimate,
    measure,
    paired_difference,
    shares,
)
from analysis.evaluation.translation_metrics import bleu_statistics, chrf_statistics
from pruning.errors import InputError
from pruning.masks.making import run_masks
from pruning.runs.run import Run
from pruning.specs import PruneSpec

WRITTEN = ["Marie donne des fleurs.", "Il chante", "", "Le chat dort bien ."]
RIGHT = ["Marie donne une fleur.", "Il chante.", "Non.", "Le chat dort bien."]


def test_measures_are_functions_of_sums() -> None:
    losses = np.array([[8.0, 4.0], [2.0, 6.0]])
    assert estimate("bits per byte", losses).value == pytest.approx(1.0)
    assert estimate("perplexity", losses).value == pytest.approx(2.0)
    assert estimate("accuracy", shares([True, False, True, True])).value == pytest.approx(75.0)
    assert estimate("pass@10", shares([0.5, 1.0])).value == pytest.approx(75.0)
    with pytest.raises(InputError, match="no measure 'luck'"):
        measure("luck")


def test_translations_are_scored_as_sacrebleu_does() -> None:
    chrf, bleu = chrf_statistics(WRITTEN, RIGHT), bleu_statistics(WRITTEN, RIGHT)
    assert estimate("chrF", chrf).value == pytest.approx(
        CHRF().corpus_score(WRITTEN, [RIGHT]).score
    )
    assert estimate("BLEU", bleu).value == pytest.approx(
        BLEU().corpus_score(WRITTEN, [RIGHT]).score
    )


def test_the_interval_covers_as_often_as_it_says() -> None:
    numbers = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        found = estimate("accuracy", shares(numbers.random(80) < 0.6))
        covered += found.low <= 60 <= found.high
    assert 180 <= covered <= 199


def test_differences_are_paired() -> None:
    numbers = np.random.default_rng(6)
    hard = numbers.exponential(10.0, 60)  # documents differ much, models little
    bytes_ = np.full(60, 10.0)
    one, other = np.stack([hard, bytes_], 1), np.stack([hard * 1.02, bytes_], 1)
    found = paired_difference("bits per byte", other, one)
    alone = estimate("bits per byte", one)
    assert found.value == pytest.approx(0.02 * alone.value)
    assert 0 < found.low < found.value < found.high
    assert found.high - found.low < (alone.high - alone.low) / 10
    assert paired_difference("bits per byte", one, one).high == 0
    with pytest.raises(ValueError, match="same units"):
        paired_difference("bits per byte", one, one[:5])


def test_measured_survives_json() -> None:
    before = Measured(statistics={"accuracy": shares([1, 0])}, outputs=("a", "b"))
    after = Measured.from_json(before.to_json())
    assert after.outputs == before.outputs
    assert (after.statistics["accuracy"] == before.statistics["accuracy"]).all()


def test_the_masks_of_every_source(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.5)
    assert [source.kind for source in sources_of(tiny_run)] == [
        "dense", "domain", "domain", "domain", "mixture", "magnitude", "random",
    ]  # fmt: skip
    assert masks_of(tiny_run, DENSE, prune) == {}
    halves = halves_of("code")
    masks = {s: masks_of(tiny_run, s, prune) for s in (MIXTURE, MAGNITUDE, RANDOM, *halves)}
    for found in masks.values():
        assert set(found) == {weight.key for weight in tiny_run.weights}
        assert all(mask.count() * 2 == mask.unpack().size for mask in found.values())
    differing = [key for key in masks[MIXTURE] if masks[halves[0]][key].both(masks[halves[1]][key])
                 < masks[MIXTURE][key].count()]  # fmt: skip
    assert differing
    own = {weight.key: each["prose"] for weight, each in run_masks(tiny_run, prune, ["prose"])}
    found = masks_of(tiny_run, of_domain("prose"), prune)
    assert all((found[key].words == own[key].words).all() for key in own)


def test_a_domain_that_is_named_as_a_yardstick_has_a_title_of_its_own() -> None:
    named = [of_domain(name).title for name in ("dense", "magnitude", "random", "mixture")]
    assert named == ["dense (domain)", "magnitude (domain)", "random (domain)", "mixture"]
    others = [source.title for source in (DENSE, MIXTURE, MAGNITUDE, RANDOM)]
    assert others == ["dense", "all domains", "magnitude", "random"]


def test_a_source_is_what_it_says() -> None:
    assert MaskSource.from_json(halves_of("math")[1].to_json()) == halves_of("math")[1]
    for wrong in ({"kind": "luck"}, {"kind": "domain"}, {"kind": "dense", "domain": "math"},
                  {"kind": "half", "domain": "math"}):  # fmt: skip
        with pytest.raises(InputError):
            MaskSource(**wrong)  # type: ignore[arg-type]
