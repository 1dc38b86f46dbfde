"""Pipelines over a list of words."""

from __future__ import annotations

import random

from demo.texts.programs.build import Expr, Num, Param, Pipe, Program, Text, Var, call, op
from demo.texts.programs.families.common import function
from demo.texts.programs.lowering import loop
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.phrases import sentence, title
from demo.texts.programs.pieces import Piece, applied

USUAL = "abcdeghiklmnoprstu"
SUFFIXES = ("s", "er", "ing", "ly", "ed", "ful", "ness", "x", "!", "?")
PREFIXES = ("re", "un", "pre", "my", "the ", "non", "in", "sub", "over", "#")
SEPARATORS = (", ", "-", " ", "_", "/", "; ", " and ")
# How the lengths of words are gathered.
MEASURES: tuple[Spec, ...] = (("sum",), ("max", 0), ("min", 0), ("list",), ("max", -1))
LENGTHS = {
    "longer": ("long", "longer than {0}", ">"),
    "shorter": ("short", "shorter than {0}", "<"),
    "exactly": ("sized", "exactly {0} long", "=="),
    "at_least": ("at_least", "at least {0} long", ">="),
    "at_most": ("at_most", "at most {0} long", "<="),
}
PLACES = {
    "starts": ("starting", "start with '{0}'", "starts_with"),
    "ends": ("ending", "end with '{0}'", "ends_with"),
    "contains": ("containing", "contain '{0}'", "text_has"),
}


def draw_word_condition(rng: random.Random, *, simple: bool = False) -> Spec:
    """Draw a condition on a word."""
    roll = rng.random()
    if roll < 0.4:
        return (rng.choice(tuple(LENGTHS)), rng.randint(2, 9))
    if roll < 0.8 or simple:
        return (rng.choice(tuple(PLACES)), rng.choice(USUAL))
    length = (rng.choice(tuple(LENGTHS)), rng.randint(2, 9))
    return (rng.choice(("and", "or")), (rng.choice(tuple(PLACES)), rng.choice(USUAL)), length)


def read_word_condition(spec: Spec) -> Piece:
    """Read a condition on a word."""
    kind, *rest = spec
    if kind in ("and", "or"):
        one, two = map(read_word_condition, rest)
        return Piece(
            f"{one.word}_{kind}_{two.word}",
            (f"{one.phrases[0]} {kind} {two.verb}{two.phrases[0]}",),
            lambda w: op(kind, one.apply(w), two.apply(w)),
            verb=one.verb,
        )
    if kind in LENGTHS:
        word, phrase, operator = LENGTHS[kind]
        return Piece(
            word, (phrase.format(*rest),), lambda w: op(operator, call("text_size", w), rest[0])
        )
    word, phrase, operation = PLACES[kind]
    return Piece(
        word, (phrase.format(*rest),), lambda w: call(operation, w, Text(rest[0])), verb=""
    )


def draw_word_change(rng: random.Random) -> Spec:
    """Draw what becomes of a word."""
    kind = rng.choice(("suffix", "suffix", "prefix", "prefix", "reverse", "twice"))
    if kind == "suffix":
        return (kind, rng.choice(SUFFIXES))
    return (kind, rng.choice(PREFIXES)) if kind == "prefix" else (kind,)


def read_word_change(spec: Spec) -> Piece:
    """Read what becomes of a word."""
    kind, *rest = spec
    if kind == "length":
        return Piece(
            "lengths",
            ("take the length of each",),
            lambda w: call("text_size", w),
            ("each replaced by its length",),
        )
    table: dict[str, tuple[str, str, str, Expr]] = {
        "reverse": ("reversed", "reverse each", "each reversed", Num(0)),
        "twice": ("repeated", "repeat each twice", "each repeated twice", Num(0)),
        "suffix": (
            "suffixed",
            "append '{0}' to each",
            "each followed by '{0}'",
            Text(rest[0] if rest else ""),
        ),
        "prefix": (
            "prefixed",
            "put '{0}' before each",
            "each preceded by '{0}'",
            Text(rest[0] if rest else ""),
        ),
    }
    word, imperative, participle, text = table[kind]
    readers = {
        "reverse": lambda w: call("text_reverse", w),
        "twice": lambda w: op("+", w, w),
        "suffix": lambda w: op("+", w, text),
        "prefix": lambda w: op("+", text, w),
    }
    return Piece(word, (imperative.format(*rest),), readers[kind], (participle.format(*rest),))


def _sample(rng: random.Random) -> Spec:
    roll = rng.random()
    if roll < 0.25:
        end = rng.choice(("count", "count", "any", "all"))
        return (draw_word_condition(rng), None, (end,))
    keep = draw_word_condition(rng) if roll < 0.85 else None
    shape = rng.random()
    if shape < 0.3:
        return (keep, ("length",), rng.choice(MEASURES))
    changed = draw_word_change(rng) if shape > 0.55 or keep is None else None
    joined = ("joined", rng.choice(SEPARATORS))
    ends: tuple[Spec, ...] = (("list",), ("list",), joined, ("first", "none"))
    gathered = rng.choice(ends)
    if keep is None and gathered[0] == "first":
        gathered = ("list",)
    return (keep, changed, gathered)


def _words(spec: Spec, rng: random.Random) -> Program:
    keep = read_word_condition(spec[0]) if spec[0] else None
    changed = read_word_change(spec[1]) if spec[1] else None
    end: str = spec[2][0]
    kind = "int" if spec[1] == ("length",) else "text"
    source = rng.choice(("words", "words", "names"))
    name = rng.choice((source[:-1], "w" if source == "words" else "s"))
    given = spec[2][1] if len(spec[2]) > 1 else 0
    shown = (end, f"'{given}'") if isinstance(given, str) else spec[2]
    pipe = Pipe(
        Var(source),
        name,
        "text",
        applied(keep, name),
        applied(changed, name),
        end,
        kind,
        Text(given) if isinstance(given, str) else Num(given),
    )
    returns = {"list": kind + "s", "first": "text", "joined": "text", "any": "bool", "all": "bool"}
    return function(
        rng,
        title(spec[2], keep, changed),
        sentence(rng, source, keep, changed, shown),
        (Param(source, "texts", "words"),),
        returns.get(end, "int"),
        *(loop(pipe) if rng.random() < 0.45 else (pipe,)),
    )


FAMILIES = (Family(name="words", sample=_sample, build=_words, weight=6),)
