"""A folder that is either whole or not there: filled beside its place, then renamed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from pruning.errors import AtlasError, InputError
from pruning.machine.storage import remove_abandoned, storage_errors, writer


def check_is_new(out: Path) -> None:
    """Raise InputError if something is already there; an empty folder is fine."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out} is already there and not empty; choose a new folder.")


def check_space(out: Path, needed: int) -> None:
    """Raise AtlasError if the disk that `out` will be on has less than `needed` bytes free."""
    there = next(parent for parent in out.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise AtlasError(
            f"{out.name} needs {needed / 1e6:,.1f} MB and {there} has {free / 1e6:,.1f} MB free; "
            "make room or choose another folder."
        )


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yields a hidden folder beside `out` that takes its name at the end; removed on any other exit.

    Raises:
        AtlasError: the disk is full, or the place cannot be written.
    """
    prefix = f".{out.name}.partial-"
    partial = out.with_name(prefix + writer())
    with storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(out.parent, prefix)
        partial.mkdir()
        try:
            yield partial
            partial.rename(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
