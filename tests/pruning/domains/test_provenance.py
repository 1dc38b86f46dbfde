"""Where text comes from, in words; the hub's answers are given by the test."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from pruning.domains import origin, parse_domain, pin
from pruning.errors import AtlasError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def answer(monkeypatch: pytest.MonkeyPatch, licence: Any) -> list[tuple[str, str | None]]:
    """The hub answers every question with one commit and licence; gives the questions."""
    asked = []

    def dataset_info(self: Any, source: str, *, revision: str | None) -> SimpleNamespace:
        asked.append((source, revision))
        if isinstance(licence, Exception):
            raise licence
        card = None if licence is None else SimpleNamespace(license=licence)
        return SimpleNamespace(sha=COMMIT, card_data=card)

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
    return asked


def test_built_in_domains_and_own_files_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, "mit")
    built_in = parse_domain("python")
    own = parse_domain("mine=/home/somebody/private/code")
    assert origin(built_in).licence == "MIT"
    assert origin(own).source == "own files (code)"
    assert origin(own).licence == "not stated"
    assert pin(built_in) == built_in
    assert pin(own) == own
    assert not asked


@pytest.mark.parametrize(
    ("licence", "words"),
    [("cc-by-4.0", "cc-by-4.0"), (["mit", "gpl"], "mit, gpl"), (None, "not stated")],
)
def test_a_hub_data_set_with_its_commit_and_licence(
    monkeypatch: pytest.MonkeyPatch, licence: Any, words: str
) -> None:
    asked = answer(monkeypatch, licence)
    said = origin(parse_domain("m=hf:some/set@main:big:train:text"))
    assert (said.source, said.revision, said.licence) == (
        "data set some/set (big, train)",
        COMMIT,
        words,
    )
    assert asked == [("some/set", "main")]


def test_a_data_set_is_pinned_to_a_commit_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, "mit")
    pinned = pin(parse_domain("m=hf:some/set"))
    assert pinned == parse_domain(f"m=hf:some/set@{COMMIT}")
    assert pin(pinned) == pinned
    assert asked == [("some/set", None)]


def test_without_a_network_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ConnectionError("offline"))
    with pytest.raises(AtlasError, match="hub cannot be reached for some/set"):
        pin(parse_domain("m=hf:some/set"))
