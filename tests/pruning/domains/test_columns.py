"""The choice of the text in a record."""

from __future__ import annotations

import pytest

from pruning.domains.choosing import choose_columns
from pruning.domains.columns import describe_columns
from pruning.errors import InputError

RECORD = {"id": 3, "question": "How many?", "answer": {"short": "4", "long": "It is {4}."}}
COLUMNS = describe_columns([RECORD])


def chosen(column: str | None = None, template: str | None = None) -> str:
    columns = choose_columns(COLUMNS, column=column, template=template, where="notes")
    return columns.text(RECORD)


def test_columns_are_described_with_their_types() -> None:
    assert COLUMNS == {
        "id": "whole numbers",
        "question": "text",
        "answer.short": "text",
        "answer.long": "text",
    }


def test_a_column_that_is_empty_at_first_gets_the_type_of_a_later_record() -> None:
    assert describe_columns([{"a": None}, {"a": "x", "b": 1.5}]) == {"a": "text", "b": "numbers"}


def test_a_column_a_nested_column_and_a_template() -> None:
    assert chosen("question") == "How many?"
    assert chosen("answer.short") == "4"
    assert chosen(template="{id}: {question} {{{answer.long}}}") == "3: How many? {It is {4}.}"


def test_without_a_choice_the_usual_or_only_text_is_taken() -> None:
    for columns in ({"text": "text", "title": "text"}, {"id": "int64", "text": "text"}):
        assert choose_columns(columns, column=None, template=None, where="x").column == "text"
    content = choose_columns(
        {"content": "text", "path": "text"}, column=None, template=None, where="x"
    )
    assert content.column == "content"
    only = choose_columns({"body": "text", "n": "int64"}, column=None, template=None, where="x")
    assert only.column == "body"


@pytest.mark.parametrize(
    ("column", "template", "says"),
    [
        ("body", None, r"notes has no column 'body'.*id \(whole numbers\), question \(text\)"),
        ("id", None, "does not hold text"),
        ("answer", None, "does not hold text"),
        (None, None, "say which column is the text.*answer.short"),
        (None, "{body} {question}", "has no column body,"),
        (None, "no column", "names no column"),
        (None, "{question", "cannot be read"),
        (None, "{}", "plain column names"),
        (None, "{question:>10}", "plain column names"),
        (None, "{question!r}", "plain column names"),
        (None, "{question.__class__}", "has no column question.__class__"),
        (None, "{question[0]}", "has no column"),
    ],
)
def test_a_choice_that_cannot_be_made(column: str | None, template: str | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        chosen(column, template)


def test_empty_and_missing_values_are_empty_texts() -> None:
    by_column = choose_columns(COLUMNS, column="question", template=None, where="x")
    assert by_column.text({"question": None}) == by_column.text({}) == ""
    by_template = choose_columns(COLUMNS, column=None, template="Q: {question}", where="x")
    assert by_template.text({"question": ""}) == by_template.text({}) == ""


def test_a_value_that_is_not_text_is_refused() -> None:
    columns = choose_columns(COLUMNS, column="question", template=None, where="notes")
    with pytest.raises(InputError, match="'question' of notes holds lists of texts, not text"):
        columns.text({"question": ["a"]})


def test_only_the_columns_that_are_used_are_named() -> None:
    columns = choose_columns(
        COLUMNS, column=None, template="{answer.long} {id} {answer.short}", where="x"
    )
    assert columns.top_level(list(RECORD)) == ("answer", "id")


def test_a_dot_may_be_part_of_a_name() -> None:
    record = {"id": 1, "review.text": "fine", "a.b": {"c": "deep"}}
    columns = choose_columns(
        describe_columns([record]), column=None, template="{review.text} {a.b.c}", where="x"
    )
    assert columns.text(record) == "fine deep"
    assert columns.top_level(list(record)) == ("review.text", "a.b")


def test_a_column_that_is_there_twice_or_not_at_all_is_refused() -> None:
    twice = choose_columns({"text": "text"}, column="text", template=None, where="notes")
    with pytest.raises(InputError, match="notes has 2 columns named 'text'; give each"):
        twice.top_level(["text", "text"])
    part = choose_columns({"review.text": "text"}, column=None, template="{review}", where="notes")
    with pytest.raises(InputError, match=r"no column 'review'; its columns: review\.text"):
        part.top_level(["review.text"])
