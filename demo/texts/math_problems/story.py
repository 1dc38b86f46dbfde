"""Compose moves into stories: an expression tree that yields the question and the worked steps."""

from __future__ import annotations

import random
from dataclasses import dataclass

from demo.texts.math_problems import schemes, words
from demo.texts.math_problems.moves import LARGEST, Drawn, Move
from demo.texts.streams import is_held_out

MARKER = "The answer is"
MOVES = schemes.load()
OPENINGS = tuple(move for move in MOVES if not move.takes)
ITEM_OPENINGS = tuple(move for move in OPENINGS if move.gives == "items")
AFTER: dict[str, tuple[Move, ...]] = {
    kind: tuple(move for move in MOVES if move.takes == kind) for kind in {m.gives for m in MOVES}
}
LENGTHS = (1, 2, 2, 2, 3)  # moves after the opening, as often as listed
HELD_OUT_CHAIN = 8  # one composition in so many is never in train
HELD_OUT_NUMBERS = 8  # one number tuple in so many of a composition is never in train


@dataclass(frozen=True, kw_only=True)
class Story:
    """A word problem: what it is called (its meaning), asked and how it is worked out."""

    meaning: str
    held_out: bool
    question: str
    steps: tuple[str, ...]
    answer: int


class _Telling:
    """A story on its way: sentences and steps so far, and the quantity they have come to."""

    def __init__(self, numbers: random.Random, cast: dict[str, str]) -> None:
        self.numbers = numbers
        self.words = cast
        self.sentences: list[str] = []
        self.steps: list[str] = []
        self.mentioned: list[int] = []
        self.question = ""
        self.value = 0

    def tell(self, move: Move, drawn: Drawn) -> None:
        """Add one move with its numbers."""
        words = self.words | dict(drawn.words)
        words |= dict(zip("bd", map(str, drawn.mentioned), strict=False))
        words |= dict(zip(("eq", "eq2", "eq3"), drawn.equations, strict=False))
        sentence = self.numbers.choice(move.sentences).format_map(words)
        if sentence:
            self.sentences.append(sentence[0].upper() + sentence[1:])
        if drawn.equations:
            wording = self.numbers.choice(move.steps)
            self.steps.extend(step.format_map(words) for step in wording)
        self.question = self.numbers.choice(move.questions).format_map(words)
        self.mentioned.extend(drawn.mentioned)
        self.value = drawn.result


def _chain(numbers: random.Random) -> list[Move]:
    """An opening and moves that fit one another; at least one of them computes."""
    opening = numbers.choice(OPENINGS)
    chain, length = [opening], numbers.choice(LENGTHS)
    while len(chain) <= length:
        unused = [move for move in AFTER[chain[-1].gives] if move not in chain]
        if not unused:
            break
        chain.append(numbers.choice(unused))
    return chain


def _join(telling: _Telling, first: Move, second: Move) -> Drawn | None:
    """Two people's openings: tell both, and draw what the two come to together or differ by."""
    numbers, cast = telling.numbers, telling.words
    drawn = first.draw(numbers, 0)
    if drawn is None:
        return None
    telling.tell(first, drawn)
    other = second.draw(numbers, 0)
    if other is None:
        return None
    telling.words = cast | {"name": cast["friend"], "Pron": cast["friend"], "pron": cast["friend"]}
    telling.tell(second, other)
    telling.words = cast
    one, two = drawn.result, other.result
    if one + two > LARGEST or (one < two + 2):
        return None
    return Drawn(mentioned=(one, two), equations=(), result=0)


def _joined_story(numbers: random.Random) -> Story | None:
    """A tree: what two people have, taken together or compared, and perhaps one move more."""
    telling = _Telling(numbers, words.cast(numbers))
    first, second = numbers.choice(ITEM_OPENINGS), numbers.choice(ITEM_OPENINGS)
    both = _join(telling, first, second)
    if both is None:
        return None
    one, two = both.mentioned
    cast = telling.words
    together = numbers.random() < 0.7
    names = [first.name, second.name, "together" if together else "difference"]
    if together:
        telling.value = one + two
        telling.question = f"How many {cast['things']} do they have together?"
        telling.steps.append(f"Together they have {one} + {two} = {one + two} {cast['things']}.")
    else:
        telling.value = one - two
        telling.question = (
            f"How many more {cast['things']} does {cast['name']} have than {cast['friend']}?"
        )
        telling.steps.append(f"The difference is {one} - {two} = {one - two} {cast['things']}.")
    if together and numbers.random() < 0.4:
        after = numbers.choice(AFTER["pooled"])
        drawn = after.draw(numbers, telling.value)
        if drawn is None:
            return None
        telling.tell(after, drawn)
        names.append(after.name)
    return _finish(telling, names)


def _finish(telling: _Telling, names: list[str]) -> Story:
    composition = " > ".join(names)
    meaning = f"{composition} | {' '.join(map(str, telling.mentioned))}"
    held_out = is_held_out(meaning, one_in=HELD_OUT_NUMBERS)
    if len(names) > 2:  # two moves alone are the building blocks: only their numbers are split
        held_out = held_out or is_held_out(composition, one_in=HELD_OUT_CHAIN)
    return Story(
        meaning=meaning,
        held_out=held_out,
        question=" ".join([*telling.sentences, telling.question]),
        steps=tuple(telling.steps),
        answer=telling.value,
    )


def compose(numbers: random.Random) -> Story | None:
    """Make one story, or None where the drawn numbers do not fit the drawn moves."""
    if numbers.random() < 0.15:
        return _joined_story(numbers)
    telling = _Telling(numbers, words.cast(numbers))
    chain = _chain(numbers)
    for move in chain:
        drawn = move.draw(numbers, telling.value)
        if drawn is None:
            return None
        telling.tell(move, drawn)
    return _finish(telling, [move.name for move in chain]) if telling.steps else None
