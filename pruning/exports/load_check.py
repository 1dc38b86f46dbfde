"""Does a model folder load in plain transformers, and does the model compute numbers?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from pruning.checkpoints.headers import (
    DTYPE_BYTES,
    TORCH_NAMES,
    count_by_dtype,
    main_dtype,
    read_entries,
    read_json,
)
from pruning.errors import InputError
from pruning.machine.resources import free_memory_bytes, out_of_memory

PROMPT = "The sum of 2 and 3 is"
SHOWN = 3
SKIPPED = "Skipped: there is too little memory to load the model."


def load_and_run(folder: Path) -> tuple[bool, str]:
    """Load model and tokenizer from the folder alone and run a few tokens.

    Returns whether that worked, and one sentence: what was loaded, or what went wrong. Too little
    memory is no fault of the folder: True, and the sentence says that it was skipped.
    """
    if loaded_bytes(folder) > free_memory_bytes():
        return True, SKIPPED
    try:
        model, tokenizer, loading = _load(folder)
        lost = sorted(loading["missing_keys"]) + sorted(map(str, loading["mismatched_keys"]))
        if lost:
            return False, f"{len(lost)} tensors were not loaded: {', '.join(lost[:SHOWN])}."
        tokens = tokenizer(PROMPT, return_tensors="pt").input_ids
        with torch.inference_mode():
            logits = model.eval()(input_ids=tokens, use_cache=False).logits
    except Exception as error:  # whatever a damaged folder makes the library raise
        if out_of_memory(error):
            return True, SKIPPED
        reason = (str(error).strip().splitlines() or ["no message"])[0]
        return False, f"transformers cannot use it ({type(error).__name__}: {reason})"
    if not bool(torch.isfinite(logits).all()):
        return False, f"The logits of {type(model).__name__} are not all finite."
    detail = f"{type(model).__name__}, finite logits on {tokens.shape[1]} tokens."
    if loading["unexpected_keys"]:
        detail += f" It ignores {len(loading['unexpected_keys'])} tensors of the checkpoint."
    return True, detail


def loaded_bytes(folder: Path) -> int:
    """The memory for the weights when transformers has loaded them; 0 where nobody can tell.

    Floating point numbers have the precision that config.json states, else that of the checkpoint.
    """
    try:
        counts = count_by_dtype(read_entries(folder))
        config = read_json(folder / "config.json")
    except (InputError, OSError):  # loading says what is wrong
        return 0
    stated = str(config.get("dtype") or config.get("torch_dtype") or main_dtype(counts))
    dtype = getattr(torch, stated.removeprefix("torch."), None)
    sizes = dict(DTYPE_BYTES)
    if isinstance(dtype, torch.dtype):
        sizes |= dict.fromkeys(TORCH_NAMES, dtype.itemsize)
    return sum(count * sizes.get(code, 1) for code, count in counts.items())


def _load(folder: Path) -> tuple[Any, Any, dict[str, Any]]:
    options = {"trust_remote_code": False, "local_files_only": True}
    with _quiet():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype="auto", use_safetensors=True, output_loading_info=True, **options
        )
        model, loading = loaded
        return model, AutoTokenizer.from_pretrained(folder, **options), loading


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' notes and progress bars, which are put back on any exit."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
