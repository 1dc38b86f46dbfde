"""Bytes as text: UTF-8 and UTF-16 as they say themselves, other encodings by a detector."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from pruning.domains.reading import BadMemberError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WESTERN = "cp1252"
ENOUGH_COHERENCE = 0.1  # the least likeness to a language at which a guess is believed
FEW = 3  # letters with accents that may make up all of a text
_CONTROLS = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_LETTERS = "àâäáãåæçèéêëìíîïñòóôöõøùúûüÿœß"
_SIGNS = "€‚„…‘’“”•–—™ ¡¢£§©«®°²³µ·»½¿×"
_WESTERN = frozenset(_LETTERS + _LETTERS.upper() + _SIGNS)

Noted = Callable[[str], None]


def decode(data: bytes, name: str, noted: Noted = lambda encoding: None) -> str:
    """Bytes as text. Line ends become "\\n".

    UTF-8, with or without a byte order mark, and UTF-16 and UTF-32 with one, are read as what they
    are; other text in the encoding that can be made out, which `noted` is then told. Raises
    BadMemberError for what is no text, or in no encoding that can be told, with the place.
    """
    mark = next((encoding for start, encoding in MARKS if data.startswith(start)), None)
    misfit = None
    try:
        text = data.decode(mark or "utf-8")
    except UnicodeDecodeError as error:
        misfit, text = _misfit(data, name, mark or "utf-8", error), "\0"
    if "\0" in text:
        encoding = None if mark else _detected(data)
        if encoding is None:
            raise misfit if misfit and (mark or b"\0" not in data) else _binary(data, name)
        noted(encoding)
        text = data.decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _detected(data: bytes) -> str | None:
    """The encoding of text that is not UTF-8, or None where it cannot be told."""
    from charset_normalizer import from_bytes  # takes a moment to import; seldom needed

    if b"\0" in data:
        return _wide(data)
    if _is_western(data):
        return WESTERN
    best = from_bytes(data).best()
    if best is None or best.coherence < ENOUGH_COHERENCE:
        return None
    return None if _CONTROLS.search(data.decode(best.encoding)) else best.encoding


def _wide(data: bytes) -> str | None:
    """UTF-16 without a byte order mark, by where the zero bytes of plain letters stand."""
    odd, even = data[1::2].count(0), data[::2].count(0)
    if len(data) % 2 or max(odd, even) * 2 < len(data) // 2 or min(odd, even):
        return None
    encoding = "utf-16-le" if odd else "utf-16-be"
    try:
        return None if _CONTROLS.search(data.decode(encoding)) else encoding
    except UnicodeDecodeError:
        return None


def _is_western(data: bytes) -> bool:
    """Whether bytes make sense in Windows' Western European encoding, a superset of Latin-1.

    The detector cannot tell it from its neighbours by a few accents. All that is beyond ASCII must be
    letters and signs of Western European languages, and few among the plain letters, since any text
    of another alphabet would come out as letters with accents throughout.
    """
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError:
        return False
    foreign = [letter for letter in text if letter > "\x7f"]
    if not _WESTERN.issuperset(foreign) or _CONTROLS.search(text):
        return False
    accented = sum(letter.isalpha() for letter in foreign)
    return accented <= max(FEW, 0.3 * sum(map(str.isalpha, text)))


def _misfit(data: bytes, name: str, encoding: str, error: UnicodeDecodeError) -> BadMemberError:
    line = data.count(b"\n", 0, error.start) + 1
    label = encoding.upper().removesuffix("-SIG")
    return BadMemberError(
        f"{name} is not {label} text: byte 0x{data[error.start]:02x} at position {error.start:,} "
        f"(line {line:,}) does not fit, and its encoding cannot be told; save it as UTF-8.",
        "text in an encoding that cannot be told (save it as UTF-8)",
    )


def _binary(data: bytes, name: str) -> BadMemberError:
    return BadMemberError(
        f"{name} is not text but a binary file (a zero byte at position {data.find(0):,}); "
        "give text, JSON, CSV, Parquet or a zip of these.",
        "a binary file",
    )
