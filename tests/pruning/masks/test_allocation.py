"""OWL: shares of outliers by hand, sparsities as the paper's program computes them, whole masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.masks.allocation import OUTLIER, SPREAD, layer_sparsities, outlier_shares
from pruning.masks.making import owl_sparsities, run_masks
from pruning.masks.norms import domain_norms
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.pruning.finished_run import finished_run, mixture_masks


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("allocation"))


def test_an_outlier_is_above_five_times_the_mean_of_its_whole_layer(run: Run) -> None:
    first, second = run.weights[:2]
    matrices = {
        first.key: torch.tensor([[-60.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0]]),
        second.key: torch.tensor([[2.0, 0.0, 0.0, 0.0, 0.0]]),
    }

    def given() -> Iterator[tuple[PrunableWeight, Tensor]]:
        return ((weight, matrices[weight.key]) for weight in (first, second))

    norms = {weight.input_key: np.ones(5) for weight in (first, second)}
    # scores sum to 71 over 15 weights, so an outlier is above 23.7: one of them
    assert outlier_shares(given, norms) == {first.key.layer: 1 / 15}
    louder = {key: np.array([0.1, 1, 1, 1, 30]) for key in norms}
    # 6 + 3 + 30 + 0.1 + 3 + 30 + 0.2 = 72.3 over 15: above 24.1 are the two loud ones
    assert outlier_shares(given, louder) == {first.key.layer: 2 / 15}


def test_sparsities_are_those_of_the_published_program() -> None:
    shares = {0: 0.031, 1: 0.012, 2: 0.027, 3: 0.006}
    ratio = np.array(list(shares.values())) * 100
    ratio = (ratio - ratio.min()) * (1 / (ratio.max() - ratio.min()) * 0.08 * 2)
    density = ratio - np.mean(ratio) + (1 - 0.7)
    found = layer_sparsities(shares, 0.7)
    assert list(found.values()) == pytest.approx(list(1 - density), abs=1e-6)
    assert np.mean(list(found.values())) == pytest.approx(0.7, abs=1e-6)
    assert (OUTLIER, SPREAD) == (5.0, 0.08)


def test_equal_layers_and_a_single_one_lose_the_same() -> None:
    assert layer_sparsities({0: 0.01, 1: 0.01}, 0.5) == {0: 0.5, 1: 0.5}
    assert layer_sparsities({4: 0.01}, 0.5) == {4: 0.5}


@pytest.mark.parametrize("sparsity", [0.0, 0.05, 0.95])
def test_a_sparsity_without_room_is_refused(sparsity: float) -> None:
    with pytest.raises(InputError, match="choose a sparsity from 16% to 84%"):
        layer_sparsities({0: 0.01, 1: 0.02}, sparsity)


def test_masks_have_their_layers_sparsity_for_every_domain(run: Run) -> None:
    prune = PruneSpec(sparsity=0.5, allocation="owl")
    norms = domain_norms(run, run.domains)
    wanted = {name: owl_sparsities(run, prune, norms[name]) for name in run.domains}
    assert len({round(value, 4) for value in wanted["code"].values()}) > 1
    for weight, masks in run_masks(run, prune):
        rows, columns = weight.shape
        for name, mask in masks.items():
            of_layer = replace(prune, sparsity=wanted[name][weight.key.layer])
            assert mask.count() == rows * (columns - of_layer.pruned_of(columns))


def test_shares_are_stored_with_the_run_and_read_back(run: Run) -> None:
    prune = PruneSpec(sparsity=0.5, allocation="owl")
    norms = domain_norms(run, ["code"])["code"]
    before = owl_sparsities(run, prune, norms)
    files = sorted((run.folder / "outliers").iterdir())
    assert owl_sparsities(run, prune, norms) == before
    assert sorted((run.folder / "outliers").iterdir()) == files
    of_layer = owl_sparsities(run, replace(prune, layers=(0,)), norms)
    assert of_layer == {0: 0.5}  # a layer that is pruned alone has nobody to give to


def test_a_mixture_of_one_is_that_domain(run: Run) -> None:
    prune = PruneSpec(sparsity=0.6, allocation="owl", score="ria")
    single = dict(mixture_masks(run, prune, {"prose": 1.0}))
    for weight, masks in run_masks(run, prune):
        assert (single[weight].words == masks["prose"].words).all()


@pytest.mark.parametrize("other", [{"score": "magnitude"}, {"pattern": "2:4"}])
def test_owl_needs_activations_and_no_pattern(other: dict[str, str]) -> None:
    with pytest.raises(InputError, match="OWL"):
        PruneSpec(allocation="owl", **other)


def test_unknown_allocations_are_refused() -> None:
    with pytest.raises(InputError, match="uniform, owl"):
        PruneSpec(allocation="often")
