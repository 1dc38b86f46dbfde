"""Lists that are filtered, changed and then put in order, turned round, thinned out or cut."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Collect,
    CountDown,
    Expr,
    Include,
    Param,
    Pipe,
    Program,
    Range,
    Sort,
    Stmt,
    Var,
    call,
    each,
    expr,
    fresh,
    give,
    op,
    push,
    when,
)
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import function, list_names, numbers_param
from demo.texts.programs.families.words import draw_word_condition, read_word_condition
from demo.texts.programs.lowering import collected, negated
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import applied, condition, draw_condition

ORDERS = {
    "ascending": ("sorted", "in ascending order"),
    "descending": ("sorted_down", "in descending order"),
    "distance": ("nearest", "in order of their distance from {0}"),
    "reversed": ("reversed", "in reverse order"),
    "distinct": ("distinct", "without duplicates"),
    "take": ("leading", "cut to the first {0}"),
    "step": ("every", "taking only every {0}th from the first on"),
}


def _sample(rng: random.Random) -> Spec:
    order = rng.choice(tuple(ORDERS))
    constant = {
        "distance": rng.randint(1, 50),
        "take": rng.randint(2, 9),
        "step": rng.randint(4, 9),
    }
    arranged = (order, constant[order]) if order in constant else (order,)
    if rng.random() < 0.5 or order == "distance":
        return (draw_condition(rng), None, arranged)
    return (None, draw_change(rng), arranged)


def finish(order: str, constant: int, name: str) -> tuple[Stmt, ...]:
    """Arrange the list `name` and return it."""
    items = Var(name)
    size = call("list_size", items)
    element: Expr = call("list_get", items, "i")
    taken = fresh("result", "ints")
    if order in ("ascending", "descending"):
        return (Sort(items, order == "descending"), give(items))
    if order == "distance":
        key = lambda e: call("abs", op("-", e, constant))  # noqa: E731
        return (Sort(items, key=key), give(items))
    if order == "reversed":
        return (
            taken,
            CountDown("i", op("-", size, 1), expr(0), (push("result", element),)),
            give("result"),
        )
    if order == "distinct":
        seen = call("set_has", "seen", "x")
        body = when(negated(seen), Include(Var("seen"), Var("x")), push("result", "x"))
        return (taken, fresh("seen", "set"), each("x", items, body), give("result"))
    if order == "take":
        room = op("<", call("list_size", "result"), constant)
        return (taken, each("x", items, when(room, push("result", "x"))), give("result"))
    walk = Range("i", expr(0), size, (push("result", element),), step=constant)
    return (taken, walk, give("result"))


def _arranged(spec: Spec, rng: random.Random) -> Program:
    keep = condition(spec[0]) if spec[0] else None
    changed = change(spec[1]) if spec[1] else None
    order, *constants = spec[2]
    word, phrase = ORDERS[order]
    source, name = list_names(rng)
    pipe = Pipe(
        Var(source),
        name,
        "int",
        applied(keep, name),
        applied(changed, name),
        "list",
    )
    gathered = Collect("kept" if keep else "changed", pipe)
    first: tuple[Stmt, ...] = (gathered,) if rng.random() < 0.5 else collected(gathered)
    piece = keep or changed
    assert piece is not None
    told = (
        f"the {source} that {piece.clause(rng)}"
        if keep
        else f"the {source}, {piece.participles[0]},"
    )
    return function(
        rng,
        f"{word}_{piece.word}",
        f"Return {told} {phrase.format(*constants)}.",
        (numbers_param(source, spec[0], spec[1]),),
        "ints",
        *first,
        *finish(order, constants[0] if constants else 0, gathered.name),
    )


def _sample_ranked(rng: random.Random) -> Spec:
    return (
        draw_condition(rng),
        rng.choice(("largest", "smallest")),
        rng.randint(2, 6),
        rng.choice((0, -1)),
    )


def _ranked(spec: Spec, rng: random.Random) -> Program:
    keep, side, rank, default = condition(spec[0]), spec[1], spec[2], spec[3]
    source, name = list_names(rng)
    ordinal = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}[rank]
    gathered = Collect("kept", Pipe(Var(source), name, "int", keep.apply(Var(name)), None, "list"))
    first: tuple[Stmt, ...] = (gathered,) if rng.random() < 0.5 else collected(gathered)
    return function(
        rng,
        f"{ordinal}_{side}_{keep.word}",
        f"Return the {ordinal} {side} of the {source} that {keep.clause(rng)}, or {default} if there are too few.",
        (numbers_param(source, spec[0]),),
        "int",
        *first,
        when(op("<", call("list_size", "kept"), rank), give(default)),
        Sort(Var("kept"), side == "largest"),
        give(call("list_get", "kept", rank - 1)),
    )


def _sample_words(rng: random.Random) -> Spec:
    return (draw_word_condition(rng), rng.choice(("ascending", "descending", "size", "size_down")))


def _words(spec: Spec, rng: random.Random) -> Program:
    keep, order = read_word_condition(spec[0]), spec[1]
    told = {
        "ascending": ("sorted", "in alphabetical order"),
        "descending": ("sorted_down", "in reverse alphabetical order"),
        "size": ("by_length", "from the shortest to the longest"),
        "size_down": ("by_length_down", "from the longest to the shortest"),
    }
    word, phrase = told[order]
    name = rng.choice(("word", "w"))
    pipe = Pipe(Var("words"), name, "text", keep.apply(Var(name)), None, "list", "text")
    gathered = Collect("kept", pipe)
    first: tuple[Stmt, ...] = (gathered,) if rng.random() < 0.5 else collected(gathered)

    key = (lambda e: call("text_size", e)) if "size" in order else None
    return function(
        rng,
        f"{word}_{keep.word}",
        f"Return the words that {keep.clause(rng)} {phrase}.",
        (Param("words", "texts", "words"),),
        "texts",
        *first,
        Sort(Var("kept"), order in ("descending", "size_down"), key, "text"),
        give("kept"),
    )


FAMILIES = (
    Family(name="arranged", sample=_sample, build=_arranged, weight=4),
    Family(name="ranked", sample=_sample_ranked, build=_ranked, weight=1.5),
    Family(name="arranged words", sample=_sample_words, build=_words, weight=1.5),
)
