"""What can happen in a word problem: one move reads as a sentence and computes a quantity."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

LARGEST = 150  # no quantity of a story is larger


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The numbers of one move: what its sentence mentions, its equations, what they come to."""

    mentioned: tuple[int, ...]  # {b}, {d}: the numbers that the question states
    equations: tuple[str, ...]  # {eq}, {eq2}: one a worked step
    result: int
    words: tuple[tuple[str, str], ...] = ()  # more words for the templates, as {fraction}


Draw = Callable[[random.Random, int], Drawn | None]


@dataclass(frozen=True, kw_only=True)
class Move:
    """One scheme: it takes a quantity of one kind (none for an opening) and gives another.

    Every text is a template over the words of `words.cast` and the drawn numbers. `steps` has one
    tuple a wording, with one sentence for each equation.
    """

    name: str
    takes: str
    gives: str
    draw: Draw
    sentences: tuple[str, ...]
    questions: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]


def state(low: int, high: int) -> Draw:
    """An opening that states its quantity."""

    def draw(numbers: random.Random, _before: int) -> Drawn | None:
        value = numbers.randint(low, high)
        return Drawn(mentioned=(value,), equations=(), result=value)

    return draw


def product(first: tuple[int, int], second: tuple[int, int]) -> Draw:
    """An opening that multiplies two stated numbers."""

    def draw(numbers: random.Random, _before: int) -> Drawn | None:
        b, d = numbers.randint(*first), numbers.randint(*second)
        if b * d > LARGEST:
            return None
        return Drawn(mentioned=(b, d), equations=(f"{b} * {d} = {b * d}",), result=b * d)

    return draw


def total(low: int, high: int) -> Draw:
    """An opening that adds two stated numbers."""

    def draw(numbers: random.Random, _before: int) -> Drawn | None:
        b, d = numbers.randint(low, high), numbers.randint(low, high)
        return Drawn(mentioned=(b, d), equations=(f"{b} + {d} = {b + d}",), result=b + d)

    return draw


def perimeter(numbers: random.Random, _before: int) -> Drawn | None:
    """An opening that walks around a rectangle."""
    b, d = numbers.randint(3, 25), numbers.randint(2, 15)
    if b <= d:
        return None
    side = b + d
    return Drawn(
        mentioned=(b, d),
        equations=(f"{b} + {d} = {side}", f"{side} * 2 = {2 * side}"),
        result=2 * side,
    )


def add(low: int = 2, high: int = 30) -> Draw:
    """before + b"""

    def draw(numbers: random.Random, before: int) -> Drawn | None:
        b = numbers.randint(low, high)
        after = before + b
        if after > LARGEST:
            return None
        return Drawn(mentioned=(b,), equations=(f"{before} + {b} = {after}",), result=after)

    return draw


def subtract(low: int = 2, high: int = 30) -> Draw:
    """before - b"""

    def draw(numbers: random.Random, before: int) -> Drawn | None:
        if before - low < 2:
            return None
        b = numbers.randint(low, min(high, before - 2))
        after = before - b
        return Drawn(mentioned=(b,), equations=(f"{before} - {b} = {after}",), result=after)

    return draw


def multiply(low: int = 2, high: int = 9) -> Draw:
    """before * b"""

    def draw(numbers: random.Random, before: int) -> Drawn | None:
        b = numbers.randint(low, high)
        after = before * b
        if after > LARGEST or before > 25:
            return None
        return Drawn(mentioned=(b,), equations=(f"{before} * {b} = {after}",), result=after)

    return draw


def divide(low: int = 2, high: int = 10) -> Draw:
    """before / b, without remainder"""

    def draw(numbers: random.Random, before: int) -> Drawn | None:
        fitting = [b for b in range(low, high + 1) if before % b == 0 and 2 <= before // b <= 25]
        if not fitting:
            return None
        b = numbers.choice(fitting)
        return Drawn(
            mentioned=(b,), equations=(f"{before} / {b} = {before // b}",), result=before // b
        )

    return draw


PARTS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 10: "a tenth"}
PERCENTS = {2: 50, 4: 25, 5: 20, 10: 10}


