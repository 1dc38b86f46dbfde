"""What of a record is its text: a column, a conversation, or a template over several columns."""

from __future__ import annotations

import string
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pruning.domains.chats import ChatFormat, messages_of, role_by_role
from pruning.domains.document import Document
from pruning.errors import InputError

TEXT = "text"  # the type of a column that holds strings
CHAT = "conversations"  # lists of messages
TEXT_LISTS = "lists of texts"
RECORD_LISTS = "lists of records"
WRITTEN = "numbers or dates"  # cells of a text file: not the text, unless a person says so


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """Turns a record into its text.

    column: the column that is the text; template: a text with {column} in it; exactly one is given.
    A dot reaches into a nested record: "translation.en". where: the file or data set, for messages.
    chat: how conversations are written. cluster, problem: columns that say what a record belongs to.
    """

    column: str | None
    template: str | None
    where: str
    chat: ChatFormat = field(default_factory=ChatFormat)
    is_chat: bool = False
    cluster: str | None = None
    problem: str | None = None

    @property
    def words(self) -> str:
        """What of a record is the text, for people."""
        if self.template is not None:
            return f"the template {self.template!r}"
        how = f", as conversations written by {self.chat.words}" if self.is_chat else ""
        return f"the column {self.column}{how}".replace("by role by role", "role by role")

    def top_level(self, names: Sequence[str]) -> tuple[str, ...]:
        """The record's own columns that are read, of all its own `names`.

        Raises InputError for one that is not there, or is there more than once.
        """
        fields = template_fields(self.template) if self.template else (str(self.column),)
        fields += tuple(name for name in (self.cluster, self.problem) if name)
        own = tuple(dict.fromkeys(own_column(name, names) for name in fields))
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

    def document(self, record: Mapping[str, Any]) -> Document:
        """The record as a document; raises as `text` does."""
        cluster = _label(value_at(record, self.cluster)) if self.cluster else None
        problem = _label(value_at(record, self.problem)) if self.problem else None
        return Document(text=self.text(record), cluster=cluster, problem=problem)

    def text(self, record: Mapping[str, Any]) -> str:
        """The record's text; "" when its columns are missing or empty.

        Raises InputError when the chosen column holds something that is not text.
        """
        if self.template is not None:
            return self._filled(record)
        value = value_at(record, str(self.column))
        if value is None:
            return ""
        if self.is_chat:
            messages = messages_of(value)
            if messages is not None:
                return self.chat.text(messages, self.where)
            if value == []:
                return ""
        if not isinstance(value, str) or self.is_chat:
            wanted = "conversations" if self.is_chat else "text"
            raise InputError(
                f"The column {self.column!r} of {self.where} holds {kind_of(value)}, not {wanted}; "
                "choose another column, or a template."
            )
        return value

    def _filled(self, record: Mapping[str, Any]) -> str:
        fields = template_fields(str(self.template))
        values = {name: value_at(record, name) for name in fields}
        if all(value is None or value in ("", []) for value in values.values()):
            return ""
        pieces = []
        for literal, name, _, _ in string.Formatter().parse(str(self.template)):
            pieces.append(literal)
            if name is not None:
                pieces.append(written(values[name], f"{{{name}}} of {self.where}"))
        return "".join(pieces)


def written(value: Any, where: str) -> str:
    """A cell as its file writes it: numbers and truth values as JSON does, nothing as "".

    Texts in a list stand under each other, and a conversation role by role. Raises InputError for
    other lists and for records, which have no one way to be written.
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    messages = messages_of(value)
    if messages is not None:
        return role_by_role(messages)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    if isinstance(value, (list, Mapping, bytes)):
        raise InputError(
            f"The template's {where} holds {kind_of(value)}, which cannot be written as text; name "
            "a column that holds text, numbers or lists of texts."
        )
    return str(value)


def describe_columns(records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Column name -> type, from some records; the columns of nested records have dots."""
    columns: dict[str, str] = {}
    for record in records:
        for name, kind in _leaves(record):
            if columns.get(name, "empty") in ("empty", "lists"):
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
    for _, name, format_spec, conversion in parts:
        if name is None:
            continue
        if not name or format_spec or conversion:
            raise InputError(f"In the template {template!r} write plain column names: {{column}}.")
        names.append(name)
    if not names:
        raise InputError(f"The template {template!r} names no column; write {{column}}.")
    return tuple(dict.fromkeys(names))


def kind_of(value: Any) -> str:
    """A word for what a value is: "text" for a string."""
    if value is None:
        return "empty"
    if messages_of(value) is not None:
        return CHAT
    if isinstance(value, list) and value:
        if all(isinstance(each, str) for each in value):
            return TEXT_LISTS
        if all(isinstance(each, Mapping) for each in value):
            return RECORD_LISTS
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
        kind = kind_of(value)
        if isinstance(value, Mapping) and value and kind != CHAT:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind


def present(columns: Mapping[str, str], name: str) -> bool:
    """Whether a column, or a record that columns lie in, has this name."""
    return name in columns or any(other.startswith(f"{name}.") for other in columns)


def _label(value: Any) -> str | None:
    """A cluster's or problem's name; what is missing or empty names none."""
    text = "" if value is None else str(value).strip()
    return text or None
