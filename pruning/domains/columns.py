"""Which part of a record is the text: one column, or a template over several."""

from __future__ import annotations

import string
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pruning.errors import InputError

TEXT = "text"  # the type of a column that holds strings; any other type is a word for people
USUAL_NAMES = ("text", "content")


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """Turns a record into its text.

    column: the column that is the text; template: a text with {column} in it; exactly one is given.
    A dot reaches into a nested record: "translation.en". where: the file or data set, for messages.
    """

    column: str | None
    template: str | None
    where: str

    def top_level(self, names: Sequence[str]) -> tuple[str, ...]:
        """The record's own columns that are read, of all its own `names`.

        Raises InputError for one that is not there, or is there more than once.
        """
        fields = template_fields(self.template) if self.template else (str(self.column),)
        own = tuple(dict.fromkeys(own_column(field, names) for field in fields))
        for name in own:
            count = names.count(name)
            if not count:
                raise InputError(
                    f"{self.where} has no column {name!r}; its columns: {', '.join(names)}."
                )
            if count > 1:
                raise InputError(
                    f"{self.where} has {count} columns named {name!r}; give each a name of its own."
                )
        return own

    def text(self, record: Mapping[str, Any]) -> str:
        """The record's text; "" when its columns are missing or empty.

        Raises InputError when the chosen column holds something that is not text.
        """
        if self.template is None:
            value = value_at(record, str(self.column))
            if value is None:
                return ""
            if not isinstance(value, str):
                raise InputError(
                    f"The column {self.column!r} of {self.where} holds {kind_of(value)}, not text; "
                    "choose another column, or a template."
                )
            return value
        values = {field: value_at(record, field) for field in template_fields(self.template)}
        if all(value is None or value == "" for value in values.values()):
            return ""
        return _fill(self.template, values)


def choose_columns(
    columns: Mapping[str, str], *, column: str | None, template: str | None, where: str
) -> TextColumns:
    """Choose the text among `columns` (name -> type, see `describe_columns`).

    Without a column or template: "text" or "content", else the only column of text. Raises
    InputError, with the columns there are, when the choice is missing, unclear, or not text.
    """
    listing = ", ".join(f"{name} ({kind})" for name, kind in columns.items()) or "none"
    if template is not None:
        fields = template_fields(template)
        missing = [field for field in fields if not _present(columns, field)]
        if missing:
            raise InputError(
                f"{where} has no column {', '.join(missing)}, which the template names; "
                f"its columns: {listing}."
            )
        return TextColumns(column=None, template=template, where=where)
    if column is not None:
        if not _present(columns, column):
            raise InputError(f"{where} has no column {column!r}; its columns: {listing}.")
        if columns.get(column, "records") != TEXT:
            raise InputError(
                f"The column {column!r} of {where} does not hold text; its columns: {listing}."
            )
        return TextColumns(column=column, template=None, where=where)
    texts = [name for name, kind in columns.items() if kind == TEXT]
    usual = [name for name in USUAL_NAMES if name in texts]
    if not usual and len(texts) != 1:
        raise InputError(
            f"{where}: say which column is the text, or give a template such as "
            f"'{{question}} {{answer}}'; its columns: {listing}."
        )
    return TextColumns(column=(usual or texts)[0], template=None, where=where)


def describe_columns(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Column name -> type, from some records; the columns of nested records have dots."""
    columns: dict[str, str] = {}
    for record in records:
        for name, kind in _leaves(record):
            if columns.get(name, "empty") == "empty":
                columns[name] = kind
    return columns


def value_at(record: Mapping[str, Any], name: str) -> Any:
    """The value of a column; a dot reaches into a nested record; None when it is not there."""
    own = own_column(name, record)
    value = record.get(own)
    if own == name:
        return value
    return value_at(value, name[len(own) + 1 :]) if isinstance(value, Mapping) else None


def own_column(field: str, names: Container[str]) -> str:
    """The record's own column, one of `names`, that a field lies in.

    That is the field itself, as a dot may be part of a name, or else the longest part of it before
    a dot; with none among `names`, what stands before the first dot.
    """
    name = field
    while name not in names and "." in name:
        name = name.rpartition(".")[0]
    return name


def template_fields(template: str) -> tuple[str, ...]:
    """The columns that a template names, each once. Raises InputError for an unusable template."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InputError(
            f"The template {template!r} cannot be read ({error}); "
            "write {column}, and {{ or }} for a brace."
        ) from None
    names = []
    for _, field, format_spec, conversion in parts:
        if field is None:
            continue
        if not field or format_spec or conversion:
            raise InputError(f"In the template {template!r} write plain column names: {{column}}.")
        names.append(field)
    if not names:
        raise InputError(f"The template {template!r} names no column; write {{column}}.")
    return tuple(dict.fromkeys(names))


def kind_of(value: Any) -> str:
    """A word for what a value is: "text" for a string."""
    if value is None:
        return "empty"
    kinds: tuple[tuple[type, str], ...] = (
        (str, TEXT),
        (bool, "true or false"),
        (int, "whole numbers"),
        (float, "numbers"),
        (list, "lists"),
        (Mapping, "records"),
    )
    return next((word for kind, word in kinds if isinstance(value, kind)), type(value).__name__)


def _leaves(record: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind_of(value)


def _present(columns: Mapping[str, str], name: str) -> bool:
    return name in columns or any(other.startswith(f"{name}.") for other in columns)


def _fill(template: str, values: Mapping[str, Any]) -> str:
    pieces = []
    for literal, field, _, _ in string.Formatter().parse(template):
        pieces.append(literal)
        if field is not None and values[field] is not None:
            pieces.append(str(values[field]))
    return "".join(pieces)
