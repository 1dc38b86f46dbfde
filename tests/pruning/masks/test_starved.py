"""Experts that saw too few tokens: found, pruned by magnitude or left dense, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pruning.__main__ import main
from pruning.errors import InputError
from pruning.exports.planning import ExportSpec
from pruning.masks.making import owl_sparsities, run_masks
from pruning.masks.norms import norms_of, score_norms
from pruning.masks.recipe import recipe_of
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.masks.sequential import prune_sequential
from pruning.masks.starved import count_experts, left_dense_sentence, starved_sentence
from pruning.models.loading import LoadedModel
from pruning.runs import statistics
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats, contrast, mix
from pruning.specs import PruneSpec, WeightKey
from tests.pruning.masks.test_sequential import random_sample

HALF = PruneSpec(sparsity=0.5)
DENSE = replace(HALF, starved="dense")
GATE, ATTENTION = (
    WeightKey(layer=0, name="mlp.experts.0.gate_proj"),
    WeightKey(layer=0, name="self_attn.q_proj"),
)


def stats(attention: tuple[float, ...], gate: tuple[float, ...], *tokens: int) -> ChannelStats:
    """One group: two channels of an input that all tokens pass, and of one expert's."""
    return ChannelStats(
        sum_sq={ATTENTION: np.array([attention]), GATE: np.array([gate])},
        tokens={ATTENTION: np.array([tokens[0]]), GATE: np.array([tokens[1]])},
    )


def test_what_is_left_dense_in_words() -> None:
    keys = [WeightKey(layer=0, name=f"mlp.experts.{n}.up_proj") for n in (1, 2)]
    assert left_dense_sentence([]) is None
    assert left_dense_sentence(keys[:1]) == (
        "Left dense: 1 matrix of 1 expert that saw fewer than 32 tokens of the text."
    )
    assert "2 matrices of 2 experts" in str(left_dense_sentence(keys))


def test_starved_experts_are_pruned_by_magnitude_or_left_dense(
    runs: Callable[[str], Run],
) -> None:
    run = runs("qwen3_moe")
    starved = {name: run.stats(name).starved for name in run.domains}
    assert {WeightKey(layer=0, name="mlp.experts.2.gate_proj")} <= starved["code"]
    assert WeightKey(layer=0, name="mlp.experts.2.gate_proj") not in starved["prose"]
    reader = run.weight_reader()
    by_magnitude = dict(run_masks(run, HALF, ["code"])), dict(run_masks(run, DENSE, ["code"]))
    for weight, masks in by_magnitude[0].items():
        dense = by_magnitude[1][weight]["code"]
        of_domain = masks["code"]
        if weight.input_key not in starved["code"]:
            assert np.array_equal(dense.unpack(), of_domain.unpack())
            continue
        alone = keep_highest(reader.matrix(weight.key).abs(), HALF).numpy()
        assert np.array_equal(of_domain.unpack(), alone)
        assert dense.count() == weight.shape[0] * weight.shape[1]


def test_a_threshold_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "ENOUGH_TOKENS", 3)
    few, enough = stats((4, 9), (1, 4), 10, 2), stats((4, 9), (1, 4), 10, 3)
    assert few.starved == {GATE}
    assert enough.starved == set()
    assert norms_of(few)[GATE].tolist() == [1, 1]
    assert norms_of(few)[ATTENTION].tolist() == [2, 3]
    assert norms_of(enough)[GATE].tolist() == [1, 2]
    assert stats((4, 9), (1, 4), 1, 9).starved == set()  # few tokens, but not a router's choice
    assert count_experts(few.starved) == 1
    assert starved_sentence({"a": 1, "b": 0}, str.upper) == (
        "Experts that saw fewer than 32 tokens: 1 of A. For such a domain they are pruned by "
        "magnitude alone, or left dense if you choose so; more text shows more of them."
    )
    assert starved_sentence({"b": 0}) is None


def test_in_a_mixture_an_expert_counts_per_token_of_text() -> None:
    """Text of 10 and 20 tokens; the expert saw 2 and none: the second domain adds silence."""
    one, other = stats((10, 20), (6, 2), 10, 2), stats((60, 20), (0, 0), 20, 0)
    both = mix([(one, 1.0), (other, 3.0)])
    lengths = (10 + 2) / 2, (20 + 0) / 2
    assert both.tokens[GATE].tolist() == [2]
    assert both.tokens[ATTENTION].tolist() == [30]
    gate = both.sum_sq[GATE][0] / sum(lengths)
    assert np.allclose(gate, [0.25 * 6 / 6, 0.25 * 2 / 6])
    attention = both.sum_sq[ATTENTION][0] / sum(lengths)
    assert np.allclose(attention, [0.25 * 10 / 6 + 0.75 * 60 / 10, 0.25 * 20 / 6 + 0.75 * 20 / 10])