def _fitting(before: int, parts: dict[int, str] | dict[int, int]) -> list[int]:
    return [k for k in parts if before % k == 0 and 2 <= before // k <= 30 and before // k < before]


def part(*, rest: bool) -> Draw:
    """{fraction} of the quantity, or what that leaves"""

    def draw(numbers: random.Random, before: int) -> Drawn | None:
        fitting = _fitting(before, PARTS)
        if not fitting:
            return None
        k = numbers.choice(fitting)
        share = before // k
        share_of = f"{before} / {k} = {share}"
        words = (("fraction", PARTS[k]), ("Fraction", PARTS[k].capitalize()))
        if not rest:
            return Drawn(mentioned=(k,), equations=(share_of,), result=share, words=words)
        left = before - share
        equations = (share_of, f"{before} - {share} = {left}")
        return Drawn(mentioned=(k,), equations=equations, result=left, words=words)

    return draw


def percent(*, rest: bool) -> Draw:
    """{percent}% of the quantity, or what that leaves"""

    def draw(numbers: random.Random, before: int) -> Drawn | None:
        fitting = _fitting(before, PERCENTS)
        if not fitting:
            return None
        k = numbers.choice(fitting)
        share, rate = before // k, PERCENTS[k]
        share_of = f"{before} / {k} = {share}"
        words = (("percent", f"{rate}%"),)
        if not rest:
            return Drawn(mentioned=(rate,), equations=(share_of,), result=share, words=words)
        left = before - share
        equations = (share_of, f"{before} - {share} = {left}")
        return Drawn(mentioned=(rate,), equations=equations, result=left, words=words)

    return draw


TIMES = {2: "twice", 3: "three times", 4: "four times"}


def other_has(how: str) -> Draw:
    """Another person has {b} more, {b} fewer or {times} as many; the two together."""

    def draw(numbers: random.Random, before: int) -> Drawn | None:
        b = numbers.choice((2, 3, 4)) if how == "times" else numbers.randint(2, 20)
        other = {"more": before + b, "fewer": before - b, "times": before * b}[how]
        if other < 2 or before + other > LARGEST or (how == "times" and before > 25):
            return None
        sign = {"more": "+", "fewer": "-", "times": "*"}[how]
        equations = (f"{before} {sign} {b} = {other}", f"{before} + {other} = {before + other}")
        words = (("times", TIMES.get(b, "")),)
        return Drawn(mentioned=(b,), equations=equations, result=before + other, words=words)

    return draw


def spend(numbers: random.Random, before: int) -> Drawn | None:
    """{b} goods at {d} dollars each, paid from the quantity"""
    b, d = numbers.randint(2, 6), numbers.randint(2, 9)
    cost = b * d
    if before - cost < 2:
        return None
    equations = (f"{b} * {d} = {cost}", f"{before} - {cost} = {before - cost}")
    return Drawn(mentioned=(b, d), equations=equations, result=before - cost)


def collect(numbers: random.Random, before: int) -> Drawn | None:
    """{b} times {d} more"""
    b, d = numbers.randint(2, 6), numbers.randint(2, 12)
    more = b * d
    if before + more > LARGEST:
        return None
    equations = (f"{b} * {d} = {more}", f"{before} + {more} = {before + more}")
    return Drawn(mentioned=(b, d), equations=equations, result=before + more)


def shrink(numbers: random.Random, before: int) -> Drawn | None:
    """{b} times {d} less"""
    b, d = numbers.randint(2, 6), numbers.randint(2, 9)
    less = b * d
    if before - less < 2:
        return None
    equations = (f"{b} * {d} = {less}", f"{before} - {less} = {before - less}")
    return Drawn(mentioned=(b, d), equations=equations, result=before - less)


def change(numbers: random.Random, before: int) -> Drawn | None:
    """What a bill of {b} dollars leaves after paying the quantity"""
    fitting = [bill for bill in (20, 50, 100) if bill - before >= 2]
    if not fitting:
        return None
    b = numbers.choice(fitting)
    return Drawn(mentioned=(b,), equations=(f"{b} - {before} = {b - before}",), result=b - before)


def lacking(numbers: random.Random, before: int) -> Drawn | None:
    """How much is missing to reach {b}"""
    b = before + numbers.randint(2, 30)
    if b > LARGEST:
        return None
    return Drawn(mentioned=(b,), equations=(f"{b} - {before} = {b - before}",), result=b - before)


def mean(numbers: random.Random, before: int) -> Drawn | None:
    """The average of the quantity and two more: {b} and {d}"""
    b, d = numbers.randint(2, 40), numbers.randint(2, 40)
    whole = before + b + d
    if whole % 3 or whole > LARGEST:
        return None
    equations = (
        f"{before} + {b} = {before + b}",
        f"{before + b} + {d} = {whole}",
        f"{whole} / 3 = {whole // 3}",
    )
    return Drawn(mentioned=(b, d), equations=equations, result=whole // 3)
