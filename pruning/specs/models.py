"""Which model, in which precision, on which device."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pruning.errors import InputError
from pruning.specs.base import Spec

DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Spec):
    """Which model, in which precision, on which device.

    source: "demo", a hub id "org/name", or a local folder. dtype None: float32 on a CPU, the
    checkpoint's own on a GPU. device: "auto", "cpu", "cuda" or "cuda:N". stream: read one decoder
    layer at a time from disk; None: where the model does not fit into memory. The results are the
    same, so it enters no hash of a run.
    """

    source: str
    revision: str | None = None
    dtype: str | None = None
    device: str = "auto"
    stream: bool | None = None

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise InputError("Name a model: 'demo', a hub id such as 'org/name', or a folder.")
        if self.dtype is not None and self.dtype not in DTYPES:
            raise InputError(f"dtype {self.dtype!r} is not one of {', '.join(DTYPES)}.")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise InputError(f"device {self.device!r} is not auto, cpu, cuda or cuda:N.")
