"""Documents in a table: CSV, Parquet and Arrow, of which only the columns of the text are read."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from pruning.domains.blobs import MAX_IN_MEMORY, Blob
from pruning.domains.chats import is_chat_layout
from pruning.domains.columns import CHAT, RECORD_LISTS, TEXT, TEXT_LISTS, WRITTEN, own_column
from pruning.domains.reading import BadMemberError
from pruning.domains.records import LOOKED_AT, Documents, Records, text_of
from pruning.domains.request import Request
from pruning.errors import InputError

DELIMITERS = (",", ";", "\t", "|")
SAMPLED = 2**16  # characters from which the delimiter is learned
_OTHER_CELL = re.compile(  # numbers, truth values, dates and times, and what stands for no value
    r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?%?|[-+]?(inf|nan)|true|false|null|none|n/?a"
    r"|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)?)?|\d\d:\d\d(:\d\d)?",
    re.IGNORECASE,
)


class Rows(Sequence[Mapping[str, Any]]):
    """The rows of an Arrow table as dictionaries."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, index: Any) -> Any:
        return {name: _cell(self.table.column(name)[index]) for name in self.table.column_names}


def _cell(scalar: Any) -> Any:
    value = scalar.as_py()
    short = isinstance(value, float) and not pa.types.is_float64(scalar.type)
    return float(str(np.float32(value))) if short else value  # 0.1, not 0.10000000149


def csv_file(blob: Blob, request: Request) -> Documents:
    """The documents of a table with a header line; its cells end with "," ";" "|" or a tab.

    Cells stay as they are written: nothing is taken for a number or a missing value. Quotes around
    cells are read as such where that makes a regular table, and as plain letters where only that does.
    """
    text = text_of(blob, request)
    delimiter = _delimiter_of(text)
    quoted = _is_quoted(text, delimiter)
    header = next(iter(_rows_of(text, delimiter, quoted)), [])
    data = text.encode()
    options = {
        "read_options": arrow_csv.ReadOptions(block_size=len(data) + 1),
        "parse_options": arrow_csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
        ),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    }
    try:
        table = arrow_csv.read_csv(pa.BufferReader(data), **options)
    except (pa.ArrowException, ValueError) as error:
        raise BadMemberError(
            f"{blob.name} is not a regular CSV table: {first_line(error)}.",
            "not a regular CSV table",
        ) from None
    kinds = {name: _kind_of_cells(table, at) for at, name in enumerate(table.column_names)}
    return table_documents(_of_table(table, kinds), blob.name, request)


