"""Texts taken letter by letter or word by word: ciphers, padding, mirrors, runs, sentences."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    Char,
    CountDown,
    EachWord,
    Expr,
    Not,
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
from demo.texts.programs.families.words import (
    SEPARATORS,
    draw_word_change,
    draw_word_condition,
    read_word_change,
    read_word_condition,
)
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_digit_condition, draw_index_condition

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
    Family(name="cipher", sample=_sample_cipher, build=_cipher, weight=0.7),
    Family(name="mirror", sample=_sample_mirror, build=_mirror, weight=1.5),
    Family(name="repeat", sample=_sample_repeated, build=_repeat, weight=1.5),
    Family(name="letter places", sample=_sample_letter_places, build=_letter_places, weight=1.5),
    Family(name="letter indices", sample=_sample_positions, build=_positions, weight=1.5),
    Family(name="pad", sample=_sample_pad, build=_pad, weight=0.5),
    Family(name="sentence", sample=_sample_sentence, build=_sentence, weight=2.5),
    Family(name="text digits", sample=_sample_text_digits, build=_text_digits, weight=1.5),
    Family(name="shared letters", sample=_sample_shared, build=_shared, weight=1),
)