def test_contrast_with_experts_that_saw_nothing() -> None:
    one, other = stats((10, 20), (9, 4), 10, 2), stats((60, 20), (0, 0), 20, 0)
    assert np.allclose(contrast(one, [other])[GATE], [2 * 3, 2 * 2])  # the same factor everywhere
    assert contrast(other, [one])[GATE].tolist() == [0, 0]


@pytest.mark.parametrize("score_name", ["ria", "contrastive"])
def test_other_scores_give_starved_experts_a_mask_of_their_own(
    score_name: str, runs: Callable[[str], Run]
) -> None:
    run = runs("qwen3_moe")
    prune = replace(HALF, score=score_name)
    key = WeightKey(layer=0, name="mlp.experts.2.gate_proj")
    weight = next(weight for weight in run.weights if weight.key == key)
    assert weight.input_key in score_norms(run, prune, ["code"])["code"].starved
    ((_, masks),) = run_masks(run, prune, ["code"], [weight])
    plain = score(run.weight_reader().matrix(key), torch.ones(32), prune, key)
    assert np.array_equal(masks["code"].unpack(), keep_highest(plain, prune).numpy())


def test_outliers_are_counted_where_something_is_known(runs: Callable[[str], Run]) -> None:
    run = runs("qwen3_moe")
    prune = replace(HALF, allocation="owl")
    norms = score_norms(run, prune, run.domains)
    found = owl_sparsities(run, prune, norms["code"])
    assert sorted(found) == [0, 1]
    alone = replace(prune, projections=("mlp.experts.2.gate_proj",), layers=(0,))
    assert owl_sparsities(run, alone, norms["code"]) == {0: 0.5}


def test_unions_count_what_stays_dense(runs: Callable[[str], Run]) -> None:
    run = runs("qwen3_moe")
    every = tuple((name, 1.0) for name in run.domains)
    spec = ExportSpec(run=run.id, mixture=every, prune=DENSE, combination="union")
    kept = recipe_of(run, spec).kept()
    assert kept[WeightKey(layer=0, name="mlp.experts.2.gate_proj")] == 28 * 32
    assert kept[WeightKey(layer=0, name="self_attn.q_proj")] < 48 * 32


def test_sequential_pruning_leaves_starved_experts_dense(
    tiny_model: Callable[..., LoadedModel],
) -> None:
    loaded = tiny_model("qwen3_moe")
    sample = random_sample(samples=2, length=12)
    masks = prune_sequential(loaded, [(sample, 1.0)], DENSE, batch_size=2)
    full = [key for key, mask in masks.items() if mask.count() == mask.shape[0] * mask.shape[1]]
    assert full
    assert all(key.expert is not None for key in full)
    by_magnitude = prune_sequential(loaded, [(sample, 1.0)], HALF, batch_size=2)
    assert all(2 * by_magnitude[key].count() == masks[key].count() for key in full)


def test_the_usual_choice_leaves_hashes_as_they_were() -> None:
    assert "starved" not in HALF.to_json()
    assert DENSE.to_json()["starved"] == "dense"
    for prune in (HALF, DENSE):
        assert PruneSpec.from_json(prune.to_json()) == prune
        spec = ExportSpec(run="0", mixture=(("code", 1.0),), prune=prune)
        assert ExportSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    with pytest.raises(InputError, match="treated by one of magnitude, dense"):
        PruneSpec(starved="never")


def test_the_command_line_names_starved_experts_and_takes_the_choice(
    runs: Callable[[str], Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs("qwen3_moe")
    again = tmp_path / "again.json"
    again.write_text(json.dumps(run.spec.to_json()))
    workspace = ["--workspace", str(run.folder.parents[1])]
    assert main(["calibrate", "--spec", str(again), *workspace]) == 0
    assert "Experts that saw fewer than 32 tokens: 5 of code, 1 of prose." in " ".join(
        capsys.readouterr().out.split()
    )
    assert main(["calibrate", "--spec", str(again), *workspace, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["starved"]
    assert said["code"] == sorted(map(str, run.stats("code").starved))
    chosen = ["--run", run.id, "--domain", "code", "--sparsity", "0.5", "--starved", "dense"]
    assert main(["plan", *chosen, *workspace, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert sum(row["pruned"] == 0 for row in plan["weights"]) == 5 * 3
    assert sum(row["left_dense"] for row in plan["weights"]) == 5 * 3
    assert main(["plan", *chosen, *workspace]) == 0
    assert "left dense" in capsys.readouterr().out
