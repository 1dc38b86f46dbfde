"""Formats that only llama.cpp itself makes, where `llama-cpp-python` is installed."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

from pruning.errors import AtlasError, InputError
from pruning.exports.gguf.quants import Quant
from pruning.progress import Progress, Report, ignore

PACKAGE = "llama-cpp-python"


def has_llama_cpp() -> bool:
    """Whether llama.cpp is here as a Python package."""
    return importlib.util.find_spec("llama_cpp") is not None


def quantizer() -> Any:
    """The package; InputError where it is not installed."""
    if not has_llama_cpp():
        raise InputError(
            f"This format is made by llama.cpp itself: install {PACKAGE} "
            "(requirements-llama.txt), or choose f16, bf16, q8_0, q5_0 or q4_0."
        )
    return importlib.import_module("llama_cpp")


def quantize_file(source: Path, target: Path, quant: Quant, report: Report = ignore) -> None:
    """Have llama.cpp write `source`, a file of full precision, in another format."""
    library = quantizer()
    report(Progress(stage=f"Quantizing to {quant.name}", done=0, total=1))
    options = library.llama_model_quantize_default_params()
    options.nthread = os.cpu_count() or 1
    options.ftype = int(library.__dict__[f"LLAMA_FTYPE_{quant.file_type}"])
    failed = library.llama_model_quantize(
        str(source).encode(), str(target).encode(), library.ctypes.byref(options)
    )
    if failed or not target.is_file():
        raise AtlasError(
            f"llama.cpp could not write {target.name} in {quant.name}; its matrices may have too "
            "few columns for it, or the disk is full."
        )
    report(Progress(stage=f"Quantizing to {quant.name}", done=1, total=1))
