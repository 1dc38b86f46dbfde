"""The pieces of which compositions are made: conditions on a number and changes of a number.

A piece is drawn as a spec, such as ("above", 7), and read as a `Piece`: its wordings, the word it
gives to a function's name, and its expression.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from demo.texts.programs.build import Expr, Var, op
from demo.texts.programs.meaning import Spec

Reader: TypeAlias = Callable[[Expr], Expr]


@dataclass(frozen=True, slots=True)
class Piece:
    """A condition or a change.

    phrases: a condition's wordings after "that are" (`verb` is what stands after "that"), or a
        change's imperatives for "each"; participles: the change as a property of the results.
    """

    word: str
    phrases: tuple[str, ...]
    apply: Reader
    participles: tuple[str, ...] = ()
    verb: str = "are "

    def phrase(self, rng: random.Random) -> str:
        """Draw one of the wordings."""
        return rng.choice(self.phrases)

    def clause(self, rng: random.Random) -> str:
        """Draw one of a condition's wordings, as it follows "that"."""
        return self.verb + rng.choice(self.phrases)


def applied(piece: Piece | None, variable: str) -> Expr | None:
    """Return a piece's expression of a variable; nothing if there is no piece."""
    return None if piece is None else piece.apply(Var(variable))


# kind: (word, wordings, expression of the number and the constants, how constants are drawn)
Builder: TypeAlias = Callable[..., Expr]


CONDITIONS: dict[str, tuple[str, tuple[str, ...], Builder, str]] = {
    "even": ("even", ("even",), lambda x: op("==", op("%", x, 2), 0), ""),
    "odd": ("odd", ("odd",), lambda x: op("!=", op("%", x, 2), 0), ""),
    "above": ("above", ("greater than {0}", "above {0}"), lambda x, c: op(">", x, c), "c"),
    "below": ("below", ("less than {0}", "below {0}"), lambda x, c: op("<", x, c), "c"),
    "least": (
        "at_least",
        ("at least {0}", "no less than {0}"),
        lambda x, c: op(">=", x, c),
        "c",
    ),
    "most": ("at_most", ("at most {0}", "no more than {0}"), lambda x, c: op("<=", x, c), "c"),
    "divisible": (
        "divisible",
        ("divisible by {0}",),
        lambda x, c: op("==", op("%", x, c), 0),
        "d",
    ),
    "indivisible": (
        "not_divisible",
        ("not divisible by {0}",),
        lambda x, c: op("!=", op("%", x, c), 0),
        "d",
    ),
    "between": (
        "between",
        ("between {0} and {1}", "from {0} to {1}"),
        lambda x, a, b: op("and", op(">=", x, a), op("<=", x, b)),
        "r",
    ),
    "outside": (
        "outside",
        ("less than {0} or greater than {1}", "below {0} or above {1}"),
        lambda x, a, b: op("or", op("<", x, a), op(">", x, b)),
        "r",
    ),
    "unequal": (
        "not_equal",
        ("not equal to {0}", "different from {0}"),
        lambda x, c: op("!=", x, c),
        "c",
    ),
    "remainder": (
        "remainder",
        ("{1} modulo {0}",),
        lambda x, d, r: op("==", op("%", x, d), r),
        "m",
    ),
    "ending": (
        "ending",
        ("equal to {0} in the last digit",),
        lambda x, c: op("==", op("%", x, 10), c),
        "l",
    ),
}


# Two of these together say nothing, or what "between" and "outside" say.
ALIKE = (("even", "odd"), ("divisible", "indivisible"), ("above", "below", "least", "most"))


SIMPLE = ("even", "odd", "above", "below", "least", "most", "divisible", "indivisible", "unequal")


def constants(kind: str, rng: random.Random) -> tuple[int, ...]:
    """Draw a piece's constants: c any, d a divisor, r an interval, m a modulus and remainder."""
    if kind == "c":
        return (rng.randint(1, 30) if rng.random() < 0.7 else rng.randint(31, 100),)
    if kind == "d":
        return (rng.randint(3, 12),)
    if kind == "r":
        low = rng.randint(1, 20)
        return (low, low + rng.randint(2, 30))
    if kind == "m":
        divisor = rng.randint(3, 9)
        return (divisor, rng.randint(1, divisor - 1))
    return (rng.randint(1, 9),) if kind == "l" else ()


def draw_condition(rng: random.Random, limit: str = "") -> Spec:
    """Draw a condition; with `limit` its constant may be that parameter."""
    roll = rng.random()
    if limit and roll < 0.3:
        return (rng.choice(("above", "below", "least", "most", "divisible", "unequal")), limit)
    if roll < 0.88:
        kind = rng.choice(tuple(CONDITIONS))
        return (kind, *constants(CONDITIONS[kind][3], rng))
    one, two = sorted(rng.sample(SIMPLE, 2))
    first = (one, *constants(CONDITIONS[one][3], rng))
    second = (two, *constants(CONDITIONS[two][3], rng))
    if any(one in alike and two in alike for alike in ALIKE):
        return first
    return (rng.choice(("and", "or")), first, second)


DIGIT_KINDS = ("even", "odd", "above", "below", "least", "most", "unequal")


def draw_digit_condition(rng: random.Random) -> Spec:
    """Draw a condition on a digit."""
    kind = rng.choice(DIGIT_KINDS)
    return (kind,) if kind in ("even", "odd") else (kind, rng.randint(1, 8))


def draw_index_condition(rng: random.Random) -> Spec:
    """Draw a condition on an index of a short list or text."""
    kind = rng.choice(("even", "odd", "above", "below", "divisible", "indivisible", "between"))
    if kind in ("even", "odd"):
        return (kind,)
    low = rng.randint(3 if "divisible" in kind else 1, 7)
    return (kind, low, low + rng.randint(1, 6)) if kind == "between" else (kind, low)


def condition(spec: Spec) -> Piece:
    """Read a condition on a number."""
    kind, *rest = spec
    if kind in ("and", "or"):
        one, two = condition(rest[0]), condition(rest[1])
        phrases = tuple(f"{a} {kind} {b}" for a, b in zip(*_padded(one, two), strict=True))
        return Piece(
            f"{one.word}_{kind}_{two.word}",
            phrases,
            lambda x: op(kind, one.apply(x), two.apply(x)),
        )
    word, phrases, build, _ = CONDITIONS[kind]
    return Piece(word, tuple(p.format(*rest) for p in phrases), lambda x: build(x, *rest))


def _padded(one: Piece, two: Piece) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return both pieces' wordings, in pairs."""
    size = max(len(one.phrases), len(two.phrases))
    return (one.phrases * 2)[:size], (two.phrases * 2)[:size]


def uses(spec: Spec, name: str) -> bool:
    """Tell whether a spec names a parameter among its constants."""
    return any(uses(p, name) if isinstance(p, tuple) else p == name for p in spec)


def reads_sign(spec: Spec) -> bool:
    """Tell whether a spec divides, so that its tests must keep to non-negative numbers."""
    divides = ("remainder", "ending", "halve", "modulo")
    return any(reads_sign(p) if isinstance(p, tuple) else p in divides for p in spec)
