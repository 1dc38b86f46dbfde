"""Files inside a zip archive, read where they are: nothing is ever unpacked to disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from pruning.domains.blobs import ALWAYS_ALLOWED, MAX_RATIO, MEBIBYTE, Blob
from pruning.errors import InputError

MAX_ENTRIES = 100_000
MAX_TOTAL = 1024 * MEBIBYTE  # bytes of all entries together, decompressed
NESTED = (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst", ".jar", ".whl")
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)


class DamagedArchiveError(InputError):
    """An entry cannot be unpacked, so the archive is not what was made; never skipped silently."""


def archive_blobs(path: Path) -> list[Blob]:
    """The files of a zip archive in the order of their names; hidden and nested ones left out.

    Raises InputError for an archive that is damaged, encrypted, names files outside itself
    ("../", absolute) or grows implausibly: too many entries, too many bytes, too high a ratio.
    Sizes are those the archive declares; reading an entry never yields more than it declared.
    """
    try:
        archive = zipfile.ZipFile(path)  # stays open as long as one of its blobs is in use
    except (*_DAMAGE, OSError) as error:
        raise InputError(f"{path.name} is not a zip archive that can be read: {error}.") from None
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise InputError(
            f"{path.name} has {len(entries):,} entries, more than {MAX_ENTRIES:,}; "
            "unpack it yourself and give the folder."
        )
    for entry in entries:
        _check_entry(path.name, entry)
    _check_sizes(path.name, entries)
    return [
        _entry_blob(archive, path.name, entry)
        for entry in sorted(entries, key=lambda entry: entry.filename)
        if not entry.is_dir() and not _is_skipped(entry.filename)
    ]


def _check_entry(archive: str, entry: zipfile.ZipInfo) -> None:
    name = entry.filename.replace("\\", "/")
    absolute = name.startswith("/") or name[1:3] == ":/"
    if absolute or ".." in PurePosixPath(name).parts:
        raise InputError(
            f"{archive} is refused: its entry {entry.filename!r} points outside the archive; "
            "make a new archive of the folder itself."
        )
    if entry.flag_bits & 1:
        raise InputError(
            f"{archive} is encrypted (entry {entry.filename!r}); give it without a password."
        )


def _check_sizes(archive: str, entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL:
        raise InputError(
            f"{archive} grows to {total:,} bytes when unpacked, more than {MAX_TOTAL:,}; "
            "give a part of it, or unpack it yourself and give the folder."
        )
    for entry in entries:
        if entry.file_size > max(ALWAYS_ALLOWED, MAX_RATIO * entry.compress_size):
            raise InputError(
                f"{archive} is refused: its entry {entry.filename!r} grows from "
                f"{entry.compress_size:,} to {entry.file_size:,} bytes, as a zip bomb does; "
                "unpack it yourself and give the folder."
            )


def _is_skipped(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return hidden or name.lower().endswith(NESTED)


def _entry_blob(archive: zipfile.ZipFile, label: str, entry: zipfile.ZipInfo) -> Blob:
    name = f"{label}/{entry.filename}"

    def read() -> IO[bytes]:
        try:
            return io.BytesIO(archive.read(entry))
        except (*_DAMAGE, RuntimeError) as error:
            raise DamagedArchiveError(
                f"{name} is damaged and cannot be unpacked: {error}; make the archive anew."
            ) from None

    return Blob(name=name, size=entry.file_size, open=read)
