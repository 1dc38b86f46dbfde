"""Which column is the text: the one that was named, or the one that plainly is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pruning.domains.chats import ChatFormat
from pruning.domains.columns import (
    CHAT,
    RECORD_LISTS,
    TEXT,
    WRITTEN,
    TextColumns,
    kind_of,
    present,
    template_fields,
    value_at,
    written,
)
from pruning.errors import InputError

USUAL_NAMES = ("text", "content")
CHAT_NAMES = (
    "messages",
    "conversations",
    "conversation",
    "dialogue",
    "dialog",
    "chat",
    "turns",
    "chosen",  # of a preference pair, what a model should say
)
NAMES_OF_OTHERS = re.compile(
    r"(?i:(.*[_.-])?(id|uid|uuid|guid|key|hash|sha\d*|md5|index|title|name|url|uri|link|path|"
    r"file|filename|lang|language|label|category|source|date|time|timestamp|version|licen[cs]e))"
    r"|[a-z]+(Id|ID|Url|URL)"
)
SHOWN = 72  # characters of a preview

Head = Callable[[], Sequence[Mapping[str, Any]]]


class ColumnChoiceError(InputError):
    """Which column is the text has to be said. columns: (name, type, preview) of each there is."""

    def __init__(self, message: str, columns: Sequence[tuple[str, str, str]]) -> None:
        previews = "; ".join(f"{name}: “{shown}”" for name, _, shown in columns if shown)
        super().__init__(f"{message} The first record: {previews}." if previews else message)
        self.columns = tuple(columns)

    def with_words(self, more: str) -> ColumnChoiceError:
        """The same with a further sentence."""
        error = ColumnChoiceError(f"{self} {more}", ())
        error.columns = self.columns
        return error


def choose_columns(
    columns: Mapping[str, str],
    *,
    column: str | None,
    template: str | None,
    where: str,
    head: Head = tuple,
    chat: ChatFormat | None = None,
) -> TextColumns:
    """Choose the text among `columns` (name -> type, see `describe_columns`).

    Without a column or template: "text" or "content"; else conversations; else the only column of
    text, if its name and its values look like text, and nothing beside it could be the text. head:
    gives some records, of which an unclear choice shows the first. Raises InputError, with the
    columns there are, when the choice is missing (ColumnChoiceError), or not text.
    """
    listing = ", ".join(f"{name} ({kind})" for name, kind in columns.items()) or "none"
    how = chat or ChatFormat()
    if template is not None:
        _check_template(columns, template, where, listing)
        return TextColumns(column=None, template=template, where=where, chat=how)
    if column is None:
        column = _plainly_text(columns, head)
        if column is None:
            raise ColumnChoiceError(
                f"{where}: say which column is the text, or give a template such as "
                f"'{{question}} {{answer}}'; its columns: {listing}.",
                previews(columns, head()),
            )
    elif not present(columns, column):
        raise InputError(f"{where} has no column {column!r}; its columns: {listing}.")
    elif columns.get(column, "records") not in (TEXT, CHAT, WRITTEN):
        raise InputError(
            f"The column {column!r} of {where} does not hold text; its columns: {listing}."
        )
    is_chat = columns[column] == CHAT
    return TextColumns(column=column, template=None, where=where, chat=how, is_chat=is_chat)


def _check_template(columns: Mapping[str, str], template: str, where: str, listing: str) -> None:
    fields = template_fields(template)
    missing = [name for name in fields if not present(columns, name)]
    if missing:
        raise InputError(
            f"{where} has no column {', '.join(missing)}, which the template names; "
            f"its columns: {listing}."
        )
    for name in fields:
        kind = columns.get(name)
        if kind in ("records", "lists", RECORD_LISTS, "bytes"):
            raise InputError(
                f"The template's {{{name}}} of {where} holds {kind}, which cannot be written as "
                f"text; name columns of text, numbers or lists of texts; its columns: {listing}."
            )


def _plainly_text(columns: Mapping[str, str], head: Head) -> str | None:
    """The column that is the text beyond doubt, or None."""
    texts = [name for name, kind in columns.items() if kind == TEXT]
    usual = [name for name in USUAL_NAMES if name in texts]
    if usual:
        return usual[0]
    chats = [name for name, kind in columns.items() if kind == CHAT]
    named = [name for name in CHAT_NAMES if name in chats]
    if named or len(chats) == 1:
        return (named or chats)[0]
    rivals = chats or RECORD_LISTS in columns.values()
    if len(texts) != 1 or rivals or NAMES_OF_OTHERS.fullmatch(texts[0]):
        return None
    values = [value_at(record, texts[0]) for record in head()]
    return None if _are_labels([value for value in values if isinstance(value, str)]) else texts[0]


def _are_labels(values: Sequence[str]) -> bool:
    """Whether all are numbers, identifiers, addresses or the like: no blank, and digits in them."""
    return bool(values) and all(re.fullmatch(r"[\w./:@+#?&=%-]*\d\S*", text) for text in values)


def previews(
    columns: Mapping[str, str], records: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str, str]]:
    """(name, type, the beginning of its first value) of every column."""
    return [(name, kind, _preview(name, records)) for name, kind in columns.items()]


def _preview(name: str, records: Sequence[Mapping[str, Any]]) -> str:
    for record in records:
        value = value_at(record, name)
        try:
            text = " ".join(written(value, name).split())
        except InputError:
            text = f"{kind_of(value)}, {len(value)} in the first record"
        if text:
            return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return ""
