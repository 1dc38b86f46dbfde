"""Texts letter by letter: ciphers, mirrors, repetitions, places, padding."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    Char,
    CountDown,
    Expr,
    Num,
    Param,
    Program,
    Stmt,
    Text,
    Var,
    add,
    below,
    call,
    each,
    expr,
    fresh,
    give,
    let,
    loop,
    op,
    push,
    put,
    var,
    when,
)
from demo.texts.programs.families.common import function
from demo.texts.programs.families.letters import draw_kind, read_kind
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_index_condition

TEXT = (Param("text", "text", "text"),)


BUILT = give(call("built", "result"))


def build_text(value: Expr | str) -> Stmt:
    """Append to the text that is being built."""
    return push("result", value, "builder")


def _letter(rng: random.Random) -> str:
    return rng.choice(("c", "letter"))


def _sample_cipher(rng: random.Random) -> Spec:
    among = rng.random() < 0.7
    letters = "".join(sorted(rng.sample("aeioustrnlmc", rng.randint(2, 4)))) if among else ""
    return (rng.randint(1, 25), letters)


def _cipher(spec: Spec, rng: random.Random) -> Program:
    shift, letters = spec
    name = _letter(rng)
    moved = build_text(call("shift", name, shift))
    told, step = "each letter", moved
    if letters:
        told = f"each letter in '{letters}'"
        step = when(call("one_of", name, Text(letters)), moved, otherwise=(build_text(name),))
    return function(
        rng,
        "shift_some" if letters else "shift_all",
        f"Move {told} of the lowercase word {shift} places on in the alphabet, from z on to a.",
        (Param("word", "text", "word"),),
        "text",
        fresh("result", "builder"),
        each(name, "word", step, kind="char"),
        BUILT,
    )


def _sample_mirror(rng: random.Random) -> Spec:
    return (draw_kind(rng), rng.choice(("palindrome", "reverse")))


def _mirror(spec: Spec, rng: random.Random) -> Program:
    keep, what = read_kind(spec[0]), spec[1]
    name = _letter(rng)
    if what == "reverse":
        letter = call("char_at", "text", "i")
        step = let("letter", letter, "char")
        body: Block = (
            fresh("result", "builder"),
            CountDown(
                "i",
                op("-", call("text_length", "text"), 1),
                Num(0),
                (step, when(keep.apply(Var("letter")), build_text("letter"))),
            ),
            BUILT,
        )
        doc = f"Return the characters of the text that {keep.clause(rng)} in reverse order."
        return function(rng, f"reverse_{keep.word}", doc, TEXT, "text", *body)
    held = Var("kept")
    body = (
        fresh("kept", "builder"),
        each(name, "text", when(keep.apply(Var(name)), push("kept", name, "builder")), kind="char"),
        give(call("text_same", call("built", held), call("text_reverse", held))),
    )
    doc = f"Check if the characters of the text that {keep.clause(rng)} form a palindrome."
    return function(rng, f"is_palindrome_{keep.word}", doc, TEXT, "bool", *body)


def _repeat(spec: Spec, rng: random.Random) -> Program:
    keep, times, mark = read_kind(spec[0]), spec[1], spec[2]
    name = _letter(rng)
    if isinstance(times, int):
        inner: Block = (below("i", 0, times, build_text(name)),)
        doc = f"Return the text with the characters that {keep.clause(rng)} repeated {times} times."
        word = "repeat"
    else:
        inner = (build_text(name), build_text(Char(mark)))
        doc = f"Return the text with '{mark}' put after the characters that {keep.clause(rng)}."
        word = "mark"
        if times == "before":
            inner = inner[::-1]
            doc = doc.replace("put after", "put before")
            word = "mark_before"
    body = (
        fresh("result", "builder"),
        each(
            name,
            "text",
            when(keep.apply(Var(name)), *inner, otherwise=(build_text(name),)),
            kind="char",
        ),
        BUILT,
    )
    return function(rng, f"{word}_{keep.word}", doc, TEXT, "text", *body)


def _sample_repeated(rng: random.Random) -> Spec:
    if rng.random() < 0.5:
        return (draw_kind(rng), rng.randint(2, 6), "")
    return (draw_kind(rng), rng.choice(("before", "after")), rng.choice("*-_#+"))


def _sample_letter_places(rng: random.Random) -> Spec:
    return (draw_kind(rng), rng.choice(("first", "last", "longest run", "indices")))


def _letter_places(spec: Spec, rng: random.Random) -> Program:
    keep, what = read_kind(spec[0]), spec[1]
    size = call("text_size", "text")
    letter = call("char_at", "text", "i")
    test = keep.apply(letter)
    if what == "longest run":
        name = _letter(rng)
        inner = when(
            keep.apply(Var(name)),
            add("run", 1),
            put("best", call("max", "best", "run")),
            otherwise=(put("run", 0),),
        )
        body: Block = (
            var("best", 0),
            var("run", 0),
            each(name, "text", inner, kind="char"),
            give("best"),
        )
        doc = f"Return the length of the longest run of characters of the text that {keep.clause(rng)}."
        return function(rng, f"longest_run_{keep.word}", doc, TEXT, "int", *body)
    if what == "indices":
        body = (
            fresh("result", "ints"),
            below("i", 0, size, when(test, push("result", "i"))),
            give("result"),
        )
        doc = f"Return the indices of the characters of the text that {keep.clause(rng)}."
        return function(rng, f"indices_{keep.word}", doc, TEXT, "ints", *body)
    found = when(test, give("i"))
    walk: Stmt = below("i", 0, size, found)
    if what == "last":
        walk = CountDown("i", op("-", call("text_length", "text"), 1), expr(0), (found,))
    doc = f"Return the index of the {what} of the characters of the text that {keep.clause(rng)}, or -1."
    return function(rng, f"{what}_index_{keep.word}", doc, TEXT, "int", walk, give(-1))


def _sample_positions(rng: random.Random) -> Spec:
    action = rng.choice(("keep", "upper", "*", "-", "_", "#"))
    return (draw_index_condition(rng), action)


def _positions(spec: Spec, rng: random.Random) -> Program:
    keep, action = condition(spec[0]), spec[1]
    letter = call("char_at", "text", "i")
    plain = build_text(letter)
    doc = {
        "keep": "Return the characters of the text at indices that {0}.",
        "upper": "Return the text with the characters at indices that {0} in upper case.",
    }.get(action, f"Return the text with '{action}' for the characters at indices that {{0}}.")
    test = keep.apply(Var("i"))
    if action == "keep":
        step = when(test, plain)
    else:
        new = call("char_upper", letter) if action == "upper" else Char(action)
        step = when(test, build_text(new), otherwise=(plain,))
    name = action if action in ("keep", "upper") else "hide"
    return function(
        rng,
        f"{name}_indices_{keep.word}",
        doc.format(keep.clause(rng)),
        TEXT,
        "text",
        fresh("result", "builder"),
        below("i", 0, call("text_size", "text"), step),
        BUILT,
    )


def _sample_pad(rng: random.Random) -> Spec:
    return (rng.choice(("left", "right", "both")), rng.randint(4, 20), rng.choice("*-_#+.=0"))


def _pad(spec: Spec, rng: random.Random) -> Program:
    side, width, mark = spec
    before, after = op("+", Text(mark), "result"), op("+", "result", Text(mark))
    grown = {"left": before, "right": after, "both": op("+", before, Text(mark))}[side]
    told = {"left": "on the left", "right": "on the right", "both": "on both sides"}[side]
    return function(
        rng,
        f"pad_{side}",
        f"Put '{mark}' {told} of the text, again and again, until it is at least {width} long.",
        TEXT,
        "text",
        var("result", "text", "text"),
        loop(op("<", call("text_size", "result"), width), put("result", grown)),
        give("result"),
    )


FAMILIES = (
    Family(name="cipher", sample=_sample_cipher, build=_cipher, weight=0.7),
    Family(name="mirror", sample=_sample_mirror, build=_mirror, weight=1.5),
    Family(name="repeat", sample=_sample_repeated, build=_repeat, weight=1.5),
    Family(name="letter places", sample=_sample_letter_places, build=_letter_places, weight=1.5),
    Family(name="letter indices", sample=_sample_positions, build=_positions, weight=1.5),
    Family(name="pad", sample=_sample_pad, build=_pad, weight=0.5),
)
