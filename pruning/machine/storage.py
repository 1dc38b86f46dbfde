"""Files that are either whole or not there: write to a temporary name, flush, rename."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pruning.errors import AtlasError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What `writer` says; earlier releases said the process only. A random ending may follow.
_WRITER = re.compile(r"(?P<process>\d{1,9})(-\d+-(?P<machine>[0-9a-f]{8})(-\w+)?)?")


def atomic_json(path: Path, data: Any) -> None:
    """Write `data` as readable JSON."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def atomic_tensors(
    path: Path, tensors: Mapping[str, NDArray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays, of any shapes, as one safetensors file."""
    from safetensors.numpy import save_file  # and with it numpy, which `--help` needs not

    atomic_write(path, lambda temporary: save_file(dict(tensors), temporary, dict(metadata or {})))


def atomic_write(path: Path, write: Callable[[Path], Any]) -> None:
    """As `whole_or_nothing`, with AtlasError for what a disk can do wrong."""
    with storage_errors(path):
        whole_or_nothing(path, write)


def whole_or_nothing(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    What was left there by a process that was killed meanwhile is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, f".{path.name}.", ".partial")
    temporary = path.with_name(f".{path.name}.{writer()}.partial")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def writer() -> str:
    """This thread, as a part of a temporary name that no other writer has at the same time."""
    return f"{os.getpid()}-{threading.get_native_id()}-{_machine()}"


def remove_abandoned(folder: Path, before: str, after: str = "") -> None:
    """Remove temporary files and folders of processes that are gone, as far as that is allowed.

    Those of another machine, which may share the folder, are left alone.

    Args:
        before, after: what stands around `writer` in their names.
    """
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = os.listdir(folder)
    for name in names:
        if not (name.startswith(before) and name.endswith(after)):
            continue
        if _is_gone(name[len(before) : len(name) - len(after)]):
            shutil.rmtree(folder / name, ignore_errors=True)
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)


def _is_gone(text: str) -> bool:
    """Whether the text is what `writer` said on this machine, in a process that has ended."""
    match = _WRITER.fullmatch(text)
    if match is None or match["machine"] not in (None, _machine()):
        return False
    try:
        os.kill(int(match["process"]), 0)
    except OSError as error:  # another person's process lives, and may not be asked
        return isinstance(error, ProcessLookupError)
    return False


def _machine() -> str:
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


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
        return f"{path.parent} cannot be written; choose a folder you may write to."
    return f"{getattr(error, 'filename', None) or path} cannot be read or written: {error}."
