"""Pipelines over the characters of a text."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Char,
    Cond,
    Expr,
    Num,
    Param,
    Pipe,
    Program,
    Text,
    Var,
    call,
    op,
)
from demo.texts.programs.families.common import function
from demo.texts.programs.lowering import loop
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.phrases import sentence, title
from demo.texts.programs.pieces import Piece, applied

KINDS = {
    "vowel": ("vowels", ("lowercase vowels",)),
    "digit": ("digits", ("digits",)),
    "letter": ("letters", ("letters",)),
    "upper": ("uppercase", ("uppercase letters",)),
    "lower": ("lowercase", ("lowercase letters",)),
}
USUAL = "abcdefghiklmnoprstuvwxyz"


def _letter(rng: random.Random) -> str:
    return rng.choice(USUAL)


def draw_kind(rng: random.Random) -> Spec:
    """Draw a condition on a character."""
    roll = rng.random()
    if roll < 0.35:
        return (rng.choice(tuple(KINDS)),)
    if roll < 0.6:
        return (rng.choice(("same", "other")), _letter(rng))
    if roll < 0.8:
        return (rng.choice(("among", "missing")), "".join(sorted(rng.sample(USUAL, 3))))
    kind = rng.choice(("vowel", "digit", "upper"))
    letter = _letter(rng)
    return (kind,) if kind == "vowel" and letter in "aeiou" else ("either", kind, letter)


def read_kind(spec: Spec) -> Piece:
    """Read a condition on a character."""
    kind, *rest = spec
    if kind in KINDS:
        word, phrases = KINDS[kind]
        return Piece(word, phrases, lambda c: _kind(kind, c))
    if kind == "same":
        return Piece("matching", (f"equal to '{rest[0]}'",), lambda c: op("==", c, Char(rest[0])))
    if kind == "other":
        return Piece("other", (f"not equal to '{rest[0]}'",), lambda c: op("!=", c, Char(rest[0])))
    if kind == "among":
        return Piece("among", (f"in '{rest[0]}'",), lambda c: call("one_of", c, Text(rest[0])))
    if kind == "missing":
        letters = tuple(rest[0])
        return Piece(
            "not_among",
            (f"not '{letters[0]}', '{letters[1]}' or '{letters[2]}'",),
            lambda c: op(
                "and",
                op("and", op("!=", c, Char(letters[0])), op("!=", c, Char(letters[1]))),
                op("!=", c, Char(letters[2])),
            ),
        )
    word, phrases = KINDS[rest[0]]
    return Piece(
        f"{word}_or_matching",
        (f"{phrases[0]} or '{rest[1]}'",),
        lambda c: op("or", _kind(rest[0], c), op("==", c, Char(rest[1]))),
    )


def _kind(kind: str, c: Expr) -> Expr:
    if kind == "vowel":
        return call("one_of", c, Text("aeiou"))
    return call(f"is_{kind}", c)


def draw_rewriting(rng: random.Random) -> Spec:
    """Draw what becomes of a character."""
    kind = rng.choice(("upper", "lower", "replace", "replace", "hide"))
    if kind == "replace":
        old, new = rng.sample(USUAL, 2)
        return (kind, old, new)
    return (kind, _letter(rng), rng.choice("*-_#")) if kind == "hide" else (kind,)


def read_rewriting(spec: Spec) -> Piece:
    """Read what becomes of a character."""
    kind, *rest = spec
    if kind in ("upper", "lower"):
        return Piece(
            f"{kind}cased",
            (f"turn each to {kind} case",),
            lambda c: call(f"char_{kind}", c),
            (f"each turned to {kind} case",),
        )
    old, new = rest
    return Piece(
        "replaced" if kind == "replace" else "hidden",
        (f"replace each '{old}' by '{new}'",),
        lambda c: Cond(op("==", c, Char(old)), Char(new), c),
        (f"each '{old}' replaced by '{new}'",),
    )


def _sample(rng: random.Random) -> Spec:
    roll = rng.random()
    if roll < 0.45:
        return (draw_kind(rng), None, (rng.choice(("count", "count", "any", "all")),))
    keep = draw_kind(rng) if roll < 0.85 else None
    changed = draw_rewriting(rng) if roll > 0.6 else None
    return (keep, changed, ("text",))


def _letters(spec: Spec, rng: random.Random) -> Program:
    keep = read_kind(spec[0]) if spec[0] else None
    changed = read_rewriting(spec[1]) if spec[1] else None
    end = spec[2][0]
    name = rng.choice(("c", "c", "letter"))
    pipe = Pipe(
        Var("text"),
        name,
        "char",
        applied(keep, name),
        applied(changed, name),
        end,
        "char",
        Num(0),
    )
    return function(
        rng,
        title(spec[2], keep, changed),
        sentence(rng, "characters of the text", keep, changed, spec[2]),
        (Param("text", "text", "text"),),
        {"count": "int", "text": "text"}.get(end, "bool"),
        *(loop(pipe) if rng.random() < 0.5 else (pipe,)),
    )


FAMILIES = (Family(name="letters", sample=_sample, build=_letters, weight=5),)
