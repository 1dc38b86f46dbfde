"""Mixtures of experts from text to export, and the record of what was left dense with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from pruning.errors import InputError
from pruning.exports.planning import ExportSpec, plan_export
from pruning.exports.record import SUBMODEL
from pruning.exports.verifying import Check, verify
from pruning.exports.writing import export
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.pruning import zoo
from tests.pruning.finished_run import mixture_masks

HALF = PruneSpec(sparsity=0.5)
DENSE = replace(HALF, starved="dense")


@pytest.mark.parametrize("architecture", zoo.EXPERTS)
@pytest.mark.parametrize("prune", [HALF, DENSE, PruneSpec(pattern="2:4", starved="dense")])
def test_an_export_is_zero_where_its_masks_say_and_nowhere_else(
    architecture: str, prune: PruneSpec, runs: Callable[[str], Run], tmp_path: Path
) -> None:
    run = runs(architecture)
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0), ("prose", 0.5)), prune=prune)
    result = export(run, spec, tmp_path / "out")
    assert verify(result.folder).ok, verify(result.folder)
    base, written = (
        load_file(folder / "model.safetensors") for folder in (run.model_folder(), result.folder)
    )
    assert base.keys() == written.keys()
    masks = {w.tensor: mask for w, mask in mixture_masks(run, prune, {"code": 1.0, "prose": 0.5})}
    for name, before in base.items():
        kept = torch.from_numpy(masks[name].unpack()) if name in masks else True
        assert torch.equal(written[name], before * kept), name
    assert not any(".gate.weight" in name or "shared_expert_gate" in name for name in masks)
    model, loading = AutoModelForCausalLM.from_pretrained(result.folder, output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    first = model.model.layers[0].mlp.experts
    zeros = sum(int((part == 0).sum()) for part in (first.gate_up_proj, first.down_proj))
    planned = [w for w in result.plan.weights if w.layer == 0 and ".experts." in w.name]
    assert zeros == sum(weight.pruned for weight in planned) > 0
    assert plan_export(run, spec) == result.plan
    whole = {name for name, mask in masks.items() if mask.count() == base[name].numel()}
    assert set(result.submodel.left_dense) == (whole if prune.starved == "dense" else set())


@pytest.mark.parametrize("prune", [HALF, DENSE])
def test_a_sequential_export_of_a_mixture_of_experts(
    prune: PruneSpec, runs: Callable[[str], Run], tmp_path: Path
) -> None:
    """Which experts are starved is seen behind pruned layers, so it is counted afterwards."""
    run = runs("qwen3_moe")
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=prune, mode="sequential")
    result = export(run, spec, tmp_path / "out")
    assert verify(result.folder).ok
    entries = {n: e for n, e in result.submodel.tensors.items() if e.is_pruned}
    assert result.submodel.pruned == sum(entry.pruned or 0 for entry in entries.values())
    whole = [name for name, entry in entries.items() if entry.pruned == 0]
    assert sorted(result.submodel.left_dense) == sorted(whole)
    assert bool(whole) == (prune is DENSE)


LEFT_DENSE = "model.layers.0.mlp.experts.2.gate_proj.weight"


@pytest.fixture
def dense_export(runs: Callable[[str], Run], tmp_path: Path) -> Path:
    run = runs("qwen3_moe")
    prune = PruneSpec(pattern="2:4", starved="dense")
    return export(
        run, ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=prune), tmp_path / "out"
    ).folder


def zeros_check(folder: Path) -> Check:
    return next(check for check in verify(folder).checks if check.name == "Zeros")


def test_an_export_says_which_tensors_were_left_dense(
    dense_export: Path, runs: Callable[[str], Run]
) -> None:
    record = json.loads((dense_export / SUBMODEL).read_text())
    starved = runs("qwen3_moe").stats("code").starved
    weights = [w for w in runs("qwen3_moe").weights if w.input_key in starved]
    assert record["left_dense"] == [weight.tensor for weight in weights]
    assert LEFT_DENSE in record["left_dense"]
    assert len(weights) == 5 * 3
    words = "15 of them left dense with the experts that saw too few tokens; in all others, at most"
    assert words in zeros_check(dense_export).detail
    card = (dense_export / "README.md").read_text()
    assert "| experts that saw fewer than 32 tokens | left dense |" in card
    assert "Left dense: 15 matrices of 5 experts that saw fewer than 32 tokens" in card


@pytest.mark.parametrize(
    ("marked", "unmarked", "wrong"),
    [
        ("model.layers.0.self_attn.q_proj.weight", None, "768 pruned values, but is recorded as"),
        (None, LEFT_DENSE, "has 0 pruned values where its shape gives 448"),
    ],
)
def test_a_wrong_record_of_what_was_left_dense_is_found(
    dense_export: Path, marked: str | None, unmarked: str | None, wrong: str
) -> None:
    path = dense_export / SUBMODEL
    record = json.loads(path.read_text())
    names = [*record["left_dense"], *([marked] if marked else [])]
    record["left_dense"] = [name for name in names if name != unmarked]
    path.write_text(json.dumps(record))
    check = zeros_check(dense_export)
    assert not check.ok
    assert wrong in check.detail


def test_older_exports_do_not_say_what_was_left_dense(dense_export: Path) -> None:
    path = dense_export / SUBMODEL
    record = json.loads(path.read_text())
    del record["left_dense"]
    path.write_text(json.dumps(record))
    assert zeros_check(dense_export).ok
    path.write_text(json.dumps({**record, "left_dense": ["model.norm.weight"]}))
    (check,) = verify(dense_export).checks
    assert "is damaged" in check.detail


@pytest.mark.parametrize("combination", ["union", "intersection"])
def test_set_operations_leave_dense_what_their_domains_saw_too_little_of(
    combination: str, runs: Callable[[str], Run], tmp_path: Path
) -> None:
    run = runs("qwen3_moe")
    mixture = tuple((name, 1.0) for name in run.domains)
    spec = ExportSpec(run=run.id, mixture=mixture, prune=DENSE, combination=combination)
    result = export(run, spec, tmp_path / "out")
    assert verify(result.folder).ok
    each = [run.stats(name).starved for name in run.domains]
    starved = each[0] | each[1] if combination == "union" else each[0] & each[1]
    assert {w.key for w in result.plan.left_dense} == {
        weight.key for weight in run.weights if weight.input_key in starved
    }
    assert all(weight.pruned == 0 for weight in result.plan.left_dense)


def test_a_removal_cannot_leave_starved_experts_dense(runs: Callable[[str], Run]) -> None:
    """All of an expert that code hardly saw would count as code's own."""
    run = runs("qwen3_moe")
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=DENSE, combination="removal")
    with pytest.raises(InputError, match=r"too little of code.*let starved experts be pruned by"):
        plan_export(run, spec)
    plan_export(run, replace(spec, prune=HALF))
    plan_export(run, replace(spec, prune=replace(DENSE, layers=(1,), score="magnitude")))
