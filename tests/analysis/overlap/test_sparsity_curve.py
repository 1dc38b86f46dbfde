"""One ranking gives the overlap at every percent: checked against masks made one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.overlap import table as overlap
from analysis.overlap.sparsity_curve import NEVER, pruning_levels
from analysis.overlap.table import overlap_table
from pruning.masks.selecting import keep_highest
from pruning.runs.run import Run
from pruning.specs import PruneSpec


@pytest.mark.parametrize("levels", [2, 1000])
def test_levels_say_what_each_mask_keeps(levels: int) -> None:
    generator = torch.Generator().manual_seed(levels)
    scores = torch.randint(levels, (5, 37), generator=generator).float()
    found = pruning_levels(scores, PruneSpec())
    for percent in (0, 1, 2, 3, 29, 50, 57, 58, 98, 99):
        kept = keep_highest(scores, PruneSpec(sparsity=percent / 100)).numpy()
        assert np.array_equal(found > percent, kept), percent


def test_the_best_weight_of_a_row_is_never_pruned() -> None:
    assert pruning_levels(torch.tensor([[0.0, 3.0, 1.0]]), PruneSpec())[0, 1] == NEVER


@pytest.mark.parametrize("score", ["wanda", "magnitude", "random"])
def test_tables_are_those_of_single_masks(
    tiny_run: Run, score: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for percent in (0, 50, 77):
        prune = PruneSpec(score=score, sparsity=percent / 100)
        fast = overlap_table(tiny_run, prune)
        with monkeypatch.context() as patch:
            patch.setattr(overlap, "_has_curve", lambda *_: False)
            slow = overlap_table(tiny_run, prune)
        assert fast.weights == slow.weights
        assert np.array_equal(fast.both, slow.both)
        assert np.array_equal(fast.kept, slow.kept)


def test_tables_are_stored_and_read_back(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for prune in (PruneSpec(sparsity=0.5), PruneSpec(pattern="2:4")):
        first = overlap_table(tiny_run, prune)
        with monkeypatch.context() as patch:
            patch.setattr(overlap, "from_scores", lambda *_: pytest.fail("scored again"))
            patch.setattr(overlap, "run_masks", lambda *_: pytest.fail("masked again"))
            again = overlap_table(tiny_run, prune)
            part = overlap_table(tiny_run, replace(prune, layers=(1,), projections=("q_proj",)))
        assert np.array_equal(first.both, again.both)
        assert [str(key) for key in part.weights] == ["1.self_attn.q_proj"]


def test_what_is_quick_is_known_beforehand(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    prune = PruneSpec(pattern="2:4", score="random", seed=7)
    assert overlap.is_quick(tiny_run, prune)
    monkeypatch.setattr(overlap, "CURVE_LIMIT", 0)
    assert not overlap.is_quick(tiny_run, prune)
    overlap_table(tiny_run, prune)
    assert overlap.is_quick(tiny_run, prune)
    assert overlap.is_quick(tiny_run, replace(prune, layers=(0,)))


def test_domains_of_different_text_overlap_less_than_they_could(tiny_run: Run) -> None:
    table = overlap_table(tiny_run, PruneSpec())
    jaccard, chance = table.jaccard(), table.chance()
    different = ~np.eye(3, dtype=bool)
    assert (jaccard[different] < 1).all()
    assert (jaccard[different] > chance[different]).all()
    assert np.allclose(chance, 1 / 3)
    same = overlap_table(tiny_run, PruneSpec(score="magnitude")).jaccard()
    assert (same == 1).all()


def test_layers_chosen_under_owl_share_the_sparsity_among_themselves(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.5, allocation="owl")
    overlap_table(tiny_run, prune)  # stored: it must not answer for fewer layers
    part = overlap_table(tiny_run, replace(prune, layers=(1,)))
    alike = overlap_table(tiny_run, PruneSpec(sparsity=0.5, layers=(1,)))
    assert np.array_equal(part.both, alike.both)
