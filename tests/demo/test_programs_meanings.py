"""What programs answer, held against answers computed by hand from their documentation."""

from __future__ import annotations

import random
from typing import Any

import pytest

from demo.texts.programs.families import FAMILIES
from demo.texts.programs.harness import load
from demo.texts.programs.ir import Program
from demo.texts.programs.meaning import Spec
from demo.texts.programs.printers import printer

BY_NAME = {family.name: family for family in FAMILIES}


def built(family: str, spec: Spec, seed: int = 0) -> Program:
    return BY_NAME[family].build(spec, random.Random(seed))


# family, meaning, arguments, the answer by hand
BY_HAND: list[tuple[str, Spec, tuple[Any, ...], Any]] = [
    ("numbers", (("above", 4), ("times", 3), ("sum",)), ([1, 5, 7],), 36),
    ("numbers", (("even",), None, ("max", -1)), ([1, 3],), -1),
    ("numbers", (("below", "limit"), None, ("count",)), ([1, 5, 7], 6), 2),
    ("numbers", (None, ("distance", 5), ("list",)), ([1, 9, 5],), [4, 4, 0]),
    ("numbers", (("or", ("above", 8), ("odd",)), None, ("all",)), ([9, 10, 3],), True),
    ("range", (("divisible", 3), ("square",), ("sum",), 1), (9,), 9 + 36 + 81),
    ("letters", (("vowel",), ("upper",), ("text",)), ("banana",), "AAA"),
    ("letters", (("missing", "abc"), None, ("count",)), ("abcde",), 2),
    (
        "words",
        (("longer", 3), ("suffix", "s"), ("joined", "-")),
        (["oak", "mint", "apple"],),
        "mints-apples",
    ),
    ("words", (("starts", "a"), ("length",), ("max", 0)), (["at", "apple", "river"],), 5),
    ("arranged", (("odd",), None, ("distance", 5)), ([1, 2, 5, 7],), [5, 7, 1]),
    ("arranged", (None, ("plus", 1), ("step", 4)), ([1, 2, 3, 4, 5],), [2, 6]),
    ("ranked", (("even",), "largest", 2, -1), ([2, 9, 8, 4],), 4),
    ("digits", (("above", 2), ("square",), "sum"), (1234,), 25),
    ("divisors", (("above", 2), "list", True), (12,), [3, 4, 6]),
    ("recurrence", (1, "scaled", 2, 3), (3,), 29),
    ("two back", (0, 1, 1, 1), (7,), 13),
    ("base", (2, "text"), (10,), "1010"),
    ("position", (("odd",), "last"), ([1, 3, 4],), 1),
    ("pairs", ("sum", ("between", 4, 5), "count"), ([1, 3, 4],), 2),
    ("neighbours", ("rise", ("above", 0), "all"), ([1, 2, 2],), False),
    ("runs", (("even",), "longest"), ([2, 4, 1, 2],), 2),
    ("running", ("sum", ("square",)), ([1, 2, 3],), [1, 5, 14]),
    ("case", (("even",), ("plus", 3), ("negate",)), (4,), 7),
    ("grade", ((10, 20), ("low", "mid", "high"), True), (10,), "mid"),
    ("grouped", ("count", 3, "remainder", ("above", 0)), ([3, 4, 6, 7],), {0: 2, 1: 2}),
    ("rows", ("diagonal", ("above", 1), "sum"), ([[1, 9], [9, 5]],), 5),
    (
        "zipped",
        ("products", ("above", 3), "sum"),
        (
            [1, 2, 9],
            [3, 4],
        ),
        8,
    ),
    ("cipher", (2, ""), ("xyz",), "zab"),
    ("mirror", (("letter",), "palindrome"), ("no on 1",), True),
    ("repeat", (("vowel",), 3, ""), ("cab",), "caaab"),
    ("pad", ("left", 5, "*"), ("abc",), "**abc"),
    ("sentence", ("join", ("longer", 2), "-"), ("a big red ox",), "big-red"),
    ("sorting", ("bubble", False, "modulo", 3), ([5, 3, 4],), [3, 4, 5]),
    ("sorting", ("selection", True, "plain", 0), ([5, 3, 9],), [9, 5, 3]),
    ("bisection", ("<=", ("plus", 1), "count"), ([1, 3, 5], 2), 2),
    ("primes", (("above", 3), "list"), (13,), [5, 7, 11, 13]),
    ("gcd", ("change", ("plus", 1)), (12, 18), 7),
    ("power", ("base", 3, 10), (3,), 7),
    ("descent", ("plus", 2, 0, 5), (4,), 11),
    ("windows", (2, ("even",), "count"), ([1, 1, 2, 4],), 2),
    ("turned", (1, ("times", 2)), ([1, 2, 3],), [4, 6, 2]),
    ("balance", (("even",), ("odd",), "partition"), ([1, 2, 3],), [2, 1, 3]),
    ("together", ("only", ("above", 1)), ([1, 2, 3], [3]), [2]),
    ("entries", ("value", ("above", 1), "keys"), ({"b": 2, "a": 3, "c": 1},), ["a", "b"]),
    ("chunks", (2, "sum", ("plus", 1)), ([1, 2, 3],), [4, 4]),
]


@pytest.mark.parametrize(("family", "spec", "arguments", "answer"), BY_HAND)
def test_the_answer_is_the_one_by_hand(
    family: str, spec: Spec, arguments: tuple[Any, ...], answer: Any
) -> None:
    for seed in range(6):  # wordings and styles
        assert load(built(family, spec, seed))(*arguments) == answer


def test_a_counter_counts_as_documented() -> None:
    counter = load(built("counter", (2, 5, "wrapping", 10)))()
    counter.step()
    assert counter.get_count() == 7
    counter.step()
    assert counter.get_count() == 2


def test_an_account_keeps_its_floor() -> None:
    account = load(built("account", (20, 5, "floor")))()
    assert account.withdraw(15) is True
    assert account.withdraw(1) is False
    assert account.get_balance() == 5


RENDERED = {
    "python": (
        "def sum_times_above(numbers: list[int]) -> int:\n"
        '    """Return the sum of the numbers that are above 4, each multiplied by 3."""\n',
        "    return sum(x * 3 for x in numbers if x > 4)\n",
    ),
    "java": (
        "/** Return the sum of the numbers that are above 4, each multiplied by 3. */\n"
        "public static int sumTimesAbove(List<Integer> numbers) {\n",
        "    return numbers.stream().filter(x -> x > 4).mapToInt(x -> x * 3).sum();\n}\n",
    ),
    "cpp": (
        "// Return the sum of the numbers that are above 4, each multiplied by 3.\n"
        "int sum_times_above(const std::vector<int>& numbers) {\n",
        "    return std::accumulate(numbers.begin(), numbers.end(), 0, "
        "[](int total, int x) { return total + (x > 4 ? x * 3 : 0); });\n}\n",
    ),
    "javascript": (
        "// Return the sum of the numbers that are above 4, each multiplied by 3.\n"
        "const sumTimesAbove = (numbers) => {\n",
        "  return numbers.filter((x) => x > 4).map((x) => x * 3).reduce((a, b) => a + b, 0);\n};\n",
    ),
}


@pytest.mark.parametrize("language", list(RENDERED))
def test_a_meaning_reads_as_its_language_is_written(language: str) -> None:
    spec = (("above", 4), ("times", 3), ("sum",))
    variants = {printer(language).program(built("numbers", spec, seed)) for seed in range(400)}
    assert RENDERED[language] in variants
    assert len(variants) > 20  # wordings, names and styles