def _rows_of(text: str, delimiter: str, quoted: bool) -> Iterator[list[str]]:
    """The rows that are not empty; csv.Error where quotes are not as they should be."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    csv.field_size_limit(sys.maxsize)  # a cell may be a whole book
    rows = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting, strict=True)
    return (row for row in rows if row)


def _delimiter_of(text: str) -> str:
    """What ends a cell: what stands most often in the header, if the first rows bear it out."""
    usual = max(DELIMITERS[:3], key=text.split("\n", 1)[0].count)
    sample = text[:SAMPLED] if len(text) <= SAMPLED else text[: text.rfind("\n", 0, SAMPLED) + 1]
    for delimiter in (usual, *DELIMITERS):
        for quoted in (True, False):
            width, regular, _ = _shape(sample, delimiter, quoted)
            if regular and width > 1:
                return delimiter
    return usual


def _is_quoted(text: str, delimiter: str) -> bool:
    """Whether a quote at the beginning of a cell wraps it, rather than being a letter of it."""
    if '"' not in text:
        return True
    _, regular, swallowed = _shape(text, delimiter, True)
    if regular and not (delimiter == "\t" and swallowed):
        return True
    return not _shape(text, delimiter, False)[1]


def _shape(text: str, delimiter: str, quoted: bool) -> tuple[int, bool, bool]:
    """(cells of the header, whether every row has as many, whether a cell holds another row's end)."""
    width, swallowed = 0, False
    try:
        for row in _rows_of(text, delimiter, quoted):
            width = width or len(row)
            if len(row) != width:
                return width, False, swallowed
            swallowed |= any("\n" in cell and delimiter in cell for cell in row)
    except csv.Error:
        return width, False, swallowed
    return width, True, swallowed


def _kind_of_cells(table: pa.Table, at: int) -> str:
    """The type of a column of texts, by what its first cells look like."""
    cells = [cell for cell in table.column(at)[:LOOKED_AT].to_pylist() if cell and cell.strip()]
    plain = cells and all(_OTHER_CELL.fullmatch(cell.strip()) for cell in cells)
    return WRITTEN if plain else TEXT if cells else "empty"


def parquet_file(blob: Blob, request: Request) -> Documents:
    """The documents of a Parquet file; only the columns that make the text are read."""
    on_disk = blob.path is not None and not blob.is_compressed
    source = blob.path if on_disk else pa.BufferReader(blob.read())
    try:
        with parquet.ParquetFile(source) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise BadMemberError(
            f"{blob.name} is not a whole Parquet file: {first_line(error)}.",
            "not a whole Parquet file",
        ) from None

    def read(names: list[str]) -> pa.Table:
        with parquet.ParquetFile(source) as file:
            size = _column_bytes(file.metadata, names)
            if size > MAX_IN_MEMORY:
                raise InputError(
                    f"The text of {blob.name} takes {size:,} bytes, more than the "
                    f"{MAX_IN_MEMORY:,} that are read at once; give some of its rows as a file."
                )
            with _damage(blob.name):
                return file.read(columns=names)

    def head() -> pa.Table:
        with parquet.ParquetFile(source) as file, _damage(blob.name):
            return pa.Table.from_batches([next(file.iter_batches(batch_size=LOOKED_AT))])

    table = _Table(schema=schema, rows=rows, read=read, head=head, kinds=arrow_kinds(schema))
    return table_documents(table, blob.name, request)


def arrow_file(blob: Blob, request: Request) -> Documents:
    """The documents of an Arrow file or stream, as `datasets` keeps its data in; held in memory."""
    source = pa.BufferReader(blob.read())
    try:
        opened = pa.ipc.open_file if blob.head(6) == b"ARROW1" else pa.ipc.open_stream
        table = opened(source).read_all()
    except (pa.ArrowException, OSError, EOFError) as error:
        raise BadMemberError(
            f"{blob.name} is not a whole Arrow file: {first_line(error)}.",
            "not a whole Arrow file",
        ) from None
    return table_documents(_of_table(table, arrow_kinds(table.schema)), blob.name, request)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """A table before its text is chosen. head: its first rows; read: all rows of some columns."""

    schema: pa.Schema
    rows: int
    read: Callable[[list[str]], pa.Table]
    head: Callable[[], pa.Table]
    kinds: Mapping[str, str]


def _of_table(table: pa.Table, kinds: Mapping[str, str]) -> _Table:
    """A table that is in memory."""
    return _Table(
        schema=table.schema,
        rows=table.num_rows,
        read=table.select,
        head=lambda: table.slice(0, LOOKED_AT),
        kinds=kinds,
    )


def table_documents(table: _Table, name: str, request: Request) -> Documents:
    """The documents of the rows; InputError where there is none, or the text is not clear."""
    if not table.rows:
        raise BadMemberError(f"{name} is empty: it has no row. Give a file with text.", "empty")
    names = table.schema.names
    unique = [column for column in names if names.count(column) == 1]
    head = lambda: list(Rows(table.head().select(unique)))  # noqa: E731 - read only when needed
    chosen = request.columns(table.kinds, name, head)
    return Records(Rows(table.read(list(chosen.top_level(names)))), chosen)


def arrow_kinds(schema: pa.Schema) -> dict[str, str]:
    """Column name -> type in words; the columns of records have dots."""
    return dict(leaf for field in schema for leaf in _arrow_leaves(field))


def _arrow_leaves(field: pa.Field, prefix: str = "") -> Iterator[tuple[str, str]]:
    kind = field.type
    if pa.types.is_struct(kind) and not _is_chat_of_lists(kind):
        for inner in kind:
            yield from _arrow_leaves(inner, f"{prefix}{field.name}.")
        return
    yield f"{prefix}{field.name}", _arrow_kind(kind)


def _arrow_kind(kind: pa.DataType) -> str:
    if _is_text(kind):
        return TEXT
    if pa.types.is_struct(kind):
        return CHAT
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if any(check(kind) for check in lists):
        inner = kind.value_type
        if pa.types.is_struct(inner):
            return CHAT if is_chat_layout(part.name for part in inner) else RECORD_LISTS
        return TEXT_LISTS if _is_text(inner) else str(kind)
    return str(kind)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _is_chat_of_lists(kind: pa.StructType) -> bool:
    lists = [part.name for part in kind if pa.types.is_list(part.type)]
    return len(lists) == kind.num_fields and is_chat_layout(lists)


def _column_bytes(metadata: Any, names: Sequence[str]) -> int:
    size = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if own_column(column.path_in_schema, names) in names:
                size += column.total_uncompressed_size
    return size


@contextlib.contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise BadMemberError(f"{name} is damaged: {first_line(error)}.", "damaged") from None


def first_line(error: Exception) -> str:
    """What an error says first, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
