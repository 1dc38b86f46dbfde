"""Decoder layers, prunable weights and shared inputs are discovered in every architecture."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from pruning.errors import InputError
from pruning.models.architecture import (
    PrunableWeight,
    check_causal,
    check_layers,
    discover_weights,
    find_decoder_layers,
    shared_inputs,
)
from pruning.specs import WeightKey
from tests.pruning import zoo

SEPARATE = {
    "self_attn.q_proj": "self_attn.q_proj",
    "self_attn.k_proj": "self_attn.q_proj",
    "self_attn.v_proj": "self_attn.q_proj",
    "self_attn.o_proj": "self_attn.o_proj",
    "mlp.gate_proj": "mlp.gate_proj",
    "mlp.up_proj": "mlp.gate_proj",
    "mlp.down_proj": "mlp.down_proj",
}
OWN_INPUT = {
    "phi3": ("self_attn.o_proj", "self_attn.qkv_proj", "mlp.gate_up_proj", "mlp.down_proj"),
    "gpt2": ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"),
    "gpt_neox": (
        "attention.query_key_value",
        "attention.dense",
        "mlp.dense_h_to_4h",
        "mlp.dense_4h_to_h",
    ),
}
EXPECTED = {
    **{name: {weight: weight for weight in weights} for name, weights in OWN_INPUT.items()},
    "opt": {
        "self_attn.k_proj": "self_attn.k_proj",
        "self_attn.v_proj": "self_attn.k_proj",
        "self_attn.q_proj": "self_attn.k_proj",
        "self_attn.out_proj": "self_attn.out_proj",
        "fc1": "fc1",
        "fc2": "fc2",
    },
    "starcoder2": {
        **{name: first for name, first in SEPARATE.items() if name.startswith("self_attn")},
        "mlp.c_fc": "mlp.c_fc",
        "mlp.c_proj": "mlp.c_proj",
    },
}


@pytest.mark.parametrize("architecture", zoo.ARCHITECTURES)
def test_every_linear_map_of_a_layer_is_found_with_its_input(architecture: str) -> None:
    model = zoo.new_model(architecture, layers=3)
    name, layers = find_decoder_layers(model, 3)
    check_layers(model, layers)
    check_causal(model)
    weights = discover_weights(model, name, layers)
    expected = EXPECTED.get(architecture, SEPARATE)
    assert [weight.key.layer for weight in weights] == sorted([0, 1, 2] * len(expected))
    for layer in range(3):
        found = {w.key.name: w.input_name for w in weights if w.key.layer == layer}
        assert found == expected
    for weight in weights:
        parameter = model.get_parameter(weight.parameter)
        stored = tuple(parameter.shape)
        assert weight.shape == (stored[::-1] if weight.transposed else stored)
        assert weight.transposed == (architecture == "gpt2")


@pytest.mark.parametrize("architecture", zoo.ARCHITECTURES)
def test_embeddings_and_output_head_are_never_prunable(architecture: str) -> None:
    model = zoo.new_model(architecture, tie_word_embeddings=False)
    name, layers = find_decoder_layers(model, 2)
    prunable = {id(model.get_parameter(w.parameter)) for w in discover_weights(model, name, layers)}
    assert id(model.get_input_embeddings().weight) not in prunable
    assert id(model.get_output_embeddings().weight) not in prunable


def test_parallel_branches_that_read_one_norm_share_their_input() -> None:
    config = CONFIG_MAPPING["phi"](
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    model = AutoModelForCausalLM.from_config(config).eval()
    readers = shared_inputs(model, find_decoder_layers(model, 2)[1])
    names = [key.name for key, first in readers.items() if key.layer == 1 and "q_proj" in first]
    assert names == ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.fc1"]


def test_an_input_that_is_changed_in_place_is_a_different_input() -> None:
    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = nn.Linear(4, 4)
            self.third = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = self.first(x), self.second(x.view(-1, 4)).view(x.shape)
            x.mul_(2)
            return a + b + self.third(x)

    readers = shared_inputs(_Toy(Layer(), Layer()), nn.ModuleList())
    assert readers == {}
    toy = _Toy(Layer(), Layer())
    readers = shared_inputs(toy, toy.layers)
    assert [readers[WeightKey(layer=0, name=n)] for n in ("first", "second", "third")] == [
        "first",
        "first",
        "third",
    ]


def test_hooks_are_gone_after_a_failed_probe() -> None:
    model = zoo.new_model("llama")
    _, layers = find_decoder_layers(model, 2)

    def cancel(*_: object) -> None:
        raise KeyboardInterrupt

    handle = layers[1].mlp.down_proj.register_forward_hook(cancel)
    with pytest.raises(KeyboardInterrupt):
        shared_inputs(model, layers)
    handle.remove()
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_model_without_decoder_layers_is_refused() -> None:
    with pytest.raises(InputError, match="No decoder layers were found in Linear"):
        find_decoder_layers(nn.Linear(2, 2), 2)


def test_two_lists_of_layers_are_ambiguous() -> None:
    model = nn.Module()
    model.encoder = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    model.decoder = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    with pytest.raises(InputError, match=r"more than one list of 2 layers \(encoder, decoder\)"):
        find_decoder_layers(model, 2)


def test_a_list_inside_a_layer_is_not_the_decoder() -> None:
    def layer() -> nn.Module:
        block = nn.Module()
        block.branches = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
        return block

    model = nn.Module()
    model.layers = nn.ModuleList([layer(), layer()])
    assert find_decoder_layers(model, 2)[0] == "layers"


def test_a_linear_map_that_never_runs_is_refused() -> None:
    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = nn.Linear(4, 4)
            self.by_hand = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x) @ self.by_hand.weight

    toy = _Toy(Layer(), Layer())
    with pytest.raises(InputError, match="does not use by_hand of layer 0"):
        discover_weights(toy, "layers", toy.layers)


def test_layers_that_share_a_weight_are_refused() -> None:
    model = nn.Module()
    shared = nn.Linear(2, 2)
    model.layers = nn.ModuleList([nn.Sequential(shared), nn.Sequential(shared)])
    with pytest.raises(InputError, match="shares one weight"):
        check_layers(model, model.layers)


def test_an_encoder_is_noticed_by_what_it_sees() -> None:
    config = CONFIG_MAPPING["bert"](
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        is_decoder=False,
    )
    model = AutoModelForCausalLM.from_config(config).eval()
    zoo.randomise(model, 0)
    with pytest.raises(InputError, match="it is an encoder"):
        check_causal(model)


def test_a_model_that_overflows_its_dtype_is_refused() -> None:
    model = zoo.new_model("llama").half()
    with torch.no_grad():
        model.model.norm.weight.fill_(60000)
    with pytest.raises(InputError, match="NaN or infinite values in float16; choose bfloat16"):
        check_causal(model)
    check_causal(model.float())


def test_a_prunable_weight_survives_json() -> None:
    weight = PrunableWeight(
        key=WeightKey(layer=3, name="mlp.c_fc"),
        shape=(84, 36),
        input_name="mlp.c_fc",
        parameter="transformer.h.3.mlp.c_fc.weight",
        transposed=True,
        tensor="h.3.mlp.c_fc.weight",
        file="model.safetensors",
    )
    assert PrunableWeight.from_json(weight.to_json()) == weight
    assert weight.input_key == weight.key


class _Toy(nn.Module):
    """Embedding and layers, called as a causal language model is."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.embedding = nn.Embedding(16, 4)
        self.layers = nn.ModuleList(layers)

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def forward(self, input_ids: torch.Tensor, use_cache: bool = False) -> torch.Tensor:
        x = self.embedding(input_ids)
        for layer in self.layers:
            x = layer(x)
        return x
