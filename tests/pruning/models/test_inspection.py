"""A model's size and kind are known without loading it, and problems are collected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from pruning.errors import InputError
from pruning.models.inspection import ModelReport, inspect_model, list_models
from pruning.models.loading import load_model
from pruning.models.sources import DEMO_FOLDER
from pruning.specs import ModelSpec, WeightKey
from tests.pruning import zoo


@pytest.mark.parametrize("architecture", zoo.ARCHITECTURES)
def test_the_report_agrees_with_the_loaded_model(architecture: str, tmp_path: Path) -> None:
    folder = zoo.build(architecture, tmp_path / "m", dtype=torch.bfloat16)
    report = inspect_model(str(folder))
    loaded = load_model(ModelSpec(source=str(folder)))
    assert report.problems == ()
    assert report.architecture == type(loaded.module).__name__
    assert report.num_layers == len(loaded.layers)
    assert report.parameters == sum(p.numel() for p in loaded.module.parameters())
    assert report.checkpoint_dtype == "bfloat16"
    assert report.checkpoint_bytes == (folder / "model.safetensors").stat().st_size
    assert dict(report.shapes) == {weight.key: weight.shape for weight in loaded.weights}
    assert report.prunable_parameters == sum(rows * n for rows, n in report.shapes.values())
    assert report.hidden_size == loaded.module.config.hidden_size


def test_what_fits() -> None:
    report = ModelReport(
        source="x",
        parameters=1000,
        free_memory_bytes=3999,
        free_gpu_bytes=2000,
        download_bytes=10,
        free_disk_bytes=9,
        shapes={
            WeightKey(layer=0, name="attn.q"): (2, 3),
            WeightKey(layer=0, name="mlp.up"): (4, 3),
            WeightKey(layer=1, name="attn.q"): (2, 3),
        },
    )
    assert not report.fits_memory("float32")
    assert not report.fits_memory(None)
    assert report.fits_memory("bfloat16")
    assert report.fits_memory("float16", "cuda:0")
    assert not report.fits_memory("float32", "cuda")
    assert report.projections == ("q", "up")
    assert report.prunable_parameters == 24


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    folder = zoo.build("llama", tmp_path / "m")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    (folder / "tokenizer.json").unlink()
    zoo.edit_config(folder, architectures=["LlamaModel"])
    weights, tokenizer, kind = inspect_model(str(folder)).problems
    assert "is not a complete safetensors file" in weights
    assert "has no tokenizer" in tokenizer
    assert "describes LlamaModel" in kind


def test_a_model_of_another_kind_is_still_described(tmp_path: Path) -> None:
    config = {"model_type": "gpt_oss", "architectures": ["GptOssForCausalLM"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    report = inspect_model(str(tmp_path))
    assert (report.architecture, report.model_type) == ("GptOssForCausalLM", "gpt_oss")
    assert any("mixture-of-experts" in problem for problem in report.problems)
    assert report.parameters is None
    assert report.memory_bytes("float32") == 0


def test_nothing_to_look_at_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no model folder"):
        inspect_model(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="a revision is for hub models only"):
        inspect_model(str(tmp_path), "main")


def test_the_demo_is_listed_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.models.inspection.DEMO_FOLDER", tmp_path)
    assert "demo" not in {model["source"] for model in list_models()}
    (tmp_path / "config.json").write_text("{}")
    assert list_models()[0]["source"] == "demo"
    assert DEMO_FOLDER.parent.name == "demo"
