"""The values that tests call a program with: small, varied, and close to its own constants."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle
from typing import Any

from demo.texts.programs.ir import Param
from demo.texts.programs.meaning import Spec

LETTERS = "abcdefghijklmnopqrstuvwxyz"
USUAL_LETTERS = "aeiourstnAEbcBZ 079xz"
USUAL_WORDS = """
    apple river stone cloud tiger music green house table light garden window level noon banana
    orange silver rain a to sun radar kayak on it zebra queen lemon mint oak morning kitchen
    elephant umbrella chocolate pineapple strawberry
"""
WORDS = USUAL_WORDS.split()


def constants_of(spec: Spec) -> tuple[list[int], list[str]]:
    """Return the numbers and the texts among a spec's constants."""
    numbers, texts = [], []
    for part in spec:
        if isinstance(part, tuple):
            inner = constants_of(part)
            numbers += inner[0]
            texts += inner[1]
        elif isinstance(part, int) and not isinstance(part, bool):
            numbers.append(part)
        elif isinstance(part, str):
            texts.append(part)
    return numbers, texts


class Inputs:
    """Draws argument values for a program's parameters."""

    def __init__(self, spec: Spec, rng: random.Random) -> None:
        self.rng = rng
        numbers, texts = constants_of(spec)
        near = sorted({n + d for n in numbers for d in (-1, 0, 1)} | {2 * n for n in numbers})
        rng.shuffle(near)
        self.near = cycle(near or [0, 1, 2])
        self.letters = [text for text in texts if len(text) == 1 and text != " "]
        self.previous = 0
        self.factor = (0, 0)  # of the multiples: the last one, and the one to use again
        self.draw: dict[str, Callable[[], Any]] = {
            "number": lambda: abs(self.number()),
            "signed number": self.number,
            "positive": lambda: rng.randint(1, 20),
            "small": lambda: rng.randint(0, 8),
            "size": self.size,
            "multiple": self.multiple,
            "column": lambda: rng.randint(0, 3),
            "digits": lambda: rng.choice(
                (0, abs(self.number()), rng.randint(10, 99), rng.randint(100, 99999))
            ),
            "numbers": lambda: [abs(number) for number in self.numbers()],
            "signed numbers": self.numbers,
            "several numbers": lambda: [abs(n) for n in (*self.numbers(), self.number())],
            "rising numbers": lambda: sorted(map(abs, self.numbers())),
            "sorted numbers": lambda: sorted(set(self.numbers())),
            "text": self.text,
            "word": self.word,
            "common word": lambda: rng.choice(WORDS[:4]),
            "sentence": lambda: " ".join(self.word() for _ in range(rng.randint(1, 7))),
            "words": lambda: [self.word() for _ in range(self.length())],
            "repeated words": self.repeated_words,
            "matrix": lambda: self.matrix(rng.randint(0, 4), rng.randint(1, 4)),
            "wide": lambda: self.matrix(rng.randint(0, 4), 4),
            "square": lambda: self.matrix(*[rng.randint(1, 4)] * 2),
            "counts": lambda: {self.word(): abs(self.number()) for _ in range(self.length())},
        }

    def number(self) -> int:
        """Draw a number, often at or beside a constant, or as far from the number before."""
        roll = self.rng.random()
        if roll < 0.5:
            number = next(self.near)
        elif roll < 0.7:
            number = self.rng.choice((-1, 1)) * (next(self.near) - self.previous)
        else:
            number = self.rng.choice((self.rng.randint(-12, 12), self.rng.randint(0, 60)))
        self.previous = number
        return number

    def numbers(self) -> list[int]:
        """Draw a list of numbers, sometimes an empty one."""
        return [self.number() for _ in range(self.length())]

    def length(self) -> int:
        """Draw a length, sometimes zero or one."""
        return self.rng.choice((0, 1, 3, 4, 5, 6, 7, 10))

    def size(self) -> int:
        """Draw how far to count: sometimes to nothing, sometimes to the constants or past them."""
        near = min(abs(next(self.near)), 150)
        some, many = self.rng.randint(2, 12), self.rng.randint(10, 60)
        return self.rng.choice((0, 1, some, many, near, near, near + many))

    def multiple(self) -> int:
        """Draw a multiple of a number beside a constant; two in a row are of the same one."""
        again = self.factor[1]
        self.factor = (again, 0) if again else (abs(next(self.near)),) * 2
        return self.factor[0] * self.rng.randint(1, 9)

    def text(self) -> str:
        """Draw a text of letters of both cases, digits and spaces."""
        drawn = self.rng.choices(USUAL_LETTERS, k=self.rng.choice((0, 1, 5, 9, 14)))
        if drawn:
            drawn += [str(abs(next(self.near)) % 10), *self.rng.choices(self.letters or "e", k=2)]
            self.rng.shuffle(drawn)
        return "".join(drawn)

    def word(self) -> str:
        """Draw a lower-case word, often one that touches a letter of the constants."""
        word = self.rng.choice(WORDS)
        letters = [letter for letter in self.letters if letter in LETTERS]
        if letters and self.rng.random() < 0.5:
            letter = self.rng.choice(letters)
            return self.rng.choice((letter + word, word + letter, word[:1] + letter + word[1:]))
        return word

    def repeated_words(self) -> list[str]:
        """Draw a list in which words occur several times."""
        few = [self.word() for _ in range(4)]
        return [self.rng.choice(few) for _ in range(self.length())]

    def matrix(self, rows: int, columns: int) -> list[list[int]]:
        """Draw a matrix of numbers that are not negative."""
        return [[abs(self.number()) for _ in range(columns)] for _ in range(rows)]

    def arguments(self, params: tuple[Param, ...]) -> list[Any]:
        """Draw a value for each parameter."""
        return [self.draw[param.domain]() for param in params]
