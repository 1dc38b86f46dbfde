"""The values that tests call a program with: small, varied, and close to its own constants."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from demo.texts.programs.ir import Param
from demo.texts.programs.meaning import Spec

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = [
    "apple",
    "river",
    "stone",
    "cloud",
    "tiger",
    "music",
    "green",
    "house",
    "table",
    "light",
    "garden",
    "window",
    "level",
    "noon",
    "banana",
    "orange",
    "silver",
    "rain",
    "a",
    "to",
    "sun",
    "radar",
    "kayak",
    "on",
    "it",
    "zebra",
    "queen",
    "lemon",
    "mint",
    "oak",
]


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
        self.near = [n + d for n in numbers for d in (-1, 0, 1)] + [2 * n for n in numbers]
        self.texts = [t for t in texts if t and not t.isspace()]
        self.letters = [t for t in self.texts if len(t) == 1]
        self.draw: dict[str, Callable[[], Any]] = {
            "number": lambda: abs(self.number()),
            "signed number": self.number,
            "positive": lambda: rng.randint(1, 20),
            "size": lambda: rng.choice((0, 1, 2, rng.randint(3, 12), rng.randint(10, 40))),
            "wide": lambda: self.matrix(rng.randint(0, 4), 4),
            "column": lambda: rng.randint(0, 3),
            "rounds": lambda: rng.randint(0, 4),
            "small": lambda: rng.randint(0, 8),
            "digits": lambda: rng.choice((0, 7, rng.randint(10, 99), rng.randint(100, 99999))),
            "numbers": lambda: [abs(self.number()) for _ in range(self.length())],
            "signed numbers": lambda: [self.number() for _ in range(self.length())],
            "some numbers": lambda: [self.number() for _ in range(rng.randint(2, 7))],
            "several numbers": lambda: [abs(self.number()) for _ in range(rng.randint(1, 7))],
            "few values": lambda: [rng.randint(0, 4) for _ in range(rng.choice((0, 1, 5, 9)))],
            "rising numbers": lambda: sorted(abs(self.number()) for _ in range(self.length())),
            "sorted numbers": lambda: sorted({self.number() for _ in range(self.length())}),
            "text": self.text,
            "word": self.word,
            "letter runs": lambda: "".join(
                rng.choice("aab") * rng.randint(1, 4) for _ in range(rng.randint(0, 5))
            ),
            "sentence": lambda: " ".join(self.word() for _ in range(rng.randint(1, 6))),
            "common word": lambda: rng.choice(WORDS[:4]),
            "words": lambda: [self.word() for _ in range(self.length())],
            "repeated words": lambda: [rng.choice(WORDS[:4]) for _ in range(self.length())],
            "matrix": lambda: self.matrix(rng.randint(0, 4), rng.randint(1, 4)),
            "square": lambda: self.matrix(*[rng.randint(1, 4)] * 2),
            "counts": lambda: {self.word(): abs(self.number()) for _ in range(self.length())},
            "flag": lambda: rng.random() < 0.5,
        }

    def number(self) -> int:
        """Draw a number, often at or beside one of the constants."""
        if self.near and self.rng.random() < 0.5:
            return self.rng.choice(self.near)
        return self.rng.choice((self.rng.randint(-12, 12), self.rng.randint(0, 60)))

    def length(self) -> int:
        """Draw a length, sometimes zero or one."""
        return self.rng.choice((0, 1, 3, 4, 5, 6, 7))

    def text(self) -> str:
        """Draw a text of letters of both cases, digits and spaces."""
        usual = "aeiourstnAEbcBZ 079xz"
        drawn = [self.rng.choice(usual) for _ in range(self.rng.choice((0, 1, 5, 9, 14)))]
        if self.letters and drawn:
            drawn += self.rng.choices(self.letters, k=2)
            self.rng.shuffle(drawn)
        return "".join(drawn)

    def word(self) -> str:
        """Draw a lower-case word, often one that touches a letter of the constants."""
        word = self.rng.choice(WORDS)
        letters = [t for t in self.letters if t in LETTERS]
        if letters and self.rng.random() < 0.4:
            letter = self.rng.choice(letters)
            return self.rng.choice((letter + word, word + letter, word[:1] + letter + word[1:]))
        return word

    def matrix(self, rows: int, columns: int) -> list[list[int]]:
        """Draw a matrix of numbers."""
        return [[abs(self.number()) for _ in range(columns)] for _ in range(rows)]

    def arguments(self, params: tuple[Param, ...]) -> list[Any]:
        """Draw a value for each parameter."""
        return [self.draw[p.domain]() for p in params]
