"""Loading a model, and every way in which one is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.calibration.passages import channel_sums
from pruning.checkpoints.headers import read_entries
from pruning.errors import AtlasError, InputError
from pruning.models import placement
from pruning.models import reading as loading
from pruning.models.architecture import find_decoder_layers
from pruning.models.loading import load_model, load_tokenizer, resolve, resolve_device
from pruning.models.placement import Placement
from pruning.models.sources import model_folder
from pruning.progress import Progress
from pruning.specs import ModelSpec, WeightKey
from tests.pruning import zoo


@pytest.fixture
def llama(tmp_path: Path) -> Path:
    return zoo.build("llama", tmp_path / "llama")


def spec(folder: Path, **rest: Any) -> ModelSpec:
    return ModelSpec(source=str(folder), **rest)


def test_a_loaded_model_is_ready_and_frozen(llama: Path) -> None:
    seen: list[Progress] = []
    loaded = load_model(spec(llama), seen.append)
    assert not loaded.module.training
    assert not any(parameter.requires_grad for parameter in loaded.module.parameters())
    assert loaded.spec == ModelSpec(source=str(llama), dtype="float32", device="cpu")
    assert len(loaded.layers) == 2
    assert len(loaded.fingerprint) == 16
    assert [(step.stage, step.done, step.total) for step in seen] == [
        ("load", done, 4) for done in (1, 2, 3, 4)
    ]


def test_a_matrix_is_a_view_of_the_live_parameter(tmp_path: Path) -> None:
    loaded = load_model(spec(zoo.build("gpt2", tmp_path / "m")))
    key = WeightKey(layer=1, name="mlp.c_fc")
    loaded.matrix(key)[5, 7] = 42.0
    assert loaded.parameter(key)[7, 5] == 42.0
    assert loaded.matrix(key).shape == (84, 36)
    with pytest.raises(InputError, match="no prunable weight"):
        loaded.matrix(WeightKey(layer=9, name="mlp.c_fc"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_asked_dtype_is_loaded(llama: Path, dtype: str) -> None:
    loaded = load_model(spec(llama, dtype=dtype))
    assert {parameter.dtype for parameter in loaded.module.parameters()} == {getattr(torch, dtype)}


def test_dtype_defaults_to_float32_on_a_cpu_and_to_the_checkpoints_on_a_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = zoo.build("llama", tmp_path / "m", dtype=torch.bfloat16)
    assert resolve(spec(folder, device="cpu")).dtype == "float32"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert resolve(spec(folder)) == spec(folder, dtype="bfloat16", device="cuda")
    assert resolve(spec(folder, device="cuda:0", dtype="float32")).dtype == "float32"
    with pytest.raises(InputError, match=r"only 1 CUDA device\(s\)"):
        resolve(spec(folder, device="cuda:1"))


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    with pytest.raises(InputError, match="there is no CUDA device here; use cpu"):
        resolve_device("cuda")


def test_a_relative_folder_becomes_absolute(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(llama.parent)
    resolved = resolve(ModelSpec(source="llama"))
    assert resolved.source == str(llama)
    assert model_folder(resolved) == llama
    assert resolve(resolved) == resolved


def test_the_tokenizer_loads_alone(llama: Path) -> None:
    tokenizer = load_tokenizer(spec(llama))
    assert tokenizer.decode(tokenizer("def add")["input_ids"], skip_special_tokens=True) == (
        "def add"
    )


def refused(folder: Path, words: str, **rest: Any) -> None:
    with pytest.raises(InputError, match=words):
        load_model(spec(folder, **rest))


def test_a_folder_that_is_not_there_or_not_a_models(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "There is no model folder")
    refused(tmp_path, "has no config.json")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "is a file; give the folder")


def test_a_revision_of_a_folder(llama: Path) -> None:
    refused(llama, "a revision is for hub models only", revision="main")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": None}, "states no model_type"),
        ({"model_type": "quite_new"}, "'quite_new' is not known to transformers"),
        (
            {"model_type": "quite_new", "auto_map": {"AutoConfig": "a.B"}},
            "comes with its own Python code, which is never run",
        ),
        ({"architectures": ["LlamaModel"]}, "describes LlamaModel, not the language model"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "LlamaForSequenceClassification"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "quantized"),
        ({"num_attention_heads": "many"}, "config.json is not usable"),
        ({"num_hidden_layers": 0}, "No decoder layers were found in LlamaForCausalLM"),
        ({"num_hidden_layers": 3}, "lacks 9 of the tensors"),
        ({"num_hidden_layers": 1}, "has unexpected 9 of the tensors"),
        ({"hidden_size": 64}, "cannot be loaded|wrong shape"),
    ],
)
def test_configurations_that_are_refused(llama: Path, changes: dict[str, Any], words: str) -> None:
    zoo.edit_config(llama, **changes)
    refused(llama, words)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "BertForMaskedLM"),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "encoder-decoder"),
        ({"model_type": "vit", "architectures": ["ViTModel"]}, "not a language model"),
        ({"model_type": "gemma3"}, "multimodal"),
        (
            {"model_type": "gpt_oss", "architectures": ["GptOssForCausalLM"]},
            "GptOssForCausalLM has mixture-of-experts layers of a form that cannot be taken apart",
        ),
        (
            {  # as published; unquantized it would not do either, so that is not what to choose
                "model_type": "gpt_oss",
                "architectures": ["GptOssForCausalLM"],
                "quantization_config": {"quant_method": "mxfp4"},
            },
            "choose a model whose experts are gated, without biases, as Mixtral's and Qwen3's are",
        ),
        (
            {"model_type": "llama4_text", "architectures": ["Llama4ForCausalLM"]},
            "Llama4ForCausalLM has mixture-of-experts layers of a form that cannot be taken apart",
        ),
        (
            {
                "model_type": "qwen3_moe",
                "architectures": ["Qwen3MoeForCausalLM"],
                "quantization_config": {"quant_method": "fp8"},
            },
            "Choose the original, unquantized model",
        ),
    ],
)
def test_models_of_another_kind_are_refused_before_their_weights_are_looked_at(
    tmp_path: Path, config: dict[str, Any], words: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    refused(tmp_path, words)


@pytest.mark.parametrize(
    ("architecture", "leftover"),
    [
        ("gpt2", "transformer.h.0.attn.masked_bias"),
        ("gpt2", "transformer.h.0.attn.bias"),
        ("gpt_neox", "gpt_neox.layers.0.attention.rotary_emb.inv_freq"),
        ("llama", "model.layers.0.self_attn.rotary_emb.inv_freq"),
    ],
)
def test_constants_that_older_releases_saved_do_no_harm(
    architecture: str, leftover: str, tmp_path: Path
) -> None:
    folder = zoo.build(architecture, tmp_path / "m")
    path = folder / "model.safetensors"
    save_file({**load_file(path), leftover: torch.ones(4)}, path, metadata={"format": "pt"})
    assert load_model(spec(folder)).weights


def test_config_that_is_not_json(llama: Path) -> None:
    (llama / "config.json").write_text("{")
    refused(llama, "is not valid JSON")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_named(llama: Path, value: float) -> None:
    path = llama / "model.safetensors"
    tensors = load_file(path)
    tensors["model.layers.1.mlp.up_proj.weight"][3, 4] = value
    save_file(tensors, path, metadata={"format": "pt"})
    refused(llama, r"tensor model\.layers\.1\.mlp\.up_proj\.weight holds NaN or infinite")


def test_values_that_do_not_fit_the_dtype_are_named(llama: Path) -> None:
    path = llama / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"][0] = 1e6
    save_file(tensors, path, metadata={"format": "pt"})
    refused(llama, r"model\.norm\.weight holds NaN or infinite values in float16", dtype="float16")


def test_a_missing_or_broken_tokenizer(llama: Path) -> None:
    (llama / "tokenizer.json").write_text("{}")
    refused(llama, "tokenizer in .* cannot be read")
    (llama / "tokenizer.json").unlink()
    refused(llama, r"has no tokenizer \(such as tokenizer.json\)")


def test_a_tokenizer_of_another_model_is_refused_once_a_text_uses_its_ids(llama: Path) -> None:
    zoo.build("llama", llama, vocab_size=300)
    loaded = load_model(spec(llama))
    assert loaded.module(torch.tensor([[299]])).logits.shape == (1, 1, 300)
    with pytest.raises(InputError, match="token ids up to 300, the model has 300 embeddings"):
        loaded.module(torch.tensor([[5, 300]]))


@pytest.mark.parametrize(
    ("leftover", "accepted"),
    [
        ("model.layers.0.self_attn.rotary_emb.cos_cached", True),
        ("model.layers.1.self_attn.bias", True),
        ("model.some.statistics", True),
        ("value_head.norm.weight", True),
        ("model.layers.1.self_attn.q_proj.bias", False),  # config.json switches it off
        ("model.layers.2.mlp.up_proj.weight", False),  # of a layer that config.json lacks
        ("model.layers.0.self_attn.q_proj.lora_A.weight", False),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_tensors_that_the_model_has_no_use_for(
    llama: Path, leftover: str, accepted: bool, stream: bool
) -> None:
    path = llama / "model.safetensors"
    save_file({**load_file(path), leftover: torch.ones(4)}, path, metadata={"format": "pt"})
    if accepted:
        assert load_model(spec(llama, stream=stream)).ignored == (leftover,)
    else:
        refused(llama, "has unexpected 1 of the tensors", stream=stream)


def test_a_model_too_large_for_the_memory_is_streamed_unless_that_is_forbidden(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "free_memory_bytes", lambda: 100_000)
    assert load_model(spec(llama)).streamed
    with pytest.raises(AtlasError, match=r"needs 0\.2 MB for its weights in float32; the memory"):
        load_model(spec(llama, stream=False))
    monkeypatch.undo()
    assert not load_model(spec(llama)).streamed


def test_a_model_too_large_for_one_gpu_goes_over_several(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = read_entries(llama).values()
    needed = 4 * sum(entry.size for entry in entries)
    monkeypatch.setattr(placement, "free_gpu_bytes", lambda device: needed * 2 // 3)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    asked = ModelSpec(source=str(llama), dtype="float32", device="cuda")
    assert placement.place(asked, entries) is Placement.SPREAD
    assert placement.place(replace(asked, device="cuda:0"), entries) is Placement.STREAMED
    assert placement.place(replace(asked, dtype="bfloat16"), entries) is Placement.MEMORY
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")  # each process has a GPU of its own
    assert placement.place(asked, entries) is Placement.STREAMED


def test_memory_that_runs_out_while_loading_is_a_sentence(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(AtlasError, match="does not fit into the memory of cpu"):
        load_model(spec(llama))


def test_sums_of_a_model_in_two_places_are_those_of_one_in_memory(tmp_path: Path) -> None:
    folder = zoo.build("gemma3_text", tmp_path / "m", layers=3)
    whole = load_model(spec(folder))
    parts = ("embed_tokens", "norm", "rotary_emb", "layers.0", "layers.2")
    places = {f"model.{part}": "cpu" for part in parts}
    places |= {"model.layers.1": "disk", "lm_head": "cpu"}
    module, _ = loading.read_weights(whole.spec, folder, places)
    _, layers = find_decoder_layers(module, 3)
    spread = replace(whole, module=module, layers=layers)
    assert next(layers[1].parameters()).is_meta
    ids = torch.arange(60).reshape(3, 20)
    batches = [(ids, torch.ones_like(ids, dtype=torch.bool))]
    expected = channel_sums(whole, batches, whole.weights)
    sums = channel_sums(spread, batches, whole.weights)
    for key, values in expected.sum_sq.items():
        assert np.array_equal(sums.sum_sq[key], values)
