"""Texts by their words and digits, and two texts held side by side."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    EachWord,
    Not,
    Param,
    Program,
    Stmt,
    Text,
    Var,
    add,
    below,
    call,
    each,
    fresh,
    give,
    let,
    op,
    push,
    put,
    var,
    when,
)
from demo.texts.programs.families.common import function
from demo.texts.programs.families.letters import draw_kind, read_kind
from demo.texts.programs.families.spelling import BUILT, TEXT, build_text
from demo.texts.programs.families.words import (
    SEPARATORS,
    draw_word_change,
    draw_word_condition,
    read_word_change,
    read_word_condition,
)
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_digit_condition


def _sample_sentence(rng: random.Random) -> Spec:
    end = rng.choice(("count", "lengths", "join", "longest", "change"))
    keep = draw_word_condition(rng)
    if end == "join":
        return (end, keep, rng.choice(SEPARATORS))
    return (end, keep, draw_word_change(rng)) if end == "change" else (end, keep)


def _sentence(spec: Spec, rng: random.Random) -> Program:
    end, keep = spec[0], read_word_condition(spec[1])
    word = Var("word")
    told = f"words of the sentence that {keep.clause(rng)}"
    separator = Text(spec[2] if end == "join" else " ")
    space = when(op(">", call("builder_size", "result"), 0), build_text(separator))
    if end == "count":
        start, step, last = var("count", 0), add("count", 1), give("count")
        doc = f"Count the {told}."
    elif end == "lengths":
        start, step, last = var("total", 0), add("total", call("text_size", word)), give("total")
        doc = f"Return the total length of the {told}."
    elif end == "longest":
        longer = op(">", call("text_size", word), call("text_size", "longest"))
        start, last = var("longest", Text(""), "text"), give("longest")
        inner: Stmt = when(op("and", keep.apply(word), longer), put("longest", word))
        doc = f"Return the longest of the {told}, the first one if several, or an empty string."
        return _walk_words(rng, f"longest_word_{keep.word}", doc, "text", start, (inner,), last)
    else:
        start, last = fresh("result", "builder"), BUILT
        if end == "change":
            piece = read_word_change(spec[2])
            doc = f"In the sentence, {piece.phrase(rng).replace('each', 'each of the words')}"
            doc = doc.replace("words", f"words that {keep.clause(rng)}") + "."
            changed = when(
                keep.apply(word), build_text(piece.apply(word)), otherwise=(build_text(word),)
            )
            name = f"{piece.word}_words_{keep.word}"
            return _walk_words(rng, name, doc, "text", start, (space, changed), last)
        doc = f"Return the {told}, joined by '{spec[2]}'."
        inner = when(keep.apply(word), space, build_text(word))
        return _walk_words(rng, f"join_words_{keep.word}", doc, "text", start, (inner,), last)
    kept: Block = (when(keep.apply(word), step),)
    return _walk_words(rng, f"{end}_of_words_{keep.word}", doc, "int", start, kept, last)


def _walk_words(
    rng: random.Random, name: str, doc: str, returns: str, start: Stmt, inner: Block, last: Stmt
) -> Program:
    """Make a function that walks over the words of a sentence."""
    walk = EachWord("word", Var("sentence"), inner)
    params = (Param("sentence", "text", "sentence"),)
    return function(rng, name, doc, params, returns, start, walk, last)


def _sample_text_digits(rng: random.Random) -> Spec:
    return (draw_digit_condition(rng), rng.choice(("sum", "list", "count")))


def _text_digits(spec: Spec, rng: random.Random) -> Program:
    keep, end = condition(spec[0]), spec[1]
    name = {"sum": "total", "list": "result", "count": "count"}[end]
    digit = Var("digit")
    steps: dict[str, Stmt] = {
        "sum": add("total", digit),
        "list": push("result", digit),
        "count": add("count", 1),
    }
    start: Stmt = fresh(name, "ints") if end == "list" else var(name, 0)
    inner = when(
        call("is_digit", "c"),
        let("digit", call("digit_of", "c")),
        when(keep.apply(digit), steps[end]),
    )
    told = {"sum": "Add up", "list": "List", "count": "Count"}[end]
    return function(
        rng,
        f"{end}_digits_{keep.word}",
        f"{told} the digits in the text that {keep.clause(rng)}.",
        TEXT,
        "ints" if end == "list" else "int",
        start,
        each("c", "text", inner, kind="char"),
        give(name),
    )


def _sample_shared(rng: random.Random) -> Spec:
    return (draw_kind(rng), rng.choice(("in", "not in", "equal", "different")))


def _shared(spec: Spec, rng: random.Random) -> Program:
    keep, how = read_kind(spec[0]), spec[1]
    letter = call("char_at", "first", "i")
    told = f"characters of first that {keep.clause(rng)}"
    if how in ("in", "not in"):
        within = call("letter_in", "c", "second")
        test = within if how == "in" else Not(within)
        walk: Stmt = each(
            "c", "first", when(op("and", keep.apply(Var("c")), test), add("count", 1)), kind="char"
        )
        doc = f"Count the {told} and occur {how} second.".replace("occur not in", "do not occur in")
        setup: Block = (var("count", 0),)
    else:
        test = op("==" if how == "equal" else "!=", letter, call("char_at", "second", "i"))
        smaller = call("min", call("text_length", "first"), call("text_length", "second"))
        setup = (let("size", smaller), var("count", 0))
        walk = below("i", 0, "size", when(op("and", keep.apply(letter), test), add("count", 1)))
        verb = "equal" if how == "equal" else "differ from"
        doc = f"Count the {told} and {verb} the character of second at the same index."
    name = {"in": "shared", "not in": "unshared"}.get(how, how)
    params = (Param("first", "text", "text"), Param("second", "text", "text"))
    return function(
        rng, f"count_{name}_{keep.word}", doc, params, "int", *setup, walk, give("count")
    )


FAMILIES = (
    Family(name="sentence", sample=_sample_sentence, build=_sentence, weight=2.5),
    Family(name="text digits", sample=_sample_text_digits, build=_text_digits, weight=1.5),
    Family(name="shared letters", sample=_sample_shared, build=_shared, weight=1),
)
