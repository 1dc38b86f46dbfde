"""What form a file has, by what it holds; its ending decides only between what content leaves open."""

from __future__ import annotations

import json
from typing import Any

from pruning.domains.blobs import Blob
from pruning.domains.decoding import MARKS
from pruning.domains.reading import BadMemberError

LOOKED_AT = 2**18  # bytes
LINES = 20  # that are parsed to know JSON Lines
TEXT, JSON_LINES, JSON, TABLE = "text", "JSON Lines", "JSON", "CSV"
PARQUET, ARROW, ARROW_STREAM = "Parquet", "Arrow", "Arrow stream"
LINE_ENDINGS = (".jsonl", ".ndjson", ".jsonlines", ".jl")
TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".psv")
OPEN_ENDINGS = ("", ".txt", ".data", ".text", ".dat")  # that say nothing of what is inside
# What begins so is no text: form in words, and what to do.
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "a PDF; save its text as .txt"),
    (0, b"SQLite format 3\0", "an SQLite database; export its table as CSV"),
    (0, b"\x89HDF", "an HDF5 file; export its texts as JSON Lines or Parquet"),
    (0, b"Obj\x01", "an Avro file; save it as Parquet"),
    (0, b"ORC", "an ORC file; save it as Parquet"),
    (0, b"\x80\x04\x95", "a pickle, which is never opened; save it as JSON Lines or Parquet"),
    (0, b"\x80\x05\x95", "a pickle, which is never opened; save it as JSON Lines or Parquet"),
    (0, b"7z\xbc\xaf\x27\x1c", "an archive that cannot be read here"),
    (0, b"Rar!", "an archive that cannot be read here"),
    (257, b"ustar", "an archive that cannot be read here"),
)


def form_of(blob: Blob) -> str:
    """One of this module's forms. Raises BadMemberError for a form that is known not to be text."""
    head = blob.head(LOOKED_AT)
    if head.startswith(b"PAR1") or blob.suffix == ".parquet":
        return PARQUET
    if head.startswith(b"ARROW1\0\0"):
        return ARROW
    if head.startswith(b"\xff\xff\xff\xff") or blob.suffix in (".arrow", ".feather"):
        return ARROW_STREAM
    _refuse_others(blob, head)
    if blob.suffix in TABLE_ENDINGS:
        return TABLE
    return _form_of_text(blob.suffix, _text_of(head))


def is_office(blob: Blob) -> bool:
    """Whether a zip archive is a document of a word processor or the like."""
    return _is_office(blob.head(LOOKED_AT))


def _is_office(head: bytes) -> bool:
    return b"[Content_Types].xml" in head or b"mimetypeapplication/vnd." in head[:100]


def _refuse_others(blob: Blob, head: bytes) -> None:
    if head.startswith(b"PK\x03\x04"):
        what = "an office document; save its text as .txt, or its table as .csv"
        kind = what if _is_office(head) else "an archive that cannot be read here"
    else:
        kind = next((what for at, mark, what in _OTHERS if head[at:].startswith(mark)), "")
    if kind:
        raise BadMemberError(f"{blob.name} is {kind}.", kind)


def _form_of_text(suffix: str, head: str) -> str:
    start = head.lstrip()
    if suffix in LINE_ENDINGS:
        return JSON if _is_one_list(start) else JSON_LINES
    if not start.startswith(("{", "[", '"')):
        return JSON if suffix == ".json" else TEXT
    lines = _parsed_lines(head)
    if len(lines) > 1 and all(isinstance(line, dict) and line for line in lines):
        return JSON_LINES
    if suffix == ".json":
        return JSON
    inner = start[1:].lstrip() if start.startswith("[") else ""
    return JSON if suffix in OPEN_ENDINGS and inner.startswith(("{", '"')) else TEXT


def _text_of(head: bytes) -> str:
    """Enough of a text to see its form, whatever its encoding."""
    mark = next((encoding for start, encoding in MARKS if head.startswith(start)), "utf-8")
    return head.decode(mark, errors="replace")


def _parsed_lines(head: str) -> list[Any]:
    """The values of the first lines that are not blank, None for one that is not JSON."""
    lines = head.split("\n")
    if len(lines) > 1 and len(head) > LOOKED_AT // 8:
        lines = lines[:-1]  # the last one may be cut
    return [_value(line) for line in [line for line in lines if line.strip()][:LINES]]


def _value(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_one_list(start: str) -> bool:
    """Whether a file that should have a value a line is one list, in one line or in several."""
    if not start.startswith("["):
        return False
    first, _, rest = start.partition("\n")
    return not first.rstrip().endswith("]") or not rest.strip()
