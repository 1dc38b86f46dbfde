"""Where a model's weights go: into one memory, over several GPUs, or nowhere: streamed from disk.

The choice changes how long a calibration takes, never its result.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable

import torch

from pruning.checkpoints.headers import TensorEntry
from pruning.errors import AtlasError
from pruning.machine.resources import free_gpu_bytes, free_memory_bytes, gigabytes
from pruning.models.inspection import BYTES
from pruning.specs import ModelSpec

GPU_SHARE = 0.9  # of all GPUs' free memory that may hold weights; the rest is for activations


class Placement(enum.Enum):
    """How the weights are held while they are used."""

    MEMORY = "in the memory of one device"
    SPREAD = "over the memories of several GPUs"
    STREAMED = "on disk, one decoder layer at a time in memory"


def place(spec: ModelSpec, entries: Iterable[TensorEntry]) -> Placement:
    """Choose for a resolved spec whose checkpoint has these tensors.

    "cuda" without a number means any of the GPUs, so a model may be spread over them; "cuda:0"
    means that one. Raises AtlasError for a model that does not fit and must not be streamed.
    """
    if spec.stream:
        return Placement.STREAMED
    needed = sum(entry.size for entry in entries) * BYTES[spec.dtype or "float32"]
    free = {"the memory": free_memory_bytes()}
    if spec.device != "cpu":
        free[f"the memory of {spec.device}"] = free_gpu_bytes(spec.device) or 0
    full = {where: size for where, size in free.items() if needed > size}
    if not full:
        return Placement.MEMORY
    alone = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) == 1  # else each process has its own GPU
    if alone and spec.device == "cuda" and needed <= GPU_SHARE * _all_gpus():
        return Placement.SPREAD
    if spec.stream is None:
        return Placement.STREAMED
    where, size = next(iter(full.items()))
    raise AtlasError(
        f"{spec.source} needs {gigabytes(needed)} for its weights in {spec.dtype}; "
        f"{where} has {gigabytes(size)} free. Leave --no-stream out to read it layer by layer, "
        "or choose a smaller model or another dtype."
    )


def _all_gpus() -> int:
    """Free memory of all CUDA devices together."""
    return sum(free_gpu_bytes(f"cuda:{n}") or 0 for n in range(torch.cuda.device_count()))
