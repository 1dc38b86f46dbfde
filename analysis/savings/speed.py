"""Tokens per second of a model whose linear maps are computed in different ways.

Dense: as loaded. Masked: pruned weights are zero, computed as ever. Sparse rows: the pruned
matrices as PyTorch's compressed sparse rows. 2:4: PyTorch's semi-structured tensors, on a GPU.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pruning.errors import AtlasError
from pruning.masks.mask import Mask
from pruning.masks.surgery import temporary_masks
from pruning.progress import Meter
from pruning.specs import WeightKey

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

Times = dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is timed: reading `prompt` tokens at once, then writing `new` ones, `repeats` times."""

    prompt: int = 256
    new: int = 32
    repeats: int = 5


def sparse_rows(matrix: Tensor) -> Tensor:
    """An (out, in) matrix with zeros as compressed sparse rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # PyTorch calls the layout a beta
        return matrix.to_sparse_csr()


def stored_bytes(matrix: Tensor) -> int:
    """Bytes of memory of an (out, in) matrix's values, or of all parts of compressed sparse rows."""
    if matrix.layout != torch.sparse_csr:
        return matrix.numel() * matrix.element_size()
    parts = (matrix.crow_indices(), matrix.col_indices(), matrix.values())
    return sum(part.numel() * part.element_size() for part in parts)


@contextlib.contextmanager
def computed_with(
    loaded: LoadedModel, masks: Mapping[WeightKey, Mask], convert: Callable[[Tensor], Tensor]
) -> Iterator[dict[WeightKey, int]]:
    """Inside, the masked maps multiply by `convert(matrix)` instead of their dense matrix.

    convert: (out, in) -> a tensor that multiplies alike. Yields each converted matrix's bytes. The dense weights stay where they are; every module
    computes as before on any exit. Raises AtlasError where PyTorch cannot convert or multiply.
    """
    changed = []
    sizes: dict[WeightKey, int] = {}
    try:
        for key, mask in masks.items():
            dense = loaded.matrix(key)
            kept = torch.from_numpy(mask.unpack()).to(dense.device)
            matrix = convert(dense.masked_fill(~kept, 0).contiguous())
            sizes[key] = stored_bytes(matrix)
            module = loaded.submodule(key)
            module.forward = _multiply_by(matrix, getattr(module, "bias", None))
            changed.append(module)
        yield sizes
    finally:
        for module in changed:
            del module.forward  # the class's own is found again


def _multiply_by(matrix: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """A linear map's forward: (..., in) -> (..., out)."""

    def forward(inputs: Tensor) -> Tensor:
        flat = inputs.reshape(-1, inputs.shape[-1])  # (tokens, in)
        if matrix.layout == torch.sparse_csr:
            outputs = (matrix @ flat.T).T
        else:
            outputs = torch.nn.functional.linear(flat, matrix)
        outputs = outputs if bias is None else outputs + bias
        return outputs.reshape(*inputs.shape[:-1], -1)

    return forward


def time_ways(
    loaded: LoadedModel, masks: Mapping[WeightKey, Mask], work: Workload, meter: Meter
) -> tuple[dict[str, Times], dict[str, str], dict[WeightKey, int]]:
    """Seconds of every repetition: way -> {"read": [...], "write": [...]}.

    The ways take turns, so that a machine that slows down meanwhile slows all of them. Also: why a
    way was not measured, and the bytes of each matrix as compressed sparse rows.
    """
    ways: dict[str, Callable[[], Any]] = {
        "dense": contextlib.nullcontext,
        "masked": lambda: temporary_masks(loaded, masks),
        "sparse rows": lambda: computed_with(loaded, masks, sparse_rows),
    }
    if loaded.device.type == "cuda":
        ways["2:4"] = lambda: computed_with(loaded, masks, torch.sparse.to_sparse_semi_structured)
    times: dict[str, Times] = {way: {"read": [], "write": []} for way in ways}
    missing: dict[str, str] = {}
    sizes: dict[WeightKey, int] = {}
    for turn in range(work.repeats + 1):  # the first one warms up
        for way, enter in ways.items():
            meter.step(way)
            if way in missing:
                continue
            try:
                with enter() as entered:
                    read, write = _seconds(loaded, work)
                if way == "sparse rows":
                    sizes = entered
            except (RuntimeError, NotImplementedError, ValueError) as error:
                if isinstance(error, AtlasError) or way in ("dense", "masked"):
                    raise
                missing[way] = (str(error).strip().splitlines() or ["no reason given"])[0]
                continue
            if turn:
                times[way]["read"].append(read)
                times[way]["write"].append(write)
    return {way: t for way, t in times.items() if way not in missing}, missing, sizes


def time_models(
    models: Mapping[str, LoadedModel], work: Workload, meter: Meter
) -> dict[str, Times]:
    """Seconds of every repetition of whole models, in turns: name -> {"read": [...], "write": [...]}."""
    times: dict[str, Times] = {name: {"read": [], "write": []} for name in models}
    for turn in range(work.repeats + 1):  # the first one warms up
        for name, loaded in models.items():
            meter.step(name)
            read, write = _seconds(loaded, work)
            if turn:
                times[name]["read"].append(read)
                times[name]["write"].append(write)
    return times


@torch.inference_mode()
def _seconds(loaded: LoadedModel, work: Workload) -> tuple[float, float]:
    """Seconds to read the prompt, and to write the new tokens one by one, without sampling."""
    vocabulary = int(loaded.module.config.vocab_size)
    tokens = torch.arange(work.prompt, device=loaded.device)[None] % vocabulary  # (1, prompt)
    started = _now(loaded)
    output = loaded.module(input_ids=tokens, use_cache=True)
    read = _now(loaded) - started
    started = _now(loaded)
    for _ in range(work.new):
        token = output.logits[:, -1:].argmax(-1)  # (1, 1)
        output = loaded.module(
            input_ids=token, past_key_values=output.past_key_values, use_cache=True
        )
    return read, _now(loaded) - started


def _now(loaded: LoadedModel) -> float:
    if loaded.device.type == "cuda":
        torch.cuda.synchronize(loaded.device)
    return time.perf_counter()
