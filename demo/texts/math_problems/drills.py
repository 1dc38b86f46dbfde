"""Sums, differences, products and quotients: what the worked steps of word problems are made of.

For training only. A small model learns the arithmetic of the steps from dense practice; the
documents of the math domain, which calibrate and evaluate, are the word problems.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

from demo.texts import streams

LARGEST = 150  # no number of a word problem is larger
LENGTH = 10  # equations of one document


def equation(numbers: random.Random) -> str:
    """One equation whose numbers are whole, at least 1 and at most `LARGEST`."""
    sign = numbers.choice("++---**/")
    if sign in "+-":
        total = numbers.randint(2, LARGEST)
        part = numbers.randint(1, total - 1)
        if sign == "+":
            return f"{part} + {total - part} = {total}."
        return f"{total} - {part} = {total - part}."
    factor = numbers.randint(2, 15)
    other = numbers.randint(2, LARGEST // factor)
    if sign == "*":
        return f"{factor} * {other} = {factor * other}."
    return f"{factor * other} / {factor} = {other}."


def drills(*, seed: int) -> Iterator[str]:
    """Stream distinct documents of equations, deterministic for the seed."""
    stream = streams.distinct(equation_list, text=str, seed=f"math drills {seed}")
    return (f"{document}\n" for document in stream)


def equation_list(numbers: random.Random) -> str:
    """The equations of one document, in one line."""
    return " ".join(equation(numbers) for _ in itertools.repeat(None, LENGTH))
