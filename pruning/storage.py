"""Files that are either whole or not there: write to a temporary name, flush, rename."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import save_file

from pruning.errors import AtlasError


def atomic_json(path: Path, data: Any) -> None:
    """Write `data` as readable JSON."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def atomic_tensors(
    path: Path, tensors: Mapping[str, NDArray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays as one safetensors file."""
    atomic_write(path, lambda temporary: save_file(dict(tensors), temporary, dict(metadata or {})))


def atomic_write(path: Path, write: Callable[[Path], Any]) -> None:
    """As `whole_or_nothing`, with AtlasError for what a disk can do wrong."""
    with storage_errors(path):
        whole_or_nothing(path, write)


def whole_or_nothing(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what a disk can do wrong into one sentence (AtlasError)."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
        raise AtlasError(_sentence(path, error)) from error


def _sentence(path: Path, error: Exception) -> str:
    number = getattr(error, "errno", None)
    text = str(error)
    if number in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text:
        return f"The disk is full: {path.parent} has no room. Free some space and start again."
    if number in (errno.EACCES, errno.EROFS, errno.EPERM) or "ermission denied" in text:
        return f"{path.parent} cannot be written; choose a folder you may write to (--workspace)."
    return f"{path} cannot be written: {error}."
