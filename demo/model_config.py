"""The shape of the demo model: a small Llama."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """Sizes of a Llama decoder; the defaults are the demo model's 5.5 million parameters.

    Chosen for what two CPU cores can train in one or two hours: at this budget a larger model sees
    too few tokens, and every spare parameter would blur what pruning is to show.
    """

    hidden: int = 256
    layers: int = 6
    intermediate: int = 704
    heads: int = 4
    key_value_heads: int = 2
    positions: int = 1024


def new_model(
    size: ModelSize, *, vocabulary: int, end_of_text: int, padding: int, seed: int
) -> LlamaForCausalLM:
    """Build an untrained model with tied embeddings, its weights drawn for the seed."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=size.hidden,
            num_hidden_layers=size.layers,
            intermediate_size=size.intermediate,
            num_attention_heads=size.heads,
            num_key_value_heads=size.key_value_heads,
            max_position_embeddings=size.positions,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end_of_text,
            pad_token_id=padding,
        )
    )
