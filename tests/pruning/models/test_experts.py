"""Mixtures of experts: taken apart without a change, and each expert summed by its own tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from pruning.calibration import passages as collection
from pruning.calibration.decoder import check_layer_by_layer
from pruning.calibration.passages import channel_sums
from pruning.errors import InputError
from pruning.exports.verifying import verify
from pruning.exports.writing import export
from pruning.masks.sequential import prune_sequential
from pruning.models.experts import Experts, expert_around, is_fused, split_experts
from pruning.models.inspection import inspect_model
from pruning.models.loading import LoadedModel, load_model
from pruning.specs import ExportSpec, ModelSpec, PruneSpec, WeightKey
from tests.pruning import zoo
from tests.pruning.finished_run import finished_run
from tests.pruning.masks.test_sequential import random_sample
from tests.pruning.plain import plain_sums

TAKE_LONG = ("hunyuan_v1_moe", "phimoe", "qwen3_next")  # to build
STORED = {  # what the checkpoint calls an expert's matrices, in our order: gate, up, down
    "mixtral": ("block_sparse_moe", ("w1", "w3", "w2")),
    "qwen2_moe": ("mlp", ("gate_proj", "up_proj", "down_proj")),
    "qwen3_moe": ("mlp", ("gate_proj", "up_proj", "down_proj")),
    "olmoe": ("mlp", ("gate_proj", "up_proj", "down_proj")),
}


def tokens(seed: int = 0) -> tuple[Tensor, Tensor]:
    """(5, 20) ids, and which of them count."""
    ids = torch.randint(3, 380, (5, 20), generator=torch.Generator().manual_seed(seed))
    return ids, ids % 7 != 0


@pytest.mark.parametrize("architecture", zoo.EXPERTS)
def test_logits_are_those_of_the_experts_in_one_piece(
    architecture: str, tiny_folder: Callable[..., Path], tiny_model: Callable[..., LoadedModel]
) -> None:
    whole: Any = AutoModelForCausalLM.from_pretrained(
        tiny_folder(architecture), experts_implementation="eager"
    )
    loaded = tiny_model(architecture)
    ids, _ = tokens()
    with torch.inference_mode():
        expected = whole.eval()(ids, use_cache=False).logits
        found = loaded.module(ids, use_cache=False).logits
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    check_layer_by_layer(loaded)


@pytest.mark.parametrize("architecture", zoo.EXPERTS)
def test_every_matrix_of_every_expert_is_a_weight_with_the_checkpoints_name(
    architecture: str, tiny_folder: Callable[..., Path], tiny_model: Callable[..., LoadedModel]
) -> None:
    loaded, folder = tiny_model(architecture), tiny_folder(architecture)
    block, names = STORED[architecture]
    stored = load_file(folder / "model.safetensors")
    by_key = {weight.key: weight for weight in loaded.weights}
    count = len(loaded.layers[0].mlp.experts)
    for layer in range(2):
        for expert in range(count):
            gate, up, down = (
                by_key[WeightKey(layer=layer, name=f"mlp.experts.{expert}.{name}")]
                for name in names
            )
            assert gate.key.expert == up.key.expert == down.key.expert == expert
            assert gate.input_name == up.input_name == gate.key.name
            assert down.input_name == down.key.name
            for weight in (gate, up, down):
                name = weight.key.name.removeprefix("mlp.")
                assert weight.tensor == f"model.layers.{layer}.{block}.{name}.weight"
                assert torch.equal(loaded.matrix(weight.key), stored[weight.tensor])
    routed = {key.name for key in by_key if key.expert is None}
    shared = {f"mlp.shared_expert.{name}" for name in names} if architecture == "qwen2_moe" else {}
    attention = {f"self_attn.{name}_proj" for name in "qkvo"}
    assert routed == {*attention, *shared}  # no router, and no gate of the shared expert
    assert inspect_model(str(folder)).shapes == {w.key: w.shape for w in loaded.weights}


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in TAKE_LONG else [])
        for name in zoo.FURTHER_EXPERTS
    ],
)
def test_further_mixtures_go_all_the_way(architecture: str, tmp_path: Path) -> None:
    """Same logits, a tensor for every matrix, no router among them, and an export that is right."""
    run = finished_run(architecture, tmp_path, layers=2)
    whole: Any = AutoModelForCausalLM.from_pretrained(
        tmp_path / "base", experts_implementation="eager"
    )
    loaded = load_model(run.spec.model)
    ids, _ = tokens()
    with torch.inference_mode():
        expected = whole.eval()(ids, use_cache=False).logits
        found = loaded.module(ids, use_cache=False).logits
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)
    stored = load_file(tmp_path / "base" / "model.safetensors")
    for weight in run.weights:
        assert torch.equal(loaded.matrix(weight.key), stored[str(weight.tensor)]), weight
    experts = {(weight.key.layer, weight.key.expert) for weight in run.weights}
    assert {number for _, number in experts} >= set(range(6))
    assert not any(weight.shape[0] in (1, 6) for weight in run.weights)  # what a router gives
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=PruneSpec())
    assert verify(export(run, spec, tmp_path / "out").folder).ok


def plain_expert_sums(loaded: LoadedModel, ids: Tensor, valid: Tensor) -> dict[WeightKey, Any]:
    """What each expert of the last layer reads, from the router's own answer: key -> (sum, n)."""
    block = loaded.layers[1].mlp
    seen: list[Any] = []
    handles = [
        block.gate.register_forward_hook(lambda _, inputs, out: seen.append((inputs[0], out[2])))
    ]
    with torch.inference_mode():
        loaded.module(ids, use_cache=False)
    handles[0].remove()
    hidden, chosen = seen[0]
    hidden = hidden.reshape(-1, hidden.shape[-1]).double()
    found = {}
    for number, expert in enumerate(block.experts):
        here = (chosen == number).any(dim=1) & valid.flatten()
        gate, up, down = list(expert.children())[:3]
        routed = hidden[here]
        inner = torch.nn.functional.silu(routed @ gate.weight.double().T) * (
            routed @ up.weight.double().T
        )
        for linear, inputs in ((gate, routed), (down, inner)):
            name = next(n for n, m in block.named_modules() if m is linear)
            found[WeightKey(layer=1, name=f"mlp.{name}")] = (
                inputs.square().sum(0).numpy(),
                int(here.sum()),
            )
    return found


