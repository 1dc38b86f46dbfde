"""Searching a list: positions, pairs, neighbours, runs and windows."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    Bool,
    CountDown,
    Expr,
    Param,
    Program,
    Stmt,
    Var,
    add,
    below,
    call,
    each,
    expr,
    fresh,
    give,
    let,
    op,
    push,
    put,
    var,
    when,
)
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import function, list_names, numbers_param
from demo.texts.programs.lowering import negated
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition


def at(source: str, index: Expr | str) -> Expr:
    """Read an element of a list."""
    return call("list_get", source, index)


def size(source: str) -> Expr:
    """Read the length of a list."""
    return call("list_size", source)


def _sample_position(rng: random.Random) -> Spec:
    return (draw_condition(rng), rng.choice(("first", "last", "all")))


def _position(spec: Spec, rng: random.Random) -> Program:
    keep, which = condition(spec[0]), spec[1]
    source, _ = list_names(rng)
    test = keep.apply(at(source, "i"))
    singular = source[:-1]
    if which == "all":
        doc = f"Return the indices of the {source} that {keep.clause(rng)}."
        body: tuple[Stmt, ...] = (
            fresh("result", "ints"),
            below("i", 0, size(source), when(test, push("result", "i"))),
            give("result"),
        )
    else:
        doc = f"Return the index of the {which} {singular} that is {keep.phrase(rng)}, or -1 if there is none."
        found = when(test, give("i"))
        walk: Stmt = below("i", 0, size(source), found)
        if which == "last":
            walk = CountDown("i", op("-", size(source), 1), expr(0), (found,))
        body = (walk, give(-1))
    name = f"indices_{keep.word}" if which == "all" else f"{which}_index_{keep.word}"
    returns = "ints" if which == "all" else "int"
    return function(rng, name, doc, (numbers_param(source, spec[0]),), returns, *body)


def _sample_pairs(rng: random.Random) -> Spec:
    combined = rng.choice(("sum", "product", "difference"))
    return (combined, draw_condition(rng), rng.choice(("count", "any")))


def _pairs(spec: Spec, rng: random.Random) -> Program:
    combined, keep, end = spec[0], condition(spec[1]), spec[2]
    source, _ = list_names(rng)
    one, two = at(source, "i"), at(source, "j")
    value = {
        "sum": op("+", one, two),
        "product": op("*", one, two),
        "difference": call("abs", op("-", one, two)),
    }[combined]
    test = keep.apply(value)
    told = f"whose {combined} is {keep.phrase(rng)}"
    hit: Stmt = add("count", 1) if end == "count" else give(Bool(True))
    walk = below("i", 0, size(source), below("j", op("+", "i", 1), size(source), when(test, hit)))
    before: tuple[Stmt, ...] = (var("count", 0),) if end == "count" else ()
    absolute = "absolute " if combined == "difference" else ""
    told = told.replace("whose ", "whose " + absolute)
    doc = (
        f"Count the pairs of {source} at different positions {told}."
        if end == "count"
        else f"Check if there is a pair of {source} at different positions {told}."
    )
    return function(
        rng,
        f"{end}_pair_{combined}_{keep.word}",
        doc,
        (numbers_param(source, spec[1]),),
        "int" if end == "count" else "bool",
        *before,
        walk,
        give("count" if end == "count" else Bool(False)),
    )


def _sample_neighbours(rng: random.Random) -> Spec:
    combined = rng.choice(("rise", "sum", "product", "gap"))
    if rng.random() < 0.5:
        return (combined, draw_condition(rng), rng.choice(("count", "all")))
    return (combined, draw_change(rng), "list")


NEIGHBOURS = {
    "rise": "the rise from each of the {0} to the next",
    "sum": "the sum of each of the {0} and the next",
    "product": "the product of each of the {0} and the next",
    "gap": "the distance from each of the {0} to the next",
}


def _neighbours(spec: Spec, rng: random.Random) -> Program:
    combined, end = spec[0], spec[2]
    source, _ = list_names(rng)
    one, two = at(source, "i"), at(source, op("+", "i", 1))
    value = {
        "rise": op("-", two, one),
        "sum": op("+", one, two),
        "product": op("*", one, two),
        "gap": call("abs", op("-", two, one)),
    }[combined]
    told = NEIGHBOURS[combined].format(source)

    def walk(*body: Stmt) -> Stmt:
        return below("i", 0, op("-", call("list_length", source), 1), *body)

    if end == "list":
        piece = change(spec[1])
        body: tuple[Stmt, ...] = (
            fresh("result", "ints"),
            walk(let(combined, value), push("result", piece.apply(Var(combined)))),
            give("result"),
        )
        doc, returns = f"Return a list of {told}, {piece.participles[0]}.", "ints"
    elif end == "count":
        piece = condition(spec[1])
        body = (
            var("count", 0),
            walk(let(combined, value), when(piece.apply(Var(combined)), add("count", 1))),
            give("count"),
        )
        doc, returns = f"Count how often {told} is {piece.phrase(rng)}.", "int"
    else:
        piece = condition(spec[1])
        body = (
            walk(
                let(combined, value),
                when(negated(piece.apply(Var(combined))), give(Bool(False))),
            ),
            give(Bool(True)),
        )
        doc, returns = f"Check if {told} is always {piece.phrase(rng)}.", "bool"
    name = f"{end}_{combined}_{piece.word}"
    given = numbers_param(source, spec[1])
    if combined == "rise" and given.domain == "numbers":
        given = Param(source, "ints", "rising numbers")
    return function(rng, name, doc, (given,), returns, *body)


def _sample_runs(rng: random.Random) -> Spec:
    return (draw_condition(rng), rng.choice(("longest", "current", "groups")))


def _runs(spec: Spec, rng: random.Random) -> Program:
    keep, kind = condition(spec[0]), spec[1]
    source, name = list_names(rng)
    test = keep.apply(Var(name))
    told = f"consecutive {source} that {keep.clause(rng)}"
    if kind == "longest":
        inner = when(
            test,
            add("run", 1),
            put("best", call("max", "best", "run")),
            otherwise=(put("run", 0),),
        )
        body: tuple[Stmt, ...] = (
            var("best", 0),
            var("run", 0),
            each(name, source, inner),
            give("best"),
        )
        doc = f"Return the length of the longest run of {told}."
    elif kind == "current":
        inner = when(test, add("run", 1), otherwise=(put("run", 0),))
        body = (
            fresh("result", "ints"),
            var("run", 0),
            each(name, source, inner, push("result", "run")),
            give("result"),
        )
        doc = f"For each of the {source}, return the length of the run of {told} that ends there."
    else:
        inner = when(
            test,
            when(op("==", "run", 0), add("groups", 1)),
            add("run", 1),
            otherwise=(put("run", 0),),
        )
        body = (var("groups", 0), var("run", 0), each(name, source, inner), give("groups"))
        doc = f"Count the runs of {told}."
    return function(
        rng,
        {"longest": "longest_run_", "current": "run_lengths_", "groups": "count_runs_"}[kind]
        + keep.word,
        doc,
        (numbers_param(source, spec[0]),),
        "ints" if kind == "current" else "int",
        *body,
    )


def _sample_running(rng: random.Random) -> Spec:
    kind = rng.choice(("sum", "max", "min", "count"))
    if kind == "count":
        return (kind, draw_condition(rng))
    return (kind, draw_change(rng))


def _running(spec: Spec, rng: random.Random) -> Program:
    kind = spec[0]
    piece = condition(spec[1]) if kind == "count" else change(spec[1])
    source, name = list_names(rng)
    value = piece.apply(Var(name))
    step: Block
    if kind == "count":
        doc = f"For each of the {source}, return how many up to it {piece.clause(rng)}."
        start, step = var("count", 0), (when(value, add("count", 1)), push("result", "count"))
    elif kind == "sum":
        doc = f"Return the running totals of the {source}, {piece.participles[0]}."
        start, step = var("total", 0), (add("total", value), push("result", "total"))
    else:
        side = "largest" if kind == "max" else "smallest"
        doc = f"Return the running {side} of 0 and the {source}, {piece.participles[0]}."
        start = var("best", 0)
        step = (put("best", call(kind, "best", value)), push("result", "best"))
    return function(
        rng,
        f"running_{kind}_{piece.word}",
        doc,
        (numbers_param(source, spec[1]),),
        "ints",
        start,
        fresh("result", "ints"),
        each(name, source, *step),
        give("result"),
    )


FAMILIES = (
    Family(name="position", sample=_sample_position, build=_position, weight=2),
    Family(name="pairs", sample=_sample_pairs, build=_pairs, weight=2),
    Family(name="neighbours", sample=_sample_neighbours, build=_neighbours, weight=2),
    Family(name="runs", sample=_sample_runs, build=_runs, weight=1.5),
    Family(name="running", sample=_sample_running, build=_running, weight=2),
)
