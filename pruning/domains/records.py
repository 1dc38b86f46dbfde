"""Documents in a file of JSON: a value a line, read by position, or a list."""

from __future__ import annotations

import io
import json
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol

from pruning.domains.blobs import Blob
from pruning.domains.chats import messages_of
from pruning.domains.columns import TextColumns, describe_columns
from pruning.domains.decoding import MARKS, decode
from pruning.domains.document import Document
from pruning.domains.reading import BadMemberError
from pruning.domains.request import Request
from pruning.errors import InputError

LOOKED_AT = 100  # records from which the columns of a JSON file are learned


class Documents(Protocol):
    """Documents by position; a blank one stands for one that is to be skipped."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Document: ...


class Records:
    """Documents made from records by a choice of columns."""

    def __init__(self, records: Sequence[Mapping[str, Any]], columns: TextColumns) -> None:
        self.records, self.columns = records, columns

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Document:
        return self.columns.document(self.records[index])


class Texts:
    """Documents that are plain texts in a list."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Document:
        return Document(text=self.texts[index])


class Number(float):
    """A JSON number that remembers how it was written: 16.50, 1e2."""

    written: str

    def __new__(cls, text: str) -> Number:
        number = super().__new__(cls, text)
        number.written = text
        return number

    def __str__(self) -> str:
        return self.written


class JsonLines:
    """A JSON value a line, read from where the line begins; nothing but positions is kept.

    Raises ValueError where a line is not UTF-8.
    """

    def __init__(self, name: str, opened: Callable[[], IO[bytes]]) -> None:
        self.name, self.opened = name, opened
        self.starts = array("q")
        position = 0
        with opened() as stream:
            for line in stream:
                line.decode()
                if line.strip():
                    self.starts.append(position)
                position += len(line)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Any:
        with self.opened() as stream:
            stream.seek(self.starts[index])
            line = stream.readline()
        where = f"{self.name}, record {index + 1:,}"
        return parse_json(decode(line, where), where)


def json_lines(blob: Blob, request: Request) -> Documents:
    """The documents of a JSON Lines file: objects with columns, or plain strings.

    A plain UTF-8 file stays on disk; a compressed, archived or otherwise encoded one is held in
    memory.
    """
    on_disk = blob.path is not None and not blob.is_compressed
    if on_disk and not blob.head(4).startswith(tuple(mark for mark, _ in MARKS)):
        try:
            return _json_documents(JsonLines(blob.name, blob.open), blob.name, request)
        except UnicodeDecodeError:
            pass
    data = text_of(blob, request).encode()
    lines = JsonLines(blob.name, lambda: io.BytesIO(data))
    return _json_documents(lines, blob.name, request)


def json_file(blob: Blob, request: Request) -> Documents:
    """The documents of a JSON file.

    Read are a list of strings, objects or conversations; an object with such a list as its only one,
    or as its "data"; an object of columns, lists of equal length; and values one after the other.
    """
    values = parse_values(text_of(blob, request), blob.name)
    if len(values) > 1:
        return _json_documents(values, blob.name, request)
    found = _list_in(values[0]) if values else []
    if found is None:
        raise BadMemberError(
            f'{blob.name} is not a list of texts or records, nor {{"data": [...]}}; '
            "write it so, or one record a line as .jsonl.",
            "JSON, but no list of texts or records",
        )
    return _json_documents(found, blob.name, request)


def text_of(blob: Blob, request: Request) -> str:
    """The blob's whole text; a guessed encoding is noted."""

    def noted(encoding: str) -> None:
        request.reading.note(f"read as {encoding}, which was guessed", blob.name)

    return decode(blob.read(), blob.name, noted)


def parse_json(text: str, where: str) -> Any:
    """A JSON value, or BadMemberError with the place of the first mistake."""
    try:
        return json.loads(text, parse_float=Number)
    except (ValueError, RecursionError) as error:
        raise _no_json(error, where) from None


def parse_values(text: str, where: str) -> list[Any]:
    """The JSON values that follow each other in a text, as a rule one; raises as `parse_json`."""
    decoder, values, position = json.JSONDecoder(parse_float=Number), [], 0
    length = len(text.rstrip())
    try:
        while position < length:
            while text[position].isspace():
                position += 1
            value, position = decoder.raw_decode(text, position)
            values.append(value)
    except (ValueError, RecursionError) as error:
        raise _no_json(error, where) from None
    return values


def _no_json(error: Exception, where: str) -> BadMemberError:
    if isinstance(error, json.JSONDecodeError):
        place = f"line {error.lineno}, column {error.colno}"
        return BadMemberError(f"{where} is not JSON: {error.msg} ({place}).", "not JSON")
    if isinstance(error, RecursionError):
        return BadMemberError(
            f"{where} is nested too deeply to be read as JSON.", "JSON that is nested too deeply"
        )
    return BadMemberError(
        f"{where} holds a number of too many digits; write it as text.",
        "a number of too many digits",
    )


def _list_in(value: Any) -> list[Any] | None:
    """The list of records in the value of a JSON file."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("data"), list):
        return value["data"]
    lists = [each for each in value.values() if isinstance(each, list)]
    if len(lists) == len(value) > 1 and len({len(each) for each in lists}) == 1:
        return [dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True)]
    held = [each for each in lists if each and isinstance(each[0], (str, dict))]
    return held[0] if len(held) == 1 == len(value) else None


def _json_documents(values: Any, name: str, request: Request) -> Documents:
    if not len(values):
        raise BadMemberError(f"{name} is empty: it has no record. Give a file with text.", "empty")
    first = _readable(values)
    spec = request.spec
    if isinstance(first[0], str):
        if spec.column or spec.template:
            raise InputError(f"{name} holds plain texts without columns; leave the column out.")
        return Texts(_Checked(values, name, str, "a text, as the first one is"))
    if isinstance(first[0], list) and messages_of(first[0]) is not None:
        values = _Conversations(values)
    checked = _Checked(values, name, dict, "a record with columns")
    head = _readable(checked)
    chosen = request.columns(describe_columns(head), name, lambda: head)
    return Records(checked, chosen)


def _readable(values: Any) -> list[Any]:
    """The first values but bad ones, which are met when they are drawn; the error if all are bad."""
    found, trouble = [], None
    for index in range(min(LOOKED_AT, len(values))):
        try:
            found.append(values[index])
        except BadMemberError as error:
            trouble = trouble or error
    if trouble is not None and not found:
        raise trouble
    return found


class _Conversations(Sequence[Any]):
    """Lists of messages as records of one column."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return {"messages": self.values[index]}


class _Checked(Sequence[Any]):
    """JSON values that must all be of one kind."""

    def __init__(self, values: Any, name: str, kind: type, word: str) -> None:
        self.values, self.name, self.kind, self.word = values, name, kind, word

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        value = self.values[index]
        if not isinstance(value, self.kind):
            raise BadMemberError(
                f"{self.name}, record {index + 1:,}, is not {self.word}.", f"not {self.word}"
            )
        return value
