"""Bytes with a name: a file on disk or in an archive, decompressed by what it holds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pruning.domains.reading import BadMemberError
from pruning.errors import AtlasError

MEBIBYTE = 2**20
MAX_IN_MEMORY = 1024 * MEBIBYTE  # bytes of one file that is read whole
MAX_RATIO = 200  # times that compressed bytes may grow; text compresses 3 to 20 times
ALWAYS_ALLOWED = 16 * MEBIBYTE  # decompressed bytes that are harmless at any ratio
COMPRESSED = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".lz4")
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


def _arrow(codec: str) -> Callable[[Any], IO[bytes]]:
    def opened(stream: Any) -> IO[bytes]:
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), codec)

    return opened


# What a compressed file begins with: its form in words, and how it is read.
_CODECS: tuple[tuple[bytes, str, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", "gzip", lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ\0", "xz", lzma.LZMAFile),
    (b"\x28\xb5\x2f\xfd", "zstd", _arrow("zstd")),
    (b"\x04\x22\x4d\x18", "lz4", _arrow("lz4")),
)


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A readable file. name: as people know it; size: bytes; path: None inside an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    path: Path | None = None

    @property
    def plain_name(self) -> str:
        """The name without the ending of a compressed file."""
        lower = self.name.lower()
        ending = next((ending for ending in COMPRESSED if lower.endswith(ending)), "")
        return self.name[: len(self.name) - len(ending)]

    @property
    def suffix(self) -> str:
        """The ending in lower case, of what is compressed if it is; "" without one."""
        return Path(self.plain_name).suffix.lower()

    def head(self, count: int) -> bytes:
        """The first bytes, decompressed; what a damaged file gives before its damage."""
        with self._opened() as stream:
            codec = _codec_of(stream)
            if codec is None:
                return stream.read(count)
            try:
                return codec[2](stream).read(count)
            except _DAMAGE:
                return b""

    @property
    def is_compressed(self) -> bool:
        """Whether the bytes are those of a compressed file, whatever the name."""
        with self._opened() as stream:
            return _codec_of(stream) is not None

    def read(self) -> bytes:
        """All bytes, decompressed where they are compressed; InputError when there are too many."""
        if self.size > MAX_IN_MEMORY:
            raise BadMemberError(
                f"{self.name} has {self.size:,} bytes, more than the {MAX_IN_MEMORY:,} that are read "
                "at once; split it, or give JSON Lines or Parquet.",
                f"more than {MAX_IN_MEMORY:,} bytes",
            )
        with self._opened() as stream:
            codec = _codec_of(stream)
            if codec is not None:
                return self._decompressed(stream, *codec[1:])
            try:
                return stream.read()
            except OSError as error:
                raise AtlasError(
                    f"{self.name} cannot be read: {error.strerror or error}."
                ) from error

    def _opened(self) -> IO[bytes]:
        try:
            return self.open()
        except OSError as error:
            raise AtlasError(f"{self.name} cannot be read: {error.strerror or error}.") from error

    def _decompressed(self, stream: IO[bytes], form: str, reader: Callable[[Any], Any]) -> bytes:
        limit = min(MAX_IN_MEMORY, max(ALWAYS_ALLOWED, MAX_RATIO * self.size))
        pieces, size = [], 0
        try:
            unpacked = reader(stream)
            while size <= limit and (piece := unpacked.read(MEBIBYTE)):
                pieces.append(bytes(piece))
                size += len(piece)
        except _DAMAGE as error:
            raise BadMemberError(
                f"{self.name} is not a whole {form} file: {_words(error)}; compress it anew.",
                f"not a whole {form} file",
            ) from None
        if size > limit:
            raise BadMemberError(
                f"{self.name} grows to more than {limit:,} bytes when decompressed, "
                "which is not plausible for text; decompress it yourself and give the file.",
                "grows implausibly when decompressed",
            )
        return b"".join(pieces)


def _codec_of(stream: IO[bytes]) -> tuple[bytes, str, Callable[[Any], Any]] | None:
    """How the stream is compressed, if it is; it is at its beginning again afterwards."""
    start = stream.read(8)
    stream.seek(0)
    return next((codec for codec in _CODECS if start.startswith(codec[0])), None)


def _words(error: BaseException) -> str:
    return str(error).strip().rstrip(".") or "it ends too early"


def blob_of(path: Path, name: str | None = None) -> Blob:
    """A file on disk. Raises AtlasError when it cannot be looked at."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AtlasError(f"{path} cannot be read: {error.strerror or error}.") from error
    return Blob(name=name or str(path), size=size, open=lambda: path.open("rb"), path=path)


def in_memory(blob: Blob, data: bytes) -> Blob:
    """The same file with its bytes, decompressed, held in memory."""
    return Blob(name=blob.plain_name, size=len(data), open=lambda: io.BytesIO(data))
