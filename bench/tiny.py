"""A tiny configuration of any architecture that transformers has, made from its defaults."""

from __future__ import annotations

from typing import Any

from transformers import CONFIG_MAPPING

VOCABULARY = 4096  # as the demo model's tokenizer
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "embedding_size"), 32),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "n_groups", "mamba_n_groups"), 2),
    **dict.fromkeys(
        ("intermediate_size", "ffn_dim", "n_inner", "d_inner", "dff", "ffn_hidden_size"), 48
    ),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 24),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk", "moe_k"), 2),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts", "first_k_dense_replace"), 1),
    **dict.fromkeys(("head_dim", "attention_head_dim", "v_head_dim", "d_kv", "mamba_d_head"), 8),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "rotary_dim", "mamba_d_state"), 8),
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank", "state_size", "ssm_state_size"), 16),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx"), 256),
    **dict.fromkeys(("word_embed_proj_dim", "decoder_ffn_dim"), 32),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 2),
    **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), 1),
    **dict.fromkeys(("chunk_size", "mamba_chunk_size"), 16),
    "vocab_size": VOCABULARY,
    "is_decoder": True,
    "mamba_n_heads": 8,
    "sliding_window": 8,
}
PARTICULAR: dict[str, dict[str, Any]] = {
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 4]]},
    "longformer": {"attention_window": 8},
}


def tiny_config(model_type: str, layers: int) -> Any:
    """A configuration of so many decoder layers, where the architecture leaves the choice."""
    kind = CONFIG_MAPPING[model_type]
    plain = kind()
    known = {**plain.to_dict(), **{name: 0 for name in kind.attribute_map if name}}
    names = {kind.attribute_map.get(name, name) for name in known}
    sizes = {**SIZES, **dict.fromkeys(LAYERS, layers), **PARTICULAR.get(model_type, {})}
    chosen = {name: value for name, value in sizes.items() if name in names}
    if model_type == "gpt_neo":
        chosen["attention_types"] = [[["global"], layers]]
    for name in ("layer_types", "layers_block_type", "mlp_layer_types"):
        listed = getattr(plain, name, None)
        if isinstance(listed, list) and name in known:
            chosen[name] = _kinds(listed, layers)
    return kind(**chosen)


def _kinds(listed: list[Any], layers: int) -> list[Any]:
    """Kinds of layers for a short model, in which each kind that there is comes as soon as may be."""
    kinds = list(dict.fromkeys(listed))
    return [kinds[index % len(kinds)] for index in range(layers)]
