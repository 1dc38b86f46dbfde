"""Reading a whole checkpoint into memory, on one device or spread over several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers import logging as transformers_logging

from pruning.errors import AtlasError, InputError
from pruning.models.support import one_line
from pruning.specs import ModelSpec

# Constants that older releases saved beside the weights; nothing in them was learned.
LEFTOVERS = (".masked_bias", ".inv_freq", ".position_ids")


def read_weights(
    spec: ModelSpec, folder: Path, device_map: str | Mapping[str, Any] | None = None
) -> PreTrainedModel:
    """The model with all of its weights, in evaluation mode, without gradients.

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
        ("unexpected_keys", "has unexpected"),
        ("mismatched_keys", "has the wrong shape for"),
    ):
        names = (str(key[0] if isinstance(key, tuple) else key) for key in info[problem])
        check_none(names, words, module, folder)
    return cast(PreTrainedModel, module.eval().requires_grad_(False))


def check_none(names: Iterable[str], words: str, module: Any, folder: Path) -> None:
    """InputError if there are tensors of which the checkpoint `words`, e.g. "lacks"."""
    found = sorted(name for name in names if not name.endswith(LEFTOVERS))
    if found:
        raise InputError(
            f"The checkpoint in {folder} {words} {len(found)} of the tensors of "
            f"{type(module).__name__}, e.g. {found[0]}; config.json and weights do not belong "
            "together."
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
