"""Say facts as statements, and ask them as questions with four choices."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

from demo.texts.commonsense import facts as tables
from demo.texts.commonsense.facts import Fact
from demo.texts.streams import is_held_out

HELD_OUT_DIRECTIONS = 6  # one (fact, direction of asking) in so many is never asked in train
HELD_OUT_COMPARISONS = 6  # one set of four compared entities in so many
CLEARLY = 2  # steps of size between the extreme and the others in a comparison


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question with its right answer, three wrong ones, and the meaning that it asks for."""

    meaning: str
    held_out: bool
    text: str
    right: str
    wrong: tuple[str, ...]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _words(fact: Fact) -> dict[str, str]:
    named, valued = tables.named(fact), tables.with_article(fact.value)
    return {
        "a": named,
        "A": _capital(named),
        "e": fact.entity,
        "E": _capital(fact.entity),
        "v": fact.value,
        "V": _capital(fact.value),
        "av": valued,
        "AV": _capital(valued),
    }


def is_compared(fact: Fact) -> bool:
    """Whether the values of the fact's relation are sizes to compare, and not words to say."""
    return bool(tables.relation(fact).most)


def statement(fact: Fact, numbers: random.Random) -> str:
    """Say the fact as a sentence."""
    words = _words(fact)
    if is_compared(fact):
        others = [
            f for f in tables.columns()[fact.column] if int(f.value) <= int(fact.value) - CLEARLY
        ]
        if not others:  # nothing is clearly smaller: let the smallest thing be compared with this
            larger = [
                f
                for f in tables.columns()[fact.column]
                if int(f.value) >= int(fact.value) + CLEARLY
            ]
            words, others = _words(numbers.choice(larger)), [fact]
        other = tables.named(numbers.choice(others))
        words |= {"b": other, "B": _capital(other)}
    return numbers.choice(tables.relation(fact).say).format_map(words)


def _direction_is_held_out(fact: Fact, direction: str) -> bool:
    """Never both directions of a fact, so that train asks every fact in one of them."""
    meaning = f"{fact.column} | {fact.entity} | {fact.value} | "
    asked = is_held_out(f"{meaning}ask", one_in=HELD_OUT_DIRECTIONS)
    if direction == "ask":
        return asked
    return not asked and is_held_out(f"{meaning}find", one_in=HELD_OUT_DIRECTIONS)


@functools.cache
def wrong_values(fact: Fact) -> tuple[str, ...]:
    """Values of the same relation that are certainly wrong for the fact's entity."""
    clash = tables.relation(fact).clash
    values = {other.value for other in tables.columns()[fact.column]}
    truths = [f for f in tables.entities()[fact.group, fact.entity] if f.relation == fact.relation]
    return tuple(
        sorted(
            value
            for value in values
            if not clash(value, fact.value) and not any(truth.allows(value) for truth in truths)
        )
    )


@functools.cache
def wrong_entities(fact: Fact) -> tuple[str, ...]:
    """Entities of the same group for which the fact's value is certainly wrong."""
    clash = tables.relation(fact).clash
    members = tables.columns()[fact.column]
    right = {other.entity for other in members if other.allows(fact.value)}
    close = {other.entity for other in members if clash(other.value, fact.value)}
    return tuple(sorted({other.entity for other in members} - right - close))


def _asked(fact: Fact, numbers: random.Random) -> Question | None:
    direction = numbers.choice(("ask", "find"))
    wordings = getattr(tables.relation(fact), direction)
    wrong = wrong_values(fact) if direction == "ask" else wrong_entities(fact)
    if len(wrong) < 3 or not wordings:
        return None
    return Question(
        meaning=f"{fact.column} | {fact.entity} | {fact.value} | {direction}",
        held_out=_direction_is_held_out(fact, direction),
        text=numbers.choice(wordings).format_map(_words(fact)),
        right=fact.value if direction == "ask" else fact.entity,
        wrong=tuple(numbers.sample(wrong, 3)),
    )


def _compared(fact: Fact, numbers: random.Random) -> Question | None:
    """Four entities of which the fact's own is clearly the largest, or clearly the smallest."""
    largest = numbers.random() < 0.5
    sign, size = (1 if largest else -1), int(fact.value)
    column = tables.columns()[fact.column]
    others = [other for other in column if sign * (size - int(other.value)) >= CLEARLY]
    if len(others) < 3:
        return None
    wrong = tuple(other.entity for other in numbers.sample(others, 3))
    compared = ", ".join(sorted((fact.entity, *wrong)))
    meaning = f"{fact.column} | {compared} | {'largest' if largest else 'smallest'}"
    relation = tables.relation(fact)
    return Question(
        meaning=meaning,
        held_out=is_held_out(meaning, one_in=HELD_OUT_COMPARISONS),
        text=numbers.choice(relation.most if largest else relation.least),
        right=fact.entity,
        wrong=wrong,
    )


def question(numbers: random.Random) -> Question | None:
    """Ask for one fact of the tables, or None where it has too few certainly wrong answers."""
    fact = numbers.choice(tables.facts())
    return _compared(fact, numbers) if is_compared(fact) else _asked(fact, numbers)


def passage(numbers: random.Random) -> str:
    """A few statements: about one entity, about entities with one value, or about anything."""
    chosen = numbers.choice(tables.facts())
    kind = numbers.random()
    if kind < 0.55:
        told = list(tables.entities()[chosen.group, chosen.entity])
    elif kind < 0.7:
        column = tables.columns()[chosen.column]
        told = [fact for fact in column if fact.value == chosen.value]
    else:
        told = [chosen]
    numbers.shuffle(told)
    told = told[: numbers.randint(3, 8)]
    while len(told) < 3:
        told.append(numbers.choice(tables.facts()))
    return " ".join(statement(fact, numbers) for fact in told)
