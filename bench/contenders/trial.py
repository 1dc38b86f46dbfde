"""What all contenders share: one model, one text, one way to measure.

Imports torch, transformers and safetensors, which every contender's environment has, and nothing of
this project.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

Made = TypeVar("Made")

SPARSITY = 0.5
TOKENS = "tokens.safetensors"  # beside the model: (sequence, position) int64, a tensor a domain
MEASURED = "measured.json"
DECODER_WEIGHT = re.compile(r"\.layers\.\d+\..*(_proj)\.weight$")


class Trial:
    """One contender's run: what it is given on its command line, and what it hands back.

    folder: the model and its tokens. out: where measurements and masks go. batch_size: of the plain
    forward pass, and of contenders that choose none themselves.
    """

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        for flag, kind in (("folder", Path), ("out", Path), ("batch-size", int), ("threads", int)):
            parser.add_argument(f"--{flag}", type=kind, required=True)
        parser.add_argument("--rounds", type=int, default=1)
        given = parser.parse_args()
        self.folder: Path = given.folder
        self.rounds: int = given.rounds
        self.batch_size: int = given.batch_size
        self._out: Path = given.out
        self._measured: dict[str, list[dict[str, float]]] = {}
        self.tokens, self.more_tokens = load_file(given.folder / TOKENS).values()
        torch.set_num_threads(given.threads)

    def model(self) -> Any:
        """The model anew, in float32, warmed up by one sequence."""
        options: dict[str, Any] = {"dtype": torch.float32, "local_files_only": True}
        model = AutoModelForCausalLM.from_pretrained(self.folder, **options)
        model.eval().requires_grad_(False)
        self.forward(model, self.tokens[:1], 1)
        return model

    @torch.inference_mode()
    def forward(self, model: Any, tokens: Tensor | None = None, size: int | None = None) -> None:
        """The plain forward pass: embeddings, decoder layers, last norm; no output head."""
        for batch in (self.tokens if tokens is None else tokens).split(size or self.batch_size):
            model.base_model(input_ids=batch, use_cache=False)

    def measure(self, name: str, work: Callable[..., Made], *arguments: Any) -> Made:
        """Do the work, and keep its seconds, its processor's seconds and the bytes it adds."""
        gc.collect()
        _return_freed_memory()
        before = _resident_bytes(reset=True)
        wall, processor = time.perf_counter(), time.process_time()
        made = work(*arguments)
        measured = {
            "wall": time.perf_counter() - wall,
            "processor": time.process_time() - processor,
            "memory": _resident_bytes() - before,
        }
        self._measured.setdefault(name, []).append(measured)
        return made

    def keep_masks(self, name: str, kept: Mapping[str, Tensor]) -> None:
        """Hand back masks: parameter name -> bool (out, in), True = kept."""
        packed = {
            parameter: torch.from_numpy(np.packbits(mask.numpy()))
            for parameter, mask in kept.items()
        }
        self._out.mkdir(parents=True, exist_ok=True)
        save_file(packed, self._out / f"{name}.safetensors")

    def finish(self) -> None:
        """Write what was measured."""
        self._out.mkdir(parents=True, exist_ok=True)
        (self._out / MEASURED).write_text(json.dumps(self._measured), encoding="utf-8")


def decoder_weights(model: nn.Module) -> dict[str, Tensor]:
    """The projections' weights, by parameter name."""
    return {
        name: parameter.detach()
        for name, parameter in model.named_parameters()
        if DECODER_WEIGHT.search(name)
    }


def not_zero(model: nn.Module) -> dict[str, Tensor]:
    """What a pruned model keeps. Random weights hold no zero of their own."""
    return {name: weight != 0 for name, weight in decoder_weights(model).items()}


def _return_freed_memory() -> None:
    """Have the C library give back what was freed, so that it is not counted as free for the next."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        return


def _resident_bytes(*, reset: bool = False) -> int:
    """The most memory this process has held since the last reset; 0 where Linux does not tell."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) * 1024 if peak else 0
