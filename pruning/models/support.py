"""Which models can be pruned, judged from config.json and file names: no weights, no network."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from pruning.errors import InputError
from pruning.models.architecture import check_layers, find_decoder_layers
from pruning.models.bounds import at_most_modules, check_counts
from pruning.models.experts import split_experts

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
)
CHOOSE = "Choose a decoder-only language model."
_FLOATS = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


def check_config(config: dict[str, Any]) -> None:
    """Raise InputError with the reason if the model that config.json describes is not supported.

    config: the parsed file. Checked here: the model type is known without running the model's own
    code, and it is a decoder-only language model of text.
    """
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or not model_type:
        raise InputError(
            "config.json states no model_type, so it does not describe a transformers model."
        )
    if model_type not in CONFIG_MAPPING:
        if config.get("auto_map"):
            raise InputError(
                f"The model type {model_type!r} comes with its own Python code, which is never "
                "run here. Choose a model that transformers supports natively."
            )
        raise InputError(
            f"The model type {model_type!r} is not known to transformers "
            f"{transformers.__version__}. {CHOOSE}"
        )
    check_counts(config)
    _check_kind(model_type, config)


def _check_not_quantized(config: dict[str, Any]) -> None:
    if config.get("quantization_config"):
        raise InputError(
            "The checkpoint is quantized; its stored weights cannot be scored or set to zero. "
            "Choose the original, unquantized model."
        )


def _check_kind(model_type: str, config: dict[str, Any]) -> None:
    parsed = parse_config(config)
    kind = (config.get("architectures") or [model_type])[0]
    if getattr(parsed, "is_encoder_decoder", False):
        raise InputError(f"{kind} is an encoder-decoder model. {CHOOSE}")
    if parsed.get_text_config(decoder=True) is not parsed:
        raise InputError(
            f"{kind} is a multimodal model, of which only the text part is a decoder; this version "
            "does not take it apart. Choose a text-only model."
        )
    causal = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type)
    if causal is None:
        raise InputError(f"{kind} is not a language model that predicts the next token. {CHOOSE}")
    stated = config.get("architectures") or [causal]
    if causal not in stated:
        raise InputError(
            f"config.json describes {stated[0]}, not the language model {causal} that predicts the "
            f"next token. {CHOOSE}"
        )


def parse_config(config: dict[str, Any]) -> Any:
    """The transformers configuration; InputError if its entries contradict each other."""
    try:
        return CONFIG_MAPPING[config["model_type"]].from_dict(_plain_floats(config))
    except Exception as error:  # each configuration class validates in its own way
        raise InputError(f"config.json is not usable: {one_line(error)}") from error


def _plain_floats(value: Any) -> Any:
    """A configuration's entry with {"__float__": "Infinity"}, as transformers writes it, a number."""
    if isinstance(value, list):
        return [_plain_floats(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"__float__"}:
        return _FLOATS.get(str(value["__float__"]), value)
    return {name: _plain_floats(each) for name, each in value.items()}


def skeleton(config: dict[str, Any]) -> tuple[nn.Module, str, nn.ModuleList]:
    """The model without weights (on the "meta" device), its decoder layers' name, and the layers.

    Experts are taken apart. Raises InputError if it has no decoder layers, experts of an unknown
    form, or shared layers; and last, when all else would do, if the checkpoint is quantized: an
    unquantized one of a model that is refused is refused as well.
    """
    check_config(config)
    parsed = parse_config({k: v for k, v in config.items() if k != "quantization_config"})
    try:
        with torch.device("meta"), at_most_modules():
            model = AutoModelForCausalLM.from_config(parsed, trust_remote_code=False)
    except InputError:
        raise
    except Exception as error:  # whatever a class makes of numbers that do not go together
        raise InputError(f"config.json is not usable: {one_line(error)}") from error
    split_experts(model)
    name, layers = find_decoder_layers(model, getattr(parsed, "num_hidden_layers", 0))
    check_layers(model, layers)
    _check_not_quantized(config)
    return model, name, layers


def check_tokenizer(files: Collection[str], where: str) -> None:
    """Raise InputError unless one of the files can hold a tokenizer's vocabulary."""
    if not any(name in files for name in TOKENIZER_FILES):
        raise InputError(
            f"{where} has no tokenizer (such as tokenizer.json); put the model's tokenizer files "
            "beside its weights."
        )


def one_line(error: BaseException) -> str:
    """The first line of an error's message that says something, without a final full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".:")