@pytest.mark.parametrize("architecture", zoo.EXPERTS)
def test_an_experts_sums_are_over_the_valid_tokens_that_are_routed_to_it(
    architecture: str, tiny_model: Callable[..., LoadedModel]
) -> None:
    loaded = tiny_model(architecture)
    ids, valid = tokens()
    batches = [(ids[:3], valid[:3]), (ids[3:], valid[3:])]
    stats = channel_sums(loaded, batches, loaded.weights)
    expected = plain_expert_sums(loaded, ids, valid)
    assert {key for key in stats.sum_sq if key.layer == 1 and key.expert is not None} == set(
        expected
    )
    for key, (sums, count) in expected.items():
        assert stats.tokens[key].tolist() == [count]
        assert np.allclose(stats.sum_sq[key][0], sums, rtol=1e-4, atol=1e-6), key
    everyone = [weight.key for weight in loaded.weights if weight.key.expert is None]
    plain = plain_sums(loaded, ids.numpy(), valid.numpy(), everyone)
    for key in everyone:
        found = stats.sum_sq[loaded.weight(key).input_key][0]
        assert np.allclose(found, plain[key], rtol=1e-4), key
    choices = loaded.module.config.num_experts_per_tok
    gates = [k for k in expected if loaded.weight(k).shape[1] == 32 and "down" not in k.name]
    routed = sum(int(stats.tokens[key][0]) for key in gates if not key.name.endswith("w2"))
    assert routed == choices * int(valid.sum())


