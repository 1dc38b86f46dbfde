"""The changes of a number of which compositions are made (see `pieces.py`)."""

from __future__ import annotations

import random

from demo.texts.programs.build import Cond, Neg, call, op
from demo.texts.programs.meaning import Spec
from demo.texts.programs.pieces import Builder, Piece, constants

# kind: (word, imperatives, participles, expression, how constants are drawn)
CHANGES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], Builder, str]] = {
    "plus": (
        "plus",
        ("add {0} to each", "increase each by {0}"),
        ("each increased by {0}",),
        lambda x, c: op("+", x, c),
        "c",
    ),
    "minus": (
        "minus",
        ("subtract {0} from each", "decrease each by {0}"),
        ("each decreased by {0}",),
        lambda x, c: op("-", x, c),
        "c",
    ),
    "times": (
        "times",
        ("multiply each by {0}",),
        ("each multiplied by {0}",),
        lambda x, c: op("*", x, c),
        "k",
    ),
    "square": ("squared", ("square each",), ("each squared",), lambda x: op("*", x, x), ""),
    "cube": (
        "cubed",
        ("cube each",),
        ("each cubed",),
        lambda x: op("*", op("*", x, x), x),
        "",
    ),
    "negate": ("negated", ("negate each",), ("each negated",), Neg, ""),
    "from": (
        "subtracted",
        ("subtract each from {0}",),
        ("each subtracted from {0}",),
        lambda x, c: op("-", c, x),
        "c",
    ),
    "halve": (
        "divided",
        ("divide each by {0} rounding down",),
        ("each divided by {0} rounding down",),
        lambda x, c: op("//", x, c),
        "d",
    ),
    "modulo": (
        "modulo",
        ("take each modulo {0}",),
        ("each taken modulo {0}",),
        lambda x, c: op("%", x, c),
        "d",
    ),
    "affine": (
        "scaled",
        ("multiply each by {0} and add {1}",),
        ("each multiplied by {0} plus {1}",),
        lambda x, a, b: op("+", op("*", x, a), b),
        "a",
    ),
    "distance": (
        "distance",
        ("take the distance of each from {0}",),
        ("each replaced by its distance from {0}",),
        lambda x, c: call("abs", op("-", x, c)),
        "c",
    ),
    "cap": (
        "capped",
        ("cap each at {0}",),
        ("each capped at {0}",),
        lambda x, c: call("min", x, c),
        "c",
    ),
    "floor": (
        "raised",
        ("raise each to at least {0}",),
        ("each raised to at least {0}",),
        lambda x, c: call("max", x, c),
        "c",
    ),
    "square_plus": (
        "squared_plus",
        ("square each and add {0}",),
        ("each squared plus {0}",),
        lambda x, c: op("+", op("*", x, x), c),
        "c",
    ),
    "alternate": (
        "switched",
        ("double the even ones and add {0} to the odd ones",),
        ("the even ones doubled and the odd ones increased by {0}",),
        lambda x, c: Cond(op("==", op("%", x, 2), 0), op("*", x, 2), op("+", x, c)),
        "c",
    ),
}


def draw_change(rng: random.Random, name: str = "") -> Spec:
    """Draw a change of a number; with `name` its constant may be that parameter."""
    if name and rng.random() < 0.3:
        return (rng.choice(("plus", "minus", "times", "from", "cap", "floor")), name)
    kind = rng.choice(tuple(CHANGES))
    how = CHANGES[kind][4]
    if how == "k":
        return (kind, rng.randint(2, 20))
    if how == "a":
        return (kind, rng.randint(2, 12), rng.randint(1, 20))
    return (kind, *constants(how, rng))


def change(spec: Spec) -> Piece:
    """Read a change of a number."""
    kind, *rest = spec
    word, phrases, participles, build, _ = CHANGES[kind]
    return Piece(
        word,
        tuple(p.format(*rest) for p in phrases),
        lambda x: build(x, *rest),
        tuple(p.format(*rest) for p in participles),
    )
