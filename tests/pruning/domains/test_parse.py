"""One line of text to a DomainSpec."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pruning.domains import BUILTIN, describe_builtin, parse_domain
from pruning.errors import InputError
from pruning.specs import DomainSpec


@pytest.mark.parametrize("name", BUILTIN)
def test_a_built_in_name_alone(name: str) -> None:
    assert parse_domain(f" {name} ") == DomainSpec(name=name, kind="builtin", source=name)


def test_every_built_in_domain_is_described() -> None:
    described = describe_builtin()
    assert [name for name, _, _ in described] == list(BUILTIN)
    assert all(title and sentence.endswith(".") for _, title, sentence in described)


@pytest.mark.parametrize("path", ["/data/a=b:c.txt", "/data/x:y", "/data/hf:z/train.jsonl"])
def test_a_path_is_everything_after_the_first_equals_sign(path: str) -> None:
    assert parse_domain(f"mine={path}") == DomainSpec(name="mine", kind="files", source=path)


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_domain("mine=code/../text").source == os.path.join(tmp_path, "text")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_domain("mine=~/x").source == os.path.join(tmp_path, "x")
    assert parse_domain(f"mine={'x' * 5000}::text").column == "text"
    assert parse_domain("mine=~nobody-of-this-name/x").kind == "files"


def test_a_name_may_be_that_of_a_built_in_domain() -> None:
    assert parse_domain("python=/code").kind == "files"


def test_endings_after_a_folder() -> None:
    spec = parse_domain("mine=/code/*.py,*.pyi")
    assert (spec.source, spec.suffixes) == ("/code", (".py", ".pyi"))
    assert parse_domain("mine=/*.py").source == "/"


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "*.py").write_text("x")
    assert parse_domain(f"mine={tmp_path}/*.py").suffixes == ()


def test_column_of_a_table(tmp_path: Path) -> None:
    assert parse_domain("mine=/a.csv::body").column == "body"
    assert parse_domain(r"mine=/a.csv::{q}\n{a}").template == "{q}\n{a}"
    odd = tmp_path / "a::b.txt"
    odd.write_text("x")
    assert parse_domain(f"mine={odd}").source == str(odd)


@pytest.mark.parametrize(
    ("text", "config", "split", "column"),
    [
        ("m=hf:a/b", None, None, None),
        ("m=hf:a/b:main", "main", None, None),
        ("m=hf:a/b:main:test", "main", "test", None),
        ("m=hf:a/b::train:text", None, "train", "text"),
        ("m=hf:a/b:::translation.en", None, None, "translation.en"),
    ],
)
def test_hub_parts_may_be_empty(
    text: str, config: str | None, split: str | None, column: str | None
) -> None:
    assert parse_domain(text) == DomainSpec(
        name="m", kind="hub", source="a/b", config=config, split=split, column=column
    )


def test_hub_revision_and_template() -> None:
    spec = parse_domain(r"m=hf:a/b@refs/convert/parquet:main:train:Q: {q}\nA: {a}")
    assert (spec.source, spec.revision) == ("a/b", "refs/convert/parquet")
    assert spec.template == "Q: {q}\nA: {a}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ruby", "no built-in domain 'ruby'.*python, java.*name=PATH.*name=hf:ID"),
        ("", "no built-in domain ''"),
        ("mine=", "nothing after '='"),
        ("=x", "domain name ''"),
        ("a b=x", "domain name 'a b'"),
        ("mine=hf:", "names no data set"),
        ("mine=hf::main", "names no data set"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_domain(text)
