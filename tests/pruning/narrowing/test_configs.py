"""What each architecture's configuration can say, and the sentence where it cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pruning.errors import InputError
from pruning.narrowing.configs import describe, shortened
from pruning.specs.narrowing import NarrowSpec, parse_removal, removed_of
from tests.pruning.zoo import new_model


def config_of(architecture: str, layers: int = 3, **changes: Any) -> dict[str, Any]:
    model = new_model(architecture, layers=layers, **changes)
    config: dict[str, Any] = json.loads(model.config.to_json_string(use_diff=False))
    return config | {"architectures": [type(model).__name__]}


@pytest.mark.parametrize(
    ("architecture", "fields"),
    [
        ("llama", {"intermediate_size": 56}),
        ("gpt2", {"n_inner": 60}),
        ("opt", {"ffn_dim": 80}),
        ("mixtral", {"intermediate_size": 28}),
        ("qwen2_moe", {"moe_intermediate_size": 16, "shared_expert_intermediate_size": 40}),
        ("deepseek_v2", {"intermediate_size": 28, "moe_intermediate_size": 16}),
    ],
)
def test_the_fields_that_say_a_width(architecture: str, fields: dict[str, int]) -> None:
    shape = describe(config_of(architecture), NarrowSpec(channels=0.3, multiple=4))
    assert shape.config == fields
    assert {part.layer for part in shape.parts} == {0, 1, 2}


def test_gpt2_s_usual_width_is_written_out() -> None:
    shape = describe(config_of("gpt2", n_inner=None), NarrowSpec(channels=0.5))
    assert shape.config == {"n_inner": 64}  # 4 x 36 = 144 before
    assert {part.units for part in shape.parts} == {144}


def test_fused_rows() -> None:
    spec = NarrowSpec(channels=0.3, heads=1, multiple=4)
    heads, channels = describe(config_of("phi3"), spec).parts[:2]
    assert [heads.kind, channels.kind] == ["heads", "channels"]
    assert heads.producers[0].segments == ((0, 24), (48, 12), (72, 12))
    assert channels.producers[0].segments == ((0, 1), (68, 1))


def test_a_head_keeps_its_size() -> None:
    shape = describe(config_of("qwen2"), NarrowSpec(heads=0.5))
    assert shape.config == {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 14}


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "gpt_neox"])
def test_heads_that_follow_from_the_hidden_size(architecture: str) -> None:
    with pytest.raises(InputError, match="cannot say how large a head is"):
        describe(config_of(architecture), NarrowSpec(heads=1))


def test_heads_of_latent_attention() -> None:
    with pytest.raises(
        InputError, match=r"not known which rows and columns of self_attn\.q_b_proj"
    ):
        describe(config_of("deepseek_v3"), NarrowSpec(heads=0.5))


def test_a_norm_over_all_heads() -> None:
    with pytest.raises(InputError, match=r"q_norm\.weight spans all heads"):
        describe(config_of("olmoe", num_key_value_heads=2), NarrowSpec(heads=0.5))


def test_one_group_of_heads_cannot_go() -> None:
    with pytest.raises(InputError, match="removes none"):
        describe(config_of("gemma"), NarrowSpec(heads=0.5))


def test_lists_of_layers_are_shortened() -> None:
    config = config_of("gemma3_text", layers=4)
    assert shortened(config, [0, 1, 3]) == {
        "num_hidden_layers": 3,
        "layer_types": ["sliding_attention", "full_attention", "full_attention"],
    }


def test_gpt2_s_name_for_the_number_of_layers() -> None:
    assert shortened(config_of("gpt2"), [0, 2]) == {"n_layer": 2}


def test_a_first_dense_layer_cannot_go() -> None:
    config = config_of("deepseek_v2")
    assert shortened(config, [0, 2]) == {"num_hidden_layers": 2}
    with pytest.raises(InputError, match="cannot say which layers are left"):
        shortened(config, [1, 2])


def test_attention_scaled_by_the_layer_s_number() -> None:
    config = config_of("gpt2", scale_attn_by_inverse_layer_idx=True)
    with pytest.raises(InputError, match="another scaling"):
        shortened(config, [0, 2])


@pytest.mark.parametrize(
    ("amount", "total", "multiple", "left"),
    [
        (0.2, 704, 32, 576), (0.3, 704, 32, 480), (0.5, 704, 32, 352), (0.1, 704, 32, 640),
        (0.29, 100, 1, 71), (2, 8, 1, 6), (0.5, 4, 1, 2), (0.25, 2, 1, None), (8, 8, 1, None),
        (0.99, 704, 32, None), (0.01, 704, 32, None),
    ],
)  # fmt: skip
def test_how_many_are_left(amount: float, total: int, multiple: int, left: int | None) -> None:
    if left is None:
        with pytest.raises(InputError, match=r"remove|leave"):
            removed_of(amount, total, "parts", multiple)
    else:
        assert total - removed_of(amount, total, "parts", multiple) == left


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Say what to remove"),
        ({"channels": -0.1}, "neither a share"),
        ({"channels": 1.5}, "neither a share"),
        ({"layers": float("nan")}, "neither a share"),
        ({"channels": 0.2, "choice": "best"}, "chosen by one of"),
        ({"channels": 0.2, "refit": False}, "counts on the refit"),
        ({"channels": 0.2, "multiple": 0}, "whole number, 1 or more"),
    ],
)
def test_what_cannot_be_asked_for(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        NarrowSpec(**fields)


def test_removals_in_words() -> None:
    assert parse_removal("channels=0.2, weights") == {"channels": 0.2, "weights": None}
    for text in ("neurons=0.2", "channels", "weights=0.5", "channels=x", "layers=1,layers=2"):
        with pytest.raises(InputError):
            parse_removal(text)
