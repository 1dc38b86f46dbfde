"""Tiny models of every supported architecture, saved as a person's folder would be.

`build("llama", folder)` writes config, safetensors and a byte-level tokenizer, as
`save_pretrained` does. Weights are random but large enough that every layer changes its input
visibly, and sizes differ between architectures so that a mixed-up axis is noticed.
"""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

END_OF_TEXT = "<|endoftext|>"
BEGIN_OF_TEXT = "<|begin|>"
PADDING = "<|pad|>"
VOCABULARY = 384
ADDS_BEGIN_OF_TEXT = ("llama", "llama_gqa", "mistral", "gemma", "gemma2", "gemma3_text")

_SIZES: dict[str, dict[str, Any]] = {
    "llama": {"hidden_size": 32, "intermediate_size": 80, "num_attention_heads": 4},
    "llama_gqa": {
        "hidden_size": 48,
        "intermediate_size": 104,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
    },
    "mistral": {
        "hidden_size": 40,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "sliding_window": 8,
    },
    "gemma": {
        "hidden_size": 32,
        "intermediate_size": 72,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 24,
    },
    "gemma2": {
        "hidden_size": 36,
        "intermediate_size": 88,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "query_pre_attn_scalar": 16,
        "sliding_window": 8,
    },
    "gemma3_text": {
        "hidden_size": 44,
        "intermediate_size": 92,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "query_pre_attn_scalar": 16,
        "sliding_window": 8,
    },
    "qwen2": {
        "hidden_size": 56,
        "intermediate_size": 76,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "qwen3": {
        "hidden_size": 32,
        "intermediate_size": 100,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 12,
    },
    "phi3": {
        "hidden_size": 48,
        "intermediate_size": 68,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
    "gpt2": {"n_embd": 36, "n_inner": 84, "n_head": 3},
    "opt": {
        "hidden_size": 40,
        "ffn_dim": 112,
        "num_attention_heads": 4,
        "word_embed_proj_dim": 40,
    },
    "gpt_neox": {"hidden_size": 32, "intermediate_size": 116, "num_attention_heads": 4},
    "starcoder2": {
        "hidden_size": 48,
        "intermediate_size": 120,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "sliding_window": 8,
    },
}
ARCHITECTURES: tuple[str, ...] = tuple(_SIZES)
_SIZES_OF_EXPERTS: dict[str, dict[str, Any]] = {
    "mixtral": {"intermediate_size": 40, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2_moe": {
        "moe_intermediate_size": 24,
        "shared_expert_intermediate_size": 56,
        "num_experts": 6,
        "num_experts_per_tok": 2,
    },
    "qwen3_moe": {
        "moe_intermediate_size": 28,
        "num_experts": 8,
        "num_experts_per_tok": 3,
        "head_dim": 12,
        "norm_topk_prob": True,
    },
    "olmoe": {"intermediate_size": 20, "num_experts": 6, "num_experts_per_tok": 2},
}
EXPERTS: tuple[str, ...] = tuple(_SIZES_OF_EXPERTS)
_LATENT_ATTENTION = {
    "num_key_value_heads": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
}
_GROUPED = {"n_routed_experts": 6, "n_group": 1, "topk_group": 1, "n_shared_experts": 1}
_SIZES_OF_FURTHER_EXPERTS: dict[str, dict[str, Any]] = {
    "deepseek_v2": {**_GROUPED, **_LATENT_ATTENTION, "first_k_dense_replace": 1},
    "deepseek_v3": {**_GROUPED, **_LATENT_ATTENTION, "first_k_dense_replace": 1},
    "glm4_moe": {**_GROUPED, "first_k_dense_replace": 1},
    "ernie4_5_moe": {"moe_num_experts": 6, "moe_k": 2, "moe_layer_start_index": 1},
    "phimoe": {"num_local_experts": 6},
    "hunyuan_v1_moe": {"num_experts": 6, "moe_topk": 2},
    "qwen3_next": {"num_experts": 6, "shared_expert_intermediate_size": 56},
    "afmoe": {"num_experts": 6, "num_dense_layers": 1},
}
FURTHER_EXPERTS: tuple[str, ...] = tuple(_SIZES_OF_FURTHER_EXPERTS)
for _name, _size in _SIZES_OF_FURTHER_EXPERTS.items():
    _SIZES_OF_EXPERTS[_name] = {
        "intermediate_size": 40,
        "moe_intermediate_size": 24,
        "num_experts_per_tok": 2,
        "head_dim": 8,
        **_size,
    }
for _name, _size in _SIZES_OF_EXPERTS.items():
    _SIZES[_name] = {
        "hidden_size": 32,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        **_size,
    }

_TRAINING_TEXT = (
    "def add(first, second):\n    return first + second\n",
    "public static int add(int first, int second) { return first + second; }\n",
    "The quick brown fox jumps over the lazy dog; the dog does not mind.\n",
    "If Ann has 3 apples and buys 4 more, she has 3 + 4 = 7 apples.\n",
)


def build(
    architecture: str,
    folder: Path,
    *,
    layers: int = 2,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    max_shard_size: str = "5GB",
    **changes: Any,
) -> Path:
    """Write a tiny model of one of `ARCHITECTURES` and its tokenizer to `folder`; returns it.

    changes: further entries of the configuration, e.g. `tie_word_embeddings=True`.
    """
    folder = Path(folder)
    model = new_model(architecture, layers=layers, seed=seed, **changes)
    model.to(dtype).save_pretrained(folder, max_shard_size=max_shard_size)
    save_tokenizer(folder, begin_of_text=architecture in ADDS_BEGIN_OF_TEXT)
    return folder


def new_model(architecture: str, *, layers: int = 2, seed: int = 0, **changes: Any) -> Any:
    """A tiny model in memory, in evaluation mode, in float32."""
    # Gemma 3's sixth layer is the first one with full attention; show both kinds in two layers.
    if architecture == "gemma3_text":
        kinds = ["sliding_attention", "full_attention"]
        changes.setdefault("layer_types", [kinds[index % 2] for index in range(layers)])
    config = CONFIG_MAPPING[architecture.removesuffix("_gqa")](
        **{
            **_SIZES[architecture],
            "num_hidden_layers": layers,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": 256,
            "bos_token_id": 1,
            "eos_token_id": 0,
            "pad_token_id": 2,
            **changes,
        }
    )
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    randomise(model, seed)
    return model.eval()


@torch.no_grad()
def randomise(model: torch.nn.Module, seed: int) -> None:
    """Weights of one standard deviation per input; norms and biases moved off their defaults."""
    generator = torch.Generator().manual_seed(seed)
    embedding = model.get_input_embeddings().weight  # type: ignore[operator]
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim < 2:
            parameter.add_(0.3 * noise)
        elif parameter is embedding:
            parameter.copy_(noise / parameter.shape[1] ** 0.5)
        else:
            parameter.copy_(noise / min(parameter.shape) ** 0.5)


def save_tokenizer(folder: Path, *, begin_of_text: bool) -> None:
    """Write a byte-level BPE tokenizer; begin_of_text: it prepends a token by default."""
    tokenizer = Tokenizer.from_str(_trained_tokenizer())
    if begin_of_text:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{BEGIN_OF_TEXT} $A",
            pair=f"{BEGIN_OF_TEXT} $A {BEGIN_OF_TEXT} $B",
            special_tokens=[(BEGIN_OF_TEXT, tokenizer.token_to_id(BEGIN_OF_TEXT))],
        )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN_OF_TEXT,
        eos_token=END_OF_TEXT,
        pad_token=PADDING,
    ).save_pretrained(folder)


