"""Which weights are taken out: regions by hand, and draws that are as many and as large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.cause.draws import matched_draw, part, random_draw
from analysis.cause.regions import only, regions
from analysis.cause.removals import region_sizes, run_regions
from analysis.cause.spec import NOTHING, CauseSpec, Removal, steps
from analysis.structure.sharp import SharpSpec, sharp_regions
from pruning.errors import InputError
from pruning.masks.mask import Mask
from pruning.masks.selecting import keep_highest
from pruning.specs import PruneSpec
from tests.pruning.finished_run import finished_run


def mask(*rows: str) -> Mask:
    return Mask.pack(np.array([[letter == "1" for letter in row] for row in rows]))


def flags(each: Mask) -> list[str]:
    return ["".join("01"[int(bit)] for bit in row) for row in each.unpack()]


def test_a_region_is_what_one_mask_alone_keeps() -> None:
    kept = {"a": mask("1100", "0110"), "b": mask("0110", "0110"), "c": mask("0011", "1001")}
    found = regions(kept)
    assert {name: flags(each) for name, each in found.items()} == {
        "a": ["1000", "0000"],
        "b": ["0000", "0000"],
        "c": ["0001", "1001"],
    }


def test_what_others_have_on_top_may_be_more_than_what_one_has() -> None:
    own = {"a": mask("1100"), "b": mask("0100")}
    others = {"a": mask("1110"), "b": mask("1101")}
    assert {name: flags(each) for name, each in regions(own, others).items()} == {
        "a": ["0000"],
        "b": ["0000"],
    }
    assert flags(only(own["a"], [own["b"]])) == ["1000"]


def test_masks_of_different_matrices_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        only(mask("10"), [mask("100")])


def test_the_highest_scoring_share_is_a_mask_of_its_own_sparsity() -> None:
    prune = PruneSpec(pattern="2:4", sparsity=0.5, layers=(1,))
    own, others = CauseSpec(region="sharp", top=0.25, others_top=0.5).of(prune)
    assert (own.sparsity, others.sparsity) == (0.75, 0.5)
    assert own.pattern == "unstructured"
    assert own.layers == (1,)

    scores = torch.tensor([[4.0, 1.0, 3.0, 2.0]])
    assert keep_highest(scores, own).tolist() == [[True, False, False, False]]
    assert CauseSpec().of(prune) == (prune, prune)


def test_everything_that_is_compared_is_measured_once() -> None:
    plan = list(steps(("a", "b", "c"), CauseSpec(draws=2)))
    pairs = [(step.removal, domain) for step in plan for domain in step.evaluated]
    assert len(pairs) == len(set(pairs)) == 3 + 9 + 9 + 2 * (9 + 3) + 12
    assert pairs[0] == (NOTHING, "a")
    assert (Removal(kind="part", domain="c", partner="a"), "a") in pairs
    assert (Removal(kind="random", domain="a"), "b") not in pairs


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"region": "blunt"}, "blunt"),
        ({"top": 0}, "share"),
        ({"others_top": 1.0}, "share"),
        ({"draws": 1}, "draws"),
        ({"size": 10}, "size"),
    ],
)
def test_bad_choices_are_sentences(choice: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        CauseSpec(**choice)


@pytest.fixture
def region() -> tuple[np.ndarray, np.ndarray]:
    """A region of the middle magnitudes of a matrix."""
    magnitude = np.abs(np.random.default_rng(0).normal(size=(60, 80))).astype(np.float32)
    middle = (magnitude > 0.5) & (magnitude < 1.0)
    return middle & (np.random.default_rng(1).random((60, 80)) < 0.2), magnitude


def test_a_random_draw_is_as_large_and_elsewhere(region: tuple[np.ndarray, np.ndarray]) -> None:
    inside, _ = region
    draws = [random_draw(inside, np.random.default_rng(seed)) for seed in range(200)]
    for drawn in draws:
        assert drawn.sum() == inside.sum()
        assert not (drawn & inside).any()
    often = np.sum(draws, axis=0)[~inside]
    expected = 200 * inside.sum() / (~inside).sum()
    assert abs(often.mean() - expected) < 1e-9
    assert often.var() == pytest.approx(expected * (1 - expected / 200), rel=0.1)  # all as likely


def test_a_matched_draw_has_the_regions_magnitudes(region: tuple[np.ndarray, np.ndarray]) -> None:
    inside, magnitude = region
    drawn = matched_draw(inside, magnitude, np.random.default_rng(0))
    assert drawn.sum() == inside.sum()
    assert not (drawn & inside).any()
    levels = np.linspace(0, 1, 11)
    own, matched = (np.quantile(magnitude[each], levels) for each in (inside, drawn))
    np.testing.assert_allclose(matched, own, atol=0.02)
    any_size = random_draw(inside, np.random.default_rng(0))
    assert np.abs(np.quantile(magnitude[any_size], levels) - own).max() > 0.3


def test_a_draw_takes_what_there_is() -> None:
    most = np.array([[True, True, True, False]])
    assert random_draw(most, np.random.default_rng(0)).tolist() == [[False, False, False, True]]
    sizes = np.array([[1.0, 2.0, 3.0, 9.0]])
    assert not matched_draw(most, sizes, np.random.default_rng(0)).any()  # 9 is larger than all
    none = np.zeros((2, 3), dtype=bool)
    assert not random_draw(none, np.random.default_rng(0)).any()
    assert not matched_draw(none, np.ones((2, 3)), np.random.default_rng(0)).any()


def test_a_part_of_a_region(region: tuple[np.ndarray, np.ndarray]) -> None:
    inside, _ = region
    some = part(inside, 10, np.random.default_rng(0))
    assert some.sum() == 10
    assert not (some & ~inside).any()
    np.testing.assert_array_equal(part(inside, 10**6, np.random.default_rng(0)), inside)


def test_what_a_starved_expert_needs_is_not_taken_for_a_domain_s_own(tmp_path: Path) -> None:
    run = finished_run("qwen3_moe", tmp_path)
    assert run.stats("code").starved
    magnitude, dense = PruneSpec(), PruneSpec(starved="dense")
    with pytest.raises(InputError, match="no meaning in a removal"):
        run_regions(run, dense, CauseSpec())
    sharp = CauseSpec(region="sharp", top=0.25, others_top=0.25)
    found = region_sizes(run_regions(run, dense, sharp))
    assert found == region_sizes(run_regions(run, magnitude, sharp))
    assert found["code"] > 0
    spec = SharpSpec(top=0.25, others_top=0.25)
    assert sharp_regions(run, dense, spec).sharp.sum(axis=1).tolist() == [*found.values()]
    assert len(list((run.folder / "structure").glob("sharp-*"))) == 1
    sharp_regions(run, magnitude, spec)
    assert len(list((run.folder / "structure").glob("sharp-*"))) == 1
