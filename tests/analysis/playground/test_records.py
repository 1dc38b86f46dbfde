"""What the playground is asked, what it answers, where passages part, and prompts at a click."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analysis.playground.prompts import LANGUAGES, prompts
from analysis.playground.records import (
    Event,
    GenerationSpec,
    Passage,
    Sampling,
    SubModel,
    Token,
    parting,
    until,
)
from demo.texts import DOMAINS
from pruning.errors import InputError
from pruning.specs import PruneSpec


def token(identifier: int, text: str = "x") -> Token:
    return Token(id=identifier, text=text, probability=0.5, rank=1, seconds=0.1)


def passage(*ids: int, ended: Any = "end of text") -> Passage:
    return Passage(tokens=tuple(token(each) for each in ids), ended=ended)


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        (passage(1, 2, 3), passage(1, 2, 3), None),
        (passage(1, 2, 3), passage(1, 5, 3), 1),
        (passage(1, 2, 3), passage(1, 2), 2),  # one ends where the other goes on
        (passage(1, 2), passage(1, 2, 3, ended="length"), 2),
        (passage(1, 2, 3), passage(1, 2, ended=None), None),  # so far the same
        (passage(1, 2, 3), passage(1, 2, ended="stopped"), None),
        (passage(1, 2, ended="length"), passage(1, 2), None),  # the first was cut off there
        (passage(), passage(4), 0),
        (passage(), passage(), None),
    ],
)
def test_where_two_passages_part(first: Passage, second: Passage, place: int | None) -> None:
    assert parting(first, second) == parting(second, first) == place


def test_events_add_up_to_passages_through_json() -> None:
    events = [
        Event(passage=0, stage="reading the prompt"),
        Event(passage=0, token=token(7, "a")),
        Event(passage=1, token=Token(id=8, text="", probability=0.1, rank=3, seconds=1, others=(("b", 0.5),))),
        Event(passage=0, ended="end of text", rest="\ufffd", prompt_seconds=0.5, seconds=2.0),
    ]  # fmt: skip
    found: tuple[Passage, ...] = (Passage(), Passage())
    for event in events:
        found = Event.from_json(json.loads(json.dumps(event.to_json()))).add_to(found)
    assert found[0].text == "a\ufffd"
    assert (found[0].ended, found[0].prompt_seconds, found[0].seconds) == ("end of text", 0.5, 2.0)
    assert found[1].tokens[0] == events[2].token
    assert found[1].ended is None


def test_speed_counts_what_came_after_the_first_token() -> None:
    tokens = tuple(token(number) for number in range(5))
    assert Passage(tokens=tokens, ended="length", seconds=2.0).tokens_per_second == 2.0
    assert Passage(tokens=tokens, ended="end of text", seconds=2.0).tokens_per_second == 2.5
    assert Passage(tokens=tokens[:1], ended="length", seconds=0.0).tokens_per_second is None


def test_a_request_is_the_same_after_json() -> None:
    spec = GenerationSpec(
        run="1f0c",
        prompt="é",
        submodels=(SubModel(mixture=(("a", 1.0), ("b", 0.5)), prune=PruneSpec(pattern="2:4")),),
        sampling=Sampling(temperature=0.8, top_p=0.9, seed=3),
        stops=("\n",),
    )
    assert GenerationSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GenerationSpec(run="0", prompt="  "), "Write a prompt"),
        (lambda: GenerationSpec(run="0", prompt="x" * 20_001), "20001 characters"),
        (lambda: SubModel(mixture=()), "one domain"),
        (lambda: SubModel(mixture=(("a", 1.0), ("a", 2.0))), "that differ"),
        (lambda: SubModel(mixture=(("a", 0.0),)), "greater than 0"),
        (lambda: Sampling(temperature=-1), "temperature"),
        (lambda: Sampling(top_p=0), "top-p"),
        (lambda: Sampling(seed=-1), "seed"),
        (lambda: Sampling(max_tokens=0), "2000 tokens"),
    ],
)
def test_what_cannot_be_asked(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()


def test_at_most_three_sub_models() -> None:
    four = tuple(SubModel(mixture=((name, 1.0),)) for name in "abcd")
    with pytest.raises(InputError, match="At most 3"):
        GenerationSpec(run="0", prompt="a", submodels=four)


@pytest.mark.parametrize("domain", DOMAINS)
def test_prompts_of_every_domain(domain: str) -> None:
    found = prompts(domain, count=3)
    assert found == prompts(domain, count=3)
    assert found != prompts(domain, count=3, seed=1)
    assert len({prompt.text for prompt in found}) == 3
    for prompt in found:
        assert prompt.title and "\n" not in prompt.title  # noqa: PT018
        assert not prompt.title.startswith(("/", '"', "Question", "English"))
        assert prompt.expected
        assert until(prompt.expected + prompt.stops[0], prompt.stops) == prompt.expected
        assert (prompt.tests is not None) == (domain in LANGUAGES)


def test_no_other_prompts() -> None:
    with pytest.raises(ValueError, match="poetry"):
        prompts("poetry", count=1)


def test_an_answer_ends_at_the_first_stop() -> None:
    assert until("a\n#b\ndef c", ("\ndef ", "\n#")) == "a"
    assert until("abc", ("\n",)) == "abc"