@functools.cache
def _trained_tokenizer() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        _TRAINING_TEXT,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[END_OF_TEXT, BEGIN_OF_TEXT, PADDING],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return str(tokenizer.to_str())


def save_sentencepiece(folder: Path, architecture: str, *, keep_its_file: bool) -> bytes:
    """Put a SentencePiece tokenizer in place of the byte-level one; returns its file's content.

    keep_its_file: as tokenizer.model; else as tokenizer.json alone, which transformers writes.
    """
    gemma = architecture == "gemma"
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_TRAINING_TEXT),
        model_writer=trained,
        vocab_size=VOCABULARY - 4,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=not gemma,
        bos_id=1,
        eos_id=0,
        pad_id=2,
        unk_id=3,
        minloglevel=2,
        num_threads=1,
    )
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    (folder / "tokenizer.model").write_bytes(trained.getvalue())
    config = {
        "tokenizer_class": "GemmaTokenizer" if gemma else "LlamaTokenizer",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "add_bos_token": True,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    if not keep_its_file:
        (folder / "tokenizer.model").unlink()
    return trained.getvalue()


def edit_config(folder: Path, **changes: Any) -> None:
    """Change entries of a saved model's config.json; a value of None removes the entry."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name, value in changes.items():
        config.pop(name, None)
        if value is not None:
            config[name] = value
    path.write_text(json.dumps(config))