@pytest.mark.parametrize("architecture", zoo.EXPERTS)
def test_streamed_sums_and_sequential_masks_are_those_of_the_model_in_memory(
    architecture: str,
    tiny_model: Callable[..., LoadedModel],
    tiny_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = tiny_model(architecture)
    streamed = load_model(
        ModelSpec(source=str(tiny_folder(architecture)), device="cpu", stream=True)
    )
    assert streamed.weights == whole.weights
    ids, valid = tokens(1)
    expected = channel_sums(whole, [(ids, valid)], whole.weights)
    found = channel_sums(streamed, [(ids, valid)], streamed.weights)
    for key, values in expected.sum_sq.items():
        assert np.array_equal(found.sum_sq[key], values), key
        assert np.array_equal(found.tokens[key], expected.tokens[key]), key
    monkeypatch.setattr(collection, "HELD_SHARE", 0)
    samples = [(random_sample(1, samples=3, length=12), 1.0)]
    masks = prune_sequential(streamed, samples, PruneSpec(sparsity=0.6), 2)
    for key, mask in prune_sequential(whole, samples, PruneSpec(sparsity=0.6), 2).items():
        assert np.array_equal(masks[key].unpack(), mask.unpack()), key
        assert mask.count() == mask.shape[0] * (mask.shape[1] - int(mask.shape[1] * 0.6))


def test_an_expert_without_a_token_has_sums_of_zero(
    tiny_model: Callable[..., LoadedModel],
) -> None:
    loaded = tiny_model("qwen3_moe")
    ids, valid = torch.full((1, 4), 5), torch.ones(1, 4, dtype=torch.bool)
    stats = channel_sums(loaded, [(ids, valid)], loaded.weights)
    silent = [key for key in stats.tokens if not stats.tokens[key].sum()]
    assert silent
    assert all(key.expert is not None and not stats.sum_sq[key].any() for key in silent)
    assert set(silent) <= stats.starved
    assert {key for key in stats.tokens if key.expert is not None} == set(stats.starved)


def test_what_decides_for_no_expert_is_left_out() -> None:
    model = zoo.new_model("mixtral")
    split_experts(model)
    experts = model.model.layers[0].mlp.experts
    assert isinstance(experts, Experts)
    hidden = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    index, weights = torch.tensor([[0, 4], [4, 4], [1, 0]]), torch.full((3, 2), 0.5)
    result = experts(hidden, index, weights)
    assert not result[1].any()
    alone = 0.5 * experts[0](hidden, torch.tensor([0]))
    assert torch.allclose(result[0], alone[0], atol=1e-6)


def test_the_experts_share_the_memory_of_the_fused_tensors() -> None:
    model = zoo.new_model("olmoe")
    fused = model.model.layers[0].mlp.experts.down_proj
    split_experts(model)
    layer = model.model.layers[0]
    view = layer.mlp.experts[2].down_proj.weight
    assert view.data_ptr() == fused[2].data_ptr()
    assert expert_around(layer, "mlp.experts.2.down_proj") is layer.mlp.experts[2]
    assert expert_around(layer, "self_attn.q_proj") is None


def test_experts_of_another_form_are_refused(tmp_path: Path) -> None:
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 40,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "num_local_experts": 4,
    }
    folder = zoo.build("llama", tmp_path / "m")
    zoo.edit_config(folder, model_type="gpt_oss", architectures=["GptOssForCausalLM"], **sizes)
    with pytest.raises(InputError, match="GptOssForCausalLM has mixture-of-experts layers of a"):
        load_model(ModelSpec(source=str(folder), device="cpu"))


def test_experts_that_compute_in_their_own_way_are_noticed() -> None:
    fused = zoo.new_model("mixtral").model.layers[0].mlp.experts
    assert is_fused(fused)

    class Clamped(type(fused)):  # type: ignore[misc]
        def forward(self, hidden: Tensor, index: Tensor, weights: Tensor) -> Tensor:
            return super().forward(hidden, index, weights).clamp(max=7)

    fused.__class__ = Clamped
    fused.config._experts_implementation = "eager"
    assert not is_fused(fused)


def test_a_checkpoint_with_experts_in_one_tensor_is_refused(tmp_path: Path) -> None:
    folder = zoo.build("qwen3_moe", tmp_path / "m")
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for layer in range(2):
        start = f"model.layers.{layer}.mlp.experts"
        parts = {
            name: torch.stack([tensors.pop(f"{start}.{n}.{name}.weight") for n in range(8)])
            for name in ("gate_proj", "up_proj", "down_proj")
        }
        tensors[f"{start}.gate_up_proj"] = torch.cat([parts["gate_proj"], parts["up_proj"]], 1)
        tensors[f"{start}.down_proj"] = parts["down_proj"]
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(InputError, match="stores the experts of Qwen3MoeForCausalLM in one"):
        load_model(ModelSpec(source=str(folder), device="cpu"))
