"""Configurations from elsewhere: infinities are read, and impossible sizes refused before building."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from transformers import CONFIG_MAPPING

from bench import field
from pruning.errors import InputError
from pruning.models.bounds import at_most_modules, check_counts
from pruning.models.loading import load_model
from pruning.models.support import parse_config, skeleton
from pruning.specs import ModelSpec


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 10**7},
        {"num_hidden_layers": 10**30},
        {"num_hidden_layers": 1e300},
        {"text_config": {"num_hidden_layers": 2_001}},
        {"model_type": "gpt2", "n_layer": 10**7},
        {"model_type": "mixtral", "num_local_experts": 10**7},
        {"model_type": "mixtral", "num_hidden_layers": 1000, "num_local_experts": 1000},
        {"layer_types": ["full_attention"] * 20_000},
        {"hidden_size": 10**400},
    ],
)
def test_impossible_sizes_are_a_sentence(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Models of that size are not supported"):
        skeleton({"model_type": "llama", **changes})


def test_the_largest_published_sizes_are_within_bounds() -> None:
    check_counts({"num_hidden_layers": 61, "n_routed_experts": 384, "vocab_size": 256_000})
    check_counts({"num_hidden_layers": 126, "max_position_embeddings": 10_485_760, "x": math.inf})


def test_building_stops_at_a_number_of_modules() -> None:
    from transformers import AutoModelForCausalLM

    config = CONFIG_MAPPING["gpt2"](n_layer=4, n_embd=8, n_head=2, vocab_size=9)
    with pytest.raises(InputError, match="describes more than 20 modules"), at_most_modules(20):
        AutoModelForCausalLM.from_config(config)
    with at_most_modules(200):
        AutoModelForCausalLM.from_config(config)


def test_an_infinity_as_transformers_writes_it(tmp_path: Path) -> None:
    config = CONFIG_MAPPING["mamba2"](time_step_limit=(0.0, math.inf))
    config.save_pretrained(tmp_path)
    assert "__float__" in (tmp_path / "config.json").read_text()
    parsed = parse_config(
        {"model_type": "mamba2", "time_step_limit": [0.0, {"__float__": "Infinity"}]}
    )
    assert list(parsed.time_step_limit) == [0.0, math.inf]


def test_what_is_no_mixture_of_experts_is_not_called_one(tmp_path: Path) -> None:
    field.save_tiny("xlnet", 2, tmp_path)
    with pytest.raises(InputError, match="several matrices in one piece") as refusal:
        load_model(ModelSpec(source=str(tmp_path), device="cpu"))
    assert "expert" not in str(refusal.value)
