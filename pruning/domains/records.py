"""Documents in a file of records: JSON Lines, JSON, CSV and Parquet, read by position."""

from __future__ import annotations

import codecs
import io
import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from pruning.domains.blobs import MAX_IN_MEMORY, Blob, decode
from pruning.domains.columns import TEXT, TextColumns, choose_columns, describe_columns, own_column
from pruning.errors import InputError
from pruning.specs import DomainSpec

LOOKED_AT = 100  # records from which the columns of a JSON file are learned


class Documents(Protocol):
    """Documents by position; an empty string stands for one that is to be skipped."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> str: ...


class Records:
    """Documents made from records by a choice of columns."""

    def __init__(self, records: Sequence[Mapping[str, Any]], columns: TextColumns) -> None:
        self.records, self.columns = records, columns

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> str:
        return self.columns.text(self.records[index])


class JsonLines:
    """A JSON value a line, read from where the line begins; nothing but positions is kept."""

    def __init__(self, name: str, opened: Callable[[], IO[bytes]]) -> None:
        self.name, self.opened = name, opened
        self.starts = array("q")
        position = 0
        with opened() as stream:
            for line in stream:
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


def json_lines(blob: Blob, spec: DomainSpec) -> Documents:
    """The documents of a JSON Lines file: objects with columns, or plain strings.

    A plain UTF-8 file stays on disk; a compressed, archived or UTF-16 one is held in memory.
    """
    opened = blob.open
    if blob.path is None or blob.suffix.endswith(".gz") or _byte_order_mark(blob):
        data = decode(blob.read(), blob.name).encode()
        opened = lambda: io.BytesIO(data)  # noqa: E731 - as `Blob.open`
    return _json_documents(JsonLines(blob.name, opened), blob.name, spec)


def json_file(blob: Blob, spec: DomainSpec) -> Documents:
    """The documents of a JSON file: a list of strings or objects, or {"data": such a list}."""
    value = parse_json(decode(blob.read(), blob.name), blob.name)
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if not isinstance(value, list):
        raise InputError(
            f'{blob.name} is not a list of texts or records, nor {{"data": [...]}}; '
            "write it so, or one record a line as .jsonl."
        )
    return _json_documents(value, blob.name, spec)


def csv_file(blob: Blob, spec: DomainSpec) -> Documents:
    """The documents of a CSV file with a header line; its cells end with "," or ";" or a tab."""
    text = decode(blob.read(), blob.name)
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    data = text.encode()
    options = {
        "read_options": arrow_csv.ReadOptions(block_size=len(data) + 1),
        "parse_options": arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    }
    try:
        table = arrow_csv.read_csv(pa.BufferReader(data), **options)
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"{blob.name} is not a regular CSV table: {_first_line(error)}.") from None
    return _table_documents(table.schema, table.num_rows, table.select, blob.name, spec)


def parquet_file(blob: Blob, spec: DomainSpec) -> Documents:
    """The documents of a Parquet file; only the columns that make the text are read."""
    source = blob.path if blob.path is not None else pa.BufferReader(blob.read())
    try:
        with parquet.ParquetFile(source) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{blob.name} is not a whole Parquet file: {_first_line(error)}."
        ) from None

    def read(names: list[str]) -> pa.Table:
        with parquet.ParquetFile(source) as file:
            size = _column_bytes(file.metadata, names)
            if size > MAX_IN_MEMORY:
                raise InputError(
                    f"The text of {blob.name} takes {size:,} bytes, more than the "
                    f"{MAX_IN_MEMORY:,} that are read at once; give some of its rows as a file."
                )
            try:
                return file.read(columns=names)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{blob.name} is damaged: {_first_line(error)}.") from None

    return _table_documents(schema, rows, read, blob.name, spec)


def parse_json(text: str, where: str) -> Any:
    """A JSON value, or InputError with the place of the first mistake."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where} is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        ) from None
    except RecursionError:
        raise InputError(f"{where} is nested too deeply to be read as JSON.") from None


class _Rows(Sequence[Mapping[str, Any]]):
    """The rows of an Arrow table as dictionaries."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, index: Any) -> Any:
        return {name: self.table.column(name)[index].as_py() for name in self.table.column_names}


def _json_documents(values: Any, name: str, spec: DomainSpec) -> Documents:
    if not len(values):
        raise InputError(f"{name} is empty: it has no record. Give a file with text.")
    first = [values[index] for index in range(min(LOOKED_AT, len(values)))]
    if isinstance(first[0], str):
        if spec.column or spec.template:
            raise InputError(f"{name} holds plain texts without columns; leave the column out.")
        return _Checked(values, name, str, "a text, as the first one is")
    checked = _Checked(values, name, dict, "a record with columns")
    columns = describe_columns(checked[index] for index in range(len(first)))
    chosen = choose_columns(columns, column=spec.column, template=spec.template, where=name)
    return Records(checked, chosen)


class _Checked(Sequence[Any]):
    """JSON values that must all be of one kind."""

    def __init__(self, values: Any, name: str, kind: type, word: str) -> None:
        self.values, self.name, self.kind, self.word = values, name, kind, word

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        value = self.values[index]
        if not isinstance(value, self.kind):
            raise InputError(f"{self.name}, record {index + 1:,}, is not {self.word}.")
        return value


def _table_documents(
    schema: pa.Schema,
    num_rows: int,
    read: Callable[[list[str]], pa.Table],
    name: str,
    spec: DomainSpec,
) -> Documents:
    if not num_rows:
        raise InputError(f"{name} is empty: it has no row. Give a file with text.")
    columns = dict(leaf for field in schema for leaf in _arrow_leaves(field))
    chosen = choose_columns(columns, column=spec.column, template=spec.template, where=name)
    return Records(_Rows(read(list(chosen.top_level(schema.names)))), chosen)


def _arrow_leaves(field: pa.Field, prefix: str = "") -> Iterator[tuple[str, str]]:
    if pa.types.is_struct(field.type):
        for inner in field.type:
            yield from _arrow_leaves(inner, f"{prefix}{field.name}.")
        return
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    is_text = any(check(field.type) for check in texts)
    yield f"{prefix}{field.name}", TEXT if is_text else str(field.type)


def _column_bytes(metadata: Any, names: Sequence[str]) -> int:
    size = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if own_column(column.path_in_schema, names) in names:
                size += column.total_uncompressed_size
    return size


def _byte_order_mark(blob: Blob) -> bool:
    marks = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    with blob.open() as stream:
        return stream.read(3).startswith(marks)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
