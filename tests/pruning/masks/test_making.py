"""From a run to masks under every score: which scores tell domains apart, and what they need."""

from __future__ import annotations

import pytest
import torch

from pruning.errors import InputError
from pruning.masks import making as submodels
from pruning.masks.making import run_masks
from pruning.masks.mask import Mask
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.runs.run import Run
from pruning.runs.statistics import contrast
from pruning.specs import TEXT_SCORES, PruneSpec
from tests.pruning.finished_run import finished_run, mixture_masks


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("submodels"))


@pytest.mark.parametrize("score", TEXT_SCORES)
def test_scores_that_read_text_give_every_domain_its_own_mask(run: Run, score: str) -> None:
    for weight, masks in run_masks(run, PruneSpec(score=score)):
        assert (
            masks["code"].count()
            == masks["prose"].count()
            == weight.shape[0] * (weight.shape[1] - weight.shape[1] // 2)
        )
        assert (masks["code"].words != masks["prose"].words).any(), weight.key


@pytest.mark.parametrize("score", ["magnitude", "random"])
def test_scores_that_ignore_text_give_all_domains_one_mask(run: Run, score: str) -> None:
    for _, masks in run_masks(run, PruneSpec(score=score)):
        assert masks["code"] is masks["prose"]


def test_the_contrastive_mask_is_wanda_of_contrasted_norms(run: Run) -> None:
    norms = contrast(run.stats("code"), [run.stats("prose")])
    prune = PruneSpec(score="contrastive", sparsity=0.6)
    reader = run.weight_reader()
    for weight, masks in run_masks(run, prune, ["code"]):
        channels = torch.from_numpy(norms[weight.input_key]).float()
        scores = reader.matrix(weight.key).float().abs() * channels
        expected = Mask.pack(keep_highest(scores, prune))
        assert (masks["code"].words == expected.words).all()


def test_a_contrastive_mixture_of_one_domain_is_that_domain_s_mask(run: Run) -> None:
    prune = PruneSpec(score="contrastive")
    single = dict(mixture_masks(run, prune, {"code": 1.0}))
    for weight, masks in run_masks(run, prune):
        assert (single[weight].words == masks["code"].words).all()


def test_a_contrast_with_nobody_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match="there is none left"):
        list(mixture_masks(run, PruneSpec(score="contrastive"), {"code": 1.0, "prose": 1.0}))


@pytest.mark.parametrize("prune", [PruneSpec(), PruneSpec(comparison_group="matrix")])
def test_masks_made_a_few_rows_at_a_time_are_those_of_the_whole_matrix(
    run: Run, prune: PruneSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submodels, "BLOCK", 100)  # one to three rows
    reader = run.weight_reader()
    for weight, masks in run_masks(run, prune, ["code"]):
        norms = torch.from_numpy(run.stats("code").norms()[weight.input_key])
        scores = score(reader.matrix(weight.key), norms, prune, weight.key)
        expected = Mask.pack(keep_highest(scores, prune))
        assert (masks["code"].words == expected.words).all(), weight.key
