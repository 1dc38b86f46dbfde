"""Whole parts: found in every architecture, scored by hand on a toy, and refused in a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from analysis.overlap.owners import owners
from analysis.overlap.part_scores import PartScores, overlap_of_parts, part_scores
from analysis.overlap.parts import check_layers, find_parts
from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.models.architecture import discover_weights, find_decoder_layers
from pruning.models.experts import split_experts
from pruning.narrowing.choosing import contributions, keep_largest
from pruning.narrowing.configs import describe
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec, WeightKey
from pruning.specs.narrowing import NarrowSpec
from tests.pruning import zoo

DOWN = [WeightKey(layer=layer, name="mlp.down_proj") for layer in (0, 1)]


def toy(**sums: list[list[float]]) -> PartScores:
    """Two layers of four channels with norms 1, 2, 1, 1; domain -> sums of squares by layer."""
    rows = tuple(
        PrunableWeight(key=key, shape=(1, 4), input_name=key.name, parameter="w") for key in DOWN
    )
    return PartScores(
        of="channels",
        rows=rows,
        magnitude={key: np.array([1.0, 2.0, 1.0, 1.0]) for key in DOWN},
        stats={
            domain: ChannelStats(
                sum_sq={key: np.array([each]) for key, each in zip(DOWN, layers, strict=True)},
                tokens={key: np.array([100]) for key in DOWN},
            )
            for domain, layers in sums.items()
        },
    )


PLANTED = toy(
    a=[[9, 1, 0, 0], [1, 1, 1, 0]],  # contributions 9 4 0 0 and 1 4 1 0
    b=[[0, 1, 9, 1], [0, 0, 1, 1]],  # 0 4 9 1 and 0 0 1 1
)


def test_a_planted_channel_has_its_owner() -> None:
    whose = owners(PLANTED, PruneSpec())
    assert whose.labels(DOWN[0]) == ["a", "everybody", "b", "nobody"]
    # of equal contributions the later stays: a keeps channels 1 and 2 of layer 1, b 2 and 3
    assert whose.labels(DOWN[1]) == ["nobody", "a", "everybody", "b"]
    assert whose.counts(DOWN[0]) == {"everybody": 1, "a": 1, "b": 1, "several": 0, "nobody": 1}
    first, second = whose.own("a")
    assert (first["layer"], first["unit"], first["share"]) == (0, 0, pytest.approx(9 / 13))
    assert (second["layer"], second["unit"], second["share"]) == (1, 1, pytest.approx(4 / 6))
    assert first["most_elsewhere"] == second["most_elsewhere"] == 0


def test_overlaps_of_channels_by_hand() -> None:
    table = overlap_of_parts(PLANTED, PruneSpec())
    assert table.kept.tolist() == [[2, 2], [2, 2]]
    assert table.jaccard()[0, 1] == pytest.approx(2 / 6)
    assert table.chance()[0, 1] == pytest.approx(1 / 3)
    quarter = overlap_of_parts(PLANTED, PruneSpec(sparsity=0.75))
    assert quarter.jaccard()[0, 1] == 0


def test_size_alone_is_the_same_for_all_domains() -> None:
    whose = owners(PLANTED, PruneSpec(score="magnitude", sparsity=0.75))
    assert whose.labels(DOWN[0]) == ["nobody", "everybody", "nobody", "nobody"]


@pytest.mark.parametrize(
    ("of", "name"), [("channels", "mlp.down_proj"), ("heads", "self_attn.o_proj")]
)
def test_the_choice_is_that_of_narrowing(tiny_run: Run, of: str, name: str) -> None:
    """The masks are those of the units with the highest contributions, as narrowing takes them."""
    scores = part_scores(tiny_run, of, PruneSpec())
    assert [row.key.name for row in scores.rows] == [name] * len(tiny_run.layers)
    reader, stats = tiny_run.weight_reader(), tiny_run.stats("code")
    for row in scores.rows:
        units = row.shape[1]
        sums = stats.sum_sq[row.key].sum(axis=0)
        energy = contributions(sums, reader.matrix(row.key), len(sums) // units)
        assert scores.contributions("code", row.key) == pytest.approx(energy / energy.sum())
        kept = scores.mask("code", row.key, PruneSpec()).unpack()[0]
        assert (kept == keep_largest(energy, units - units // 2)).all()


def test_layers_are_what_all_their_parts_add(tiny_run: Run) -> None:
    scores = part_scores(tiny_run, "layers", PruneSpec())
    (row,) = scores.rows
    reader, stats = tiny_run.weight_reader(), tiny_run.stats("sums")
    energies = [
        sum(
            float((stats.sum_sq[key].sum(axis=0) * reader.matrix(key).double().numpy() ** 2).sum())
            for key in (
                WeightKey(layer=layer, name="mlp.down_proj"),
                WeightKey(layer=layer, name="self_attn.o_proj"),
            )
        )
        for layer in tiny_run.layers
    ]
    assert scores.layers == tiny_run.layers
    assert scores.contributions("sums", row.key) == pytest.approx(
        np.array(energies) / sum(energies)
    )


def seen(architecture: str, folder: Path, **changes: Any) -> Any:
    """What `find_parts` asks of a run: the weights of a tiny model, and its folder."""
    model = zoo.new_model(architecture, layers=2, **changes)
    config = json.loads(model.config.to_json_string(use_diff=False))
    config |= {"architectures": [type(model).__name__]}
    (folder / "config.json").write_text(json.dumps(config))
    split_experts(model)
    weights = discover_weights(model, *find_decoder_layers(model, 2))
    experts = any(weight.key.expert is not None for weight in weights)
    return SimpleNamespace(
        weights=weights, model_folder=lambda: folder, has_experts=experts, config=config
    )


@pytest.mark.parametrize("architecture", ["phi3", "gpt2", "opt", "qwen2_moe", "deepseek_v2"])
def test_channels_are_those_that_narrowing_finds(architecture: str, tmp_path: Path) -> None:
    """Fused, transposed, bare and expert forms, against what changes shape with the width."""
    run = seen(architecture, tmp_path)
    found = {(part.key, part.units) for part in find_parts(run, "channels", PruneSpec())}
    narrowed = describe(run.config, NarrowSpec(channels=0.5, multiple=1)).parts
    assert found == {(part.consumer, part.units) for part in narrowed}


@pytest.mark.parametrize(
    ("architecture", "name", "heads", "size"),
    [
        ("phi3", "self_attn.o_proj", 4, 12),
        ("gpt2", "attn.c_proj", 3, 12),
        ("opt", "self_attn.out_proj", 4, 10),
    ],
)
def test_heads(architecture: str, name: str, heads: int, size: int, tmp_path: Path) -> None:
    parts = find_parts(seen(architecture, tmp_path), "heads", PruneSpec())
    assert [part.key for part in parts] == [WeightKey(layer=i, name=name) for i in (0, 1)]
    assert {(part.units, part.columns) for part in parts} == {(heads, size)}


def test_what_is_not_known_is_refused(tmp_path: Path, tiny_run: Run) -> None:
    latent = seen("deepseek_v2", tmp_path)
    with pytest.raises(InputError, match="not known which inputs belong to which of the heads"):
        find_parts(latent, "heads", PruneSpec())
    with pytest.raises(InputError, match="what the router makes of an expert's output"):
        check_layers(latent, [])
    with pytest.raises(
        InputError, match=r"post_feedforward_layernorm\.weight rescales what a layer"
    ):
        check_layers(seen("gemma2", tmp_path), [])
    with pytest.raises(InputError, match="Projections have no heads of their own"):
        part_scores(tiny_run, "heads", PruneSpec(projections=("o_proj",)))
    with pytest.raises(InputError, match="ranked by what they contribute"):
        part_scores(tiny_run, "heads", PruneSpec(score="ria"))
    with pytest.raises(InputError, match="compete within their layer"):
        part_scores(tiny_run, "channels", PruneSpec(pattern="2:4"))
    with pytest.raises(InputError, match="Layers compete with each other; choose two or more"):
        part_scores(tiny_run, "layers", PruneSpec(layers=(0,)))
    attention = [weight for weight in tiny_run.weights if "attn" in weight.key.name]
    without = cast(Run, SimpleNamespace(weights=attention, model_folder=tiny_run.model_folder))
    with pytest.raises(InputError, match="no weights that read whole channels"):
        find_parts(without, "channels", PruneSpec())


def test_a_starved_expert_is_chosen_by_size() -> None:
    key = WeightKey(layer=0, name="mlp.experts.1.down_proj")
    plain = toy(a=[[9, 1, 0, 0], [1, 1, 1, 0]])
    row = replace(plain.rows[0], key=key)
    stats = ChannelStats(sum_sq={key: np.array([[9.0, 1, 0, 0]])}, tokens={key: np.array([31])})
    scores = replace(
        plain, rows=(row,), magnitude={key: np.array([1.0, 2, 3, 4])}, stats={"a": stats}
    )
    assert scores.mask("a", key, PruneSpec()).unpack()[0].tolist() == [False, False, True, True]
