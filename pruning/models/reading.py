"""Reading a whole checkpoint into memory, on one device or spread over several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers import logging as transformers_logging

from pruning.errors import AtlasError, InputError
from pruning.models.support import one_line
from pruning.specs import ModelSpec

# Constants that older releases saved beside the weights, and newer ones compute.
LEFTOVERS = (".masked_bias", ".inv_freq", ".position_ids")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")


def read_weights(
    spec: ModelSpec, folder: Path, device_map: str | Mapping[str, Any] | None = None
) -> tuple[PreTrainedModel, list[str]]:
    """The model with all of its weights, in evaluation mode, without gradients; and the names of
    the checkpoint's tensors that it has no use for.

    device_map: None puts everything on the spec's device; else where accelerate puts each module,
    "auto" for what it finds best. Raises InputError for a checkpoint that does not fit config.json,
    AtlasError if memory runs out.
    """
    places = {} if device_map is None else {"device_map": device_map}
    try:
        with _quietly():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, spec.dtype or "float32"),
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **places,
            )
        module, info = loaded
        if device_map is None:
            module.to(spec.device)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _too_big(spec) from error
    except RuntimeError as error:
        if "allocate memory" in str(error):
            raise _too_big(spec) from error
        raise InputError(f"{folder} cannot be loaded: {one_line(error)}.") from error
    except (OSError, ValueError, KeyError, SafetensorError, ImportError) as error:
        raise InputError(f"{folder} cannot be loaded: {one_line(error)}.") from error
    for problem, words in (
        ("missing_keys", "lacks"),
        ("mismatched_keys", "has the wrong shape for"),
    ):
        names = (str(key[0] if isinstance(key, tuple) else key) for key in info[problem])
        check_none(names, words, module, folder)
    ignored = sorted(map(str, info["unexpected_keys"]))
    check_none(wanted_elsewhere(ignored, module), "has unexpected", module, folder)
    return cast(PreTrainedModel, module.eval().requires_grad_(False)), ignored


def check_none(names: Iterable[str], words: str, module: Any, folder: Path) -> None:
    """InputError if there are tensors of which the checkpoint `words`, e.g. "lacks"."""
    found = sorted(name for name in names if not name.endswith(LEFTOVERS))
    if found:
        raise InputError(
            f"The checkpoint in {folder} {words} {len(found)} of the tensors of "
            f"{type(module).__name__}, e.g. {found[0]}; config.json and weights do not belong "
            "together."
        )


def wanted_elsewhere(strangers: Iterable[str], module: nn.Module) -> list[str]:
    """Those tensors without a place in the module that would change what it computes.

    They are weights of one more layer or expert than config.json states, a weight or bias that it
    switches off (a module that is there lacks it), or an adapter that was not merged. All others,
    such as masks and rotary frequencies that older releases saved, the module does not want.
    """
    prefix = f"{getattr(module, 'base_model_prefix', '')}."

    def kind(name: str) -> str:
        return _NUMBER.sub("*", f".{name.removeprefix(prefix)}")

    kinds = {kind(name) for name, _ in module.named_parameters()} | {
        kind(f"{name}.{each}")
        for name, owner in module.named_modules()
        for each, parameter in owner._parameters.items()
        if parameter is None
    }
    return [name for name in strangers if kind(name) in kinds or ".lora_" in name]


def ignored_sentence(names: Sequence[str]) -> str:
    """What is said of tensors that the model has no use for; there are some."""
    return (
        f"{len(names)} of the checkpoint's tensors are not used, as the model has no place for them "
        f"(e.g. {names[0]})"
    )


def _too_big(spec: ModelSpec) -> AtlasError:
    return AtlasError(
        f"{spec.source} in {spec.dtype} does not fit into the memory of {spec.device}; "
        "read it layer by layer (--stream), or choose a smaller model or the dtype bfloat16."
    )


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence transformers' own bars and tables: progress is data, and trouble one sentence."""
    shown = transformers_logging.is_progress_bar_enabled()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if shown:
            transformers_logging.enable_progress_bar()
