"""Narrowed exports are read back from disk: they answer as the dense model with the parts silenced."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from pruning.checkpoints.headers import read_json, weight_files
from pruning.errors import AtlasError, InputError
from pruning.exports import writing
from pruning.exports.forms import decompress
from pruning.exports.narrowed import read_made
from pruning.exports.planning import plan_export
from pruning.exports.record import SUBMODEL, read_record
from pruning.exports.verifying import verify
from pruning.exports.writing import export
from pruning.models.loading import load_model
from pruning.narrowing.surgery import temporarily_narrow
from pruning.runs.run import Run
from pruning.specs import ExportSpec, NarrowSpec, PruneSpec
from tests.pruning.finished_run import finished_run
from tests.pruning.zoo import ARCHITECTURES

TOKENS = torch.arange(3, 35)[None]
MIXTURE = (("code", 1.0), ("prose", 0.5))
Runs = Callable[[str], Run]
HEADS = ("llama", "llama_gqa", "mistral", "qwen2", "qwen3", "phi3", "starcoder2", "qwen3_moe")


def spec_of(run: Run, prune: PruneSpec | None = None, **narrow: Any) -> ExportSpec:
    narrow.setdefault("multiple", 4)
    return ExportSpec(
        run=run.id,
        mixture=MIXTURE,
        prune=prune or PruneSpec(sparsity=0.0),
        narrow=NarrowSpec(**narrow),
    )


def answers(folder: Path) -> torch.Tensor:
    """What plain transformers computes from a folder alone."""
    model, loading = AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=False, output_loading_info=True
    )
    assert not any(loading[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.inference_mode():
        return model.eval()(input_ids=TOKENS, use_cache=False).logits


def size(folder: Path) -> int:
    return sum((folder / name).stat().st_size for name in weight_files(folder))


def failures(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify(folder).checks if not check.ok}


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "qwen3_moe"])
def test_every_architecture_answers_as_the_dense_model_without_the_parts(
    architecture: str, runs: Runs, tmp_path: Path
) -> None:
    run = runs(architecture)
    parts: dict[str, Any] = {"channels": 0.3}
    if architecture in HEADS:
        parts["heads"] = 0.5
    spec = spec_of(run, **parts)
    planned = plan_export(run, spec)
    result = export(run, spec, tmp_path / "out")
    assert result.plan == planned
    assert planned.bytes == size(tmp_path / "out") < size(Path(run.spec.model.source))

    made = read_made(tmp_path / "out", result.submodel)
    loaded = load_model(run.spec.model)
    before = loaded.module(input_ids=TOKENS, use_cache=False).logits
    with torch.inference_mode(), temporarily_narrow(loaded, made):
        expected = loaded.module(input_ids=TOKENS, use_cache=False).logits
    torch.testing.assert_close(answers(tmp_path / "out"), expected, rtol=1e-4, atol=1e-4)
    assert (expected - before).abs().max() > 0.01  # the parts did say something
    assert torch.equal(loaded.module(input_ids=TOKENS, use_cache=False).logits, before)
    assert failures(tmp_path / "out") == {}


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma3_text", "opt"])
def test_whole_layers_go(architecture: str, tmp_path: Path) -> None:
    run = finished_run(architecture, tmp_path, layers=3, max_shard_size="40KB")
    result = export(run, spec_of(run, layers=1, channels=0.25), tmp_path / "out")
    narrowing = result.submodel.to_json()["narrowing"]
    cosines = narrowing["cosines"]
    assert len(cosines) == 3
    assert narrowing["layers"] == sorted(set(range(3)) - {cosines.index(max(cosines))})
    assert set(narrowing["errors"]) == {str(layer) for layer in narrowing["layers"]}

    loaded = load_model(run.spec.model)
    made = read_made(tmp_path / "out", result.submodel)
    with torch.inference_mode(), temporarily_narrow(loaded, made):
        expected = loaded.module(input_ids=TOKENS, use_cache=False).logits
    torch.testing.assert_close(answers(tmp_path / "out"), expected, rtol=1e-4, atol=1e-4)
    assert result.plan.bytes == size(tmp_path / "out")
    index = read_json(tmp_path / "out" / "model.safetensors.index.json")
    assert set(index["weight_map"]) == set(result.submodel.tensors)
    assert index["metadata"]["total_parameters"] == result.plan.parameters
    assert failures(tmp_path / "out") == {}


def test_by_sums_nothing_is_refitted_and_no_model_loaded(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.narrowing.making.load_model", pytest.fail)
    run = runs("llama")
    spec = spec_of(run, channels=0.3, choice="sums", refit=False)
    record = export(run, spec, tmp_path / "out").submodel.to_json()
    part = record["narrowing"]["parts"][0]
    base = load_file(Path(run.spec.model.source) / "model.safetensors")
    down = base["model.layers.0.mlp.down_proj.weight"]
    stats = {name: run.stats(name).total() for name, _ in MIXTURE}
    key = next(key for key in stats["code"].sum_sq if str(key) == "0.mlp.down_proj")
    sums = sum(
        weight * stats[name].sum_sq[key][0] / stats[name].tokens[key][0] for name, weight in MIXTURE
    )
    scores = torch.from_numpy(sums) * down.double().square().sum(0)
    kept = scores.argsort(descending=True)[:56].sort().values
    bits = "".join(f"{byte:08b}" for byte in bytes.fromhex(part["kept"]))
    assert [index for index, bit in enumerate(bits) if bit == "1"] == kept.tolist()
    written = load_file(tmp_path / "out" / "model.safetensors")
    assert torch.equal(written["model.layers.0.mlp.down_proj.weight"], down[:, kept])
    for name in ("gate_proj", "up_proj"):
        full = f"model.layers.0.mlp.{name}.weight"
        assert torch.equal(written[full], base[full][kept])
    assert failures(tmp_path / "out") == {}


def test_the_refit_brings_the_output_closer(runs: Runs, tmp_path: Path) -> None:
    """Of the same kept channels, so that nothing but the values differs."""
    run = runs("qwen2")
    loaded = load_model(run.spec.model)
    ids = torch.from_numpy(run.tokens("code").input_ids.astype("int64"))
    with torch.inference_mode():
        dense = loaded.module(input_ids=ids, use_cache=False).logits
    errors = {}
    for refit in (False, True):
        spec = spec_of(run, channels=0.5, choice="sums", refit=refit)
        record = export(run, spec, tmp_path / f"{refit}").submodel
        made = read_made(tmp_path / f"{refit}", record)
        with torch.inference_mode(), temporarily_narrow(loaded, made):
            after = loaded.module(input_ids=ids, use_cache=False).logits
        errors[refit] = float((after - dense).square().mean())
    assert errors[True] < 0.8 * errors[False]


def test_tied_embeddings_stay_tied_and_bfloat16_stays(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path, tie_word_embeddings=True, dtype=torch.bfloat16)
    export(run, spec_of(run, channels=0.3), tmp_path / "out")
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert "lm_head.weight" not in stored
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert failures(tmp_path / "out") == {}


def test_channels_then_weights(runs: Runs, tmp_path: Path) -> None:
    run = runs("mistral")
    spec = spec_of(run, PruneSpec(sparsity=0.5, pattern="2:4"), channels=0.3)
    planned = plan_export(run, spec)
    result = export(run, spec, tmp_path / "out")
    assert result.plan == planned
    stored = load_file(tmp_path / "out" / "model.safetensors")
    down = stored["model.layers.1.mlp.down_proj.weight"]
    assert down.shape == (40, 68)
    assert ((down.reshape(-1, 4) == 0).sum(1) >= 2).all()
    assert planned.pruned == sum(entry.pruned or 0 for entry in result.submodel.tensors.values())  # fmt: skip
    assert planned.prunable_sparsity == 0.5
    assert failures(tmp_path / "out") == {}

    small = export(run, spec, tmp_path / "small", form="sparse-bitmask").folder
    assert decompress(small, tmp_path / "back")
    for name in weight_files(tmp_path / "out"):
        assert (tmp_path / "back" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert failures(small) == {}


def test_a_narrowed_model_is_a_model_like_any_other(runs: Runs, tmp_path: Path) -> None:
    folder = export(runs("llama_gqa"), spec_of(runs("llama_gqa"), heads=1), tmp_path / "out").folder
    config = read_json(folder / "config.json")
    assert (config["num_attention_heads"], config["num_key_value_heads"]) == (3, 1)
    shutil.copy(folder / SUBMODEL, tmp_path)
    card = (folder / "README.md").read_text()
    assert "| `num_key_value_heads` | 2 | 1 |" in card
    assert "narrower for **code + 0.5 × prose**" in card
    assert str(tmp_path) not in card


def test_what_verify_finds(runs: Runs, tmp_path: Path) -> None:
    run = runs("llama")
    whole = export(run, spec_of(run, channels=0.3), tmp_path / "whole").folder

    def damaged(name: str, edit: Callable[[Path], None]) -> dict[str, str]:
        folder = tmp_path / name
        shutil.copytree(whole, folder)
        edit(folder)
        return failures(folder)

    def change(folder: Path, tensor: str) -> None:
        stored = load_file(folder / "model.safetensors")
        stored[tensor][0, 0] += 1
        save_file(stored, folder / "model.safetensors", {"format": "pt"})

    found = damaged("slice", lambda at: change(at, "model.layers.0.mlp.up_proj.weight"))
    assert set(found) == {"Tensor bytes", "Base model"}
    assert "rows and columns" in found["Base model"]
    found = damaged("refit", lambda at: change(at, "model.layers.0.mlp.down_proj.weight"))
    assert set(found) == {"Tensor bytes"}
    found = damaged("whole-tensor", lambda at: change(at, "model.embed_tokens.weight"))
    assert set(found) == {"Tensor bytes", "Base model"}

    def edit_config(folder: Path) -> None:
        config = read_json(folder / "config.json")
        (folder / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.5}))

    assert "rms_norm_eps is 0.5" in damaged("config", edit_config)["Configuration"]

    def edit_kept(folder: Path) -> None:
        record = read_json(folder / SUBMODEL)
        part = record["narrowing"]["parts"][0]
        part["kept"] = f"{int(part['kept'], 16) ^ 0b11 << 8:020x}"
        (folder / SUBMODEL).write_text(json.dumps(record))

    assert "Base model" in damaged("kept", edit_kept)

    def edit_parts(folder: Path) -> None:
        record = read_json(folder / SUBMODEL)
        record["narrowing"]["parts"].pop()
        (folder / SUBMODEL).write_text(json.dumps(record))

    assert "damaged" in damaged("parts", edit_parts)["Record"]


def test_what_cannot_be_made_leaves_nothing(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs("gpt2")
    with pytest.raises(InputError, match="how large a head is"):
        export(run, spec_of(run, heads=1), tmp_path / "out")
    with pytest.raises(InputError, match="stored small"):
        export(run, spec_of(run, channels=0.3), tmp_path / "out", form="sparse-bitmask")
    pattern = PruneSpec(sparsity=0.5, pattern="4:8", projections=("mlp.c_proj",))
    with pytest.raises(InputError, match="multiple of 8"):
        export(run, spec_of(run, pattern, channels=0.3), tmp_path / "out")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "write_config", full)
    with pytest.raises(AtlasError, match="space"):
        export(run, spec_of(run, channels=0.3), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_sums_that_the_run_does_not_have(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path, selection={"projections": ("q_proj",)})
    with pytest.raises(InputError, match=r"no sums of what 0\.mlp\.down_proj reads"):
        export(run, spec_of(run, channels=0.3, choice="sums"), tmp_path / "out")
    export(run, spec_of(run, channels=0.3), tmp_path / "greedy")
    assert failures(tmp_path / "greedy") == {}


def test_specs_without_a_removal_are_as_they_were(runs: Runs) -> None:
    run = runs("llama")
    plain = ExportSpec(run=run.id, mixture=MIXTURE, prune=PruneSpec())
    assert "narrow" not in plain.to_json()
    assert "narrow" not in plan_export(run, plain).to_json()
    narrow = spec_of(run, channels=0.3)
    assert ExportSpec.from_json(narrow.to_json()) == narrow
    for mode in ({"combination": "union"}, {"mode": "sequential"}):
        with pytest.raises(InputError, match="whole parts"):
            ExportSpec(run=run.id, mixture=(("code", 1.0), ("prose", 1.0)), narrow=narrow.narrow, **mode)  # fmt: skip


def test_a_record_of_an_export_that_lost_no_part(runs: Runs, tmp_path: Path) -> None:
    run = runs("llama")
    spec = ExportSpec(run=run.id, mixture=MIXTURE, prune=PruneSpec())
    folder = export(run, spec, tmp_path / "out").folder
    with pytest.raises(InputError, match="no whole parts"):
        read_made(folder, read_record(folder))
