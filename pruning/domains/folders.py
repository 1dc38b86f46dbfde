"""The files of a folder: recursive, sorted, nothing hidden, nothing outside."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pruning.domains.blobs import Blob, blob_of
from pruning.errors import AtlasError, InputError
from pruning.machine.paths import allowed_path

SHOWN = 8  # suffixes named in a message


def folder_blobs(folder: Path) -> list[Blob]:
    """Every file below `folder`, in the order of its path; names are relative to the folder.

    Left out: hidden files and folders (a leading dot), and links to files outside the folders that
    the server may read. Linked folders are not entered. Raises AtlasError when the folder cannot be
    read.
    """
    return [
        blob_of(path, name=str(path.relative_to(folder)))
        for path in _walk(folder)
        if path.is_file() and not (path.is_symlink() and _is_outside(path))
    ]


def _is_outside(path: Path) -> bool:
    try:
        allowed_path(path)
    except InputError:
        return True
    return False


def _walk(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise AtlasError(f"{error.filename} cannot be read: {error.strerror}.") from error

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(parent, name)


def with_suffixes(blobs: Sequence[Blob], suffixes: Sequence[str]) -> list[Blob]:
    """The blobs whose name ends in one of `suffixes` (upper and lower case alike); all if none."""
    wanted = tuple(f".{suffix.lstrip('*').lstrip('.').lower()}" for suffix in suffixes)
    return [blob for blob in blobs if not wanted or blob.name.lower().endswith(wanted)]


def count_suffixes(names: Iterable[str]) -> str:
    """What files there are, in words: "12 .png, 3 .js, 1 without an ending"."""
    counts = Counter(Path(name).suffix.lower() for name in names)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{count:,} {suffix or 'without an ending'}" for suffix, count in ordered[:SHOWN]]
    if len(ordered) > SHOWN:
        words.append(f"{sum(count for _, count in ordered[SHOWN:]):,} others")
    return ", ".join(words) or "no file"
