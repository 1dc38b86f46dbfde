"""Bytes with a name: a file on disk or in an archive, and how bytes become text."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pruning.errors import AtlasError, InputError

MEBIBYTE = 2**20
MAX_IN_MEMORY = 1024 * MEBIBYTE  # bytes of one file that is read whole
MAX_RATIO = 200  # times that compressed bytes may grow; text compresses 3 to 20 times
ALWAYS_ALLOWED = 16 * MEBIBYTE  # decompressed bytes that are harmless at any ratio


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A readable file. name: as people know it; size: bytes; path: None inside an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    path: Path | None = None

    @property
    def suffix(self) -> str:
        """The ending in lower case; compressed files have two: ".jsonl.gz"."""
        endings = [ending.lower() for ending in Path(self.name).suffixes[-2:]]
        if endings[-1:] == [".gz"]:
            return "".join(endings)
        return endings[-1] if endings else ""

    def read(self) -> bytes:
        """All bytes, decompressed if the ending is .gz; InputError when there are too many."""
        if self.size > MAX_IN_MEMORY:
            raise InputError(
                f"{self.name} has {self.size:,} bytes, more than the {MAX_IN_MEMORY:,} that are read "
                "at once; split it, or give JSON Lines or Parquet."
            )
        try:
            with self.open() as stream:
                data = stream.read()
        except OSError as error:
            raise AtlasError(f"{self.name} cannot be read: {error.strerror or error}.") from error
        return self._decompressed(data) if self.suffix.endswith(".gz") else data

    def _decompressed(self, data: bytes) -> bytes:
        limit = min(MAX_IN_MEMORY, max(ALWAYS_ALLOWED, MAX_RATIO * len(data)))
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                text = stream.read(limit + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.name} is not a whole gzip file: {error}.") from None
        if len(text) > limit:
            raise InputError(
                f"{self.name} grows to more than {limit:,} bytes when decompressed, "
                "which is not plausible for text; decompress it yourself and give the file."
            )
        return text


def blob_of(path: Path, name: str | None = None) -> Blob:
    """A file on disk. Raises AtlasError when it cannot be looked at."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AtlasError(f"{path} cannot be read: {error.strerror or error}.") from error
    return Blob(name=name or str(path), size=size, open=lambda: path.open("rb"), path=path)


def decode(data: bytes, name: str) -> str:
    """Bytes as text: UTF-8, with or without a byte order mark, or UTF-16 with one.

    Line ends become "\\n". Raises InputError for anything else: where it stops being text, and what
    to do.
    """
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if utf16 else "utf-8-sig"
    zero = data.find(b"\0")
    if zero >= 0 and not utf16:
        raise InputError(
            f"{name} is not text but a binary file (a zero byte at position {zero:,}); "
            "give text, JSON, CSV, Parquet or a zip of these."
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{name} is not {'UTF-16' if utf16 else 'UTF-8'} text: byte 0x{data[error.start]:02x} "
            f"at position {error.start:,} (line {line:,}) does not fit; save it as UTF-8."
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
