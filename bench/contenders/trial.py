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
import signal
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

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
CALL = nn.Module.__call__
REST = 2.0  # the work goes on for so many times as long as a piece of the forward pass took
LEAST = 0.5  # seconds between two pieces


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
        self._forward = np.ones(2)  # seconds of the plain pass and of its processors, the latest
        self.tokens, self.more_tokens = load_file(given.folder / TOKENS).values()
        torch.set_num_threads(given.threads)

    @cached_property
    def plain(self) -> Any:
        """The model that the plain forward pass goes through; nobody prunes it."""
        return self.model()

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

    def measure_forward(self) -> None:
        """The plain forward pass by itself."""
        before, started = _settled(), _now()
        self.forward(self.plain)
        self._forward = _now() - started
        self._keep("forward", self._forward, _resident_bytes() - before)

    def measure(self, name: str, work: Callable[..., Made], *arguments: Any) -> Made:
        """Do the work, and keep its seconds, its processors' seconds and the bytes it adds.

        Now and then it is interrupted for a piece of the plain forward pass, off its clock, so that
        a machine that is slow for some seconds slows both. Work too short for that is compared with
        the latest pass.
        """
        pieces, plain = self.tokens.split(self.batch_size), self.plain
        texts = cycle(pieces)
        before, started = _settled(), _now()
        with Turns(lambda: self.forward(plain, next(texts))) as turns:
            made = work(*arguments)
            seconds = _now() - started - turns.spent
            most = max(_resident_bytes(), turns.most)
        if turns.count:
            self._forward = turns.forward / turns.count * len(pieces)
        self._keep(name, seconds, most - before)
        return made

    def _keep(self, name: str, seconds: np.ndarray, memory: float) -> None:
        wall, processor = seconds.tolist()
        by_wall, by_processor = (seconds / self._forward).tolist()
        self._measured.setdefault(name, []).append(
            {
                "wall": wall,
                "processor": processor,
                "memory": memory,
                "by_wall": by_wall,
                "by_processor": by_processor,
            }
        )

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


class Turns:
    """While open, interrupts the main thread now and then for a piece of other work.

    count, forward: such pieces, and their seconds and processors' seconds (2,). spent: the same with
    all that an interruption takes. most: the most bytes held before one.
    """

    def __init__(self, piece: Callable[[], None]) -> None:
        self.count, self.most = 0, 0
        self.forward, self.spent = np.zeros(2), np.zeros(2)
        self._piece, self._open = piece, False

    def __enter__(self) -> Self:
        self._open = True
        self._before = signal.signal(signal.SIGALRM, self._turn)
        signal.setitimer(signal.ITIMER_REAL, LEAST)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _turn(self, *_: object) -> None:
        if not self._open:  # it came as the block ended
            return
        pause = LEAST
        if nn.Module.__call__ is CALL:  # else a model is being traced, and would be with ours
            started = _now()
            self.most = max(self.most, _resident_bytes())
            begun = _now()
            self._piece()
            took = _now() - begun
            _settled()
            self.count += 1
            self.forward += took
            self.spent += _now() - started
            pause = max(LEAST, REST * took[0])
        signal.setitimer(signal.ITIMER_REAL, pause)


def _now() -> np.ndarray:
    """The seconds of the clock, and those that this process has had of all processors: (2,)."""
    return np.array([time.perf_counter(), time.process_time()])


def _settled() -> int:
    """The bytes this process holds, once what was freed is given back; counts the most anew."""
    gc.collect()
    _return_freed_memory()
    return _resident_bytes(reset=True)


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
