"""Lists by position: windows of neighbours, turns, and changes at chosen indices."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    Expr,
    Program,
    Stmt,
    Var,
    add,
    below,
    call,
    fresh,
    give,
    let,
    op,
    push,
    upto,
    var,
    when,
)
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import function, list_names, numbers_param
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition, draw_index_condition


def item(source: str, index: Expr | str) -> Expr:
    """Read an element of a list."""
    return call("list_get", source, index)


def _sample_windows(rng: random.Random) -> Spec:
    width = rng.randint(2, 5)
    if rng.random() < 0.5:
        return (width, draw_condition(rng), rng.choice(("count", "list")))
    return (width, draw_change(rng), "change")


def _windows(spec: Spec, rng: random.Random) -> Program:
    width, end = spec[0], spec[2]
    piece = change(spec[1]) if end == "change" else condition(spec[1])
    source, _ = list_names(rng)
    told = f"the sums of each {width} consecutive {source}"
    total = Var("total")
    sums: Block = (
        var("total", 0),
        below("j", "i", op("+", "i", width), add("total", item(source, "j"))),
    )
    if end == "count":
        start, last = var("count", 0), give("count")
        step: Stmt = when(piece.apply(total), add("count", 1))
        doc = f"Count {told} that {piece.clause(rng)}."
    else:
        start, last = fresh("result", "ints"), give("result")
        step = push("result", piece.apply(total))
        doc = f"Return a list of {told}, {piece.participles[0]}." if end == "change" else ""
        if end == "list":
            step = when(piece.apply(total), push("result", "total"))
            doc = f"Return a list of {told} that {piece.clause(rng)}."
    stop = op("-", call("list_length", source), width)
    return function(
        rng,
        f"{'list' if end == 'change' else end}_windows_{piece.word}",
        doc,
        (numbers_param(source, spec[1], ("modulo",)),),
        "int" if end == "count" else "ints",
        start,
        upto("i", 0, stop, *sums, step),
        last,
    )


def _sample_turned(rng: random.Random) -> Spec:
    return (rng.randint(1, 9), draw_change(rng))


def _turned(spec: Spec, rng: random.Random) -> Program:
    places, changed = spec[0], change(spec[1])
    source, _ = list_names(rng)
    value = item(source, op("%", op("+", "i", places), "size"))
    return function(
        rng,
        f"rotate_{changed.word}",
        f"Return the {source} rotated {places} places to the left, {changed.participles[0]}.",
        (numbers_param(source, spec[1]),),
        "ints",
        let("size", call("list_size", source)),
        fresh("result", "ints"),
        below(
            "i",
            0,
            "size",
            let("value", value),
            push("result", changed.apply(Var("value"))),
        ),
        give("result"),
    )


def _sample_placed(rng: random.Random) -> Spec:
    while (spec := draw_change(rng))[0] == "alternate":
        pass
    return (draw_index_condition(rng), spec, rng.choice(("list", "sum")))


def _placed(spec: Spec, rng: random.Random) -> Program:
    keep, changed, end = condition(spec[0]), change(spec[1]), spec[2]
    source, _ = list_names(rng)
    here = item(source, "i")
    new = changed.apply(here)
    told = f"those at indices that {keep.clause(rng)}"
    if end == "sum":
        body: Block = (
            var("total", 0),
            below("i", 0, call("list_size", source), when(keep.apply(Var("i")), add("total", new))),
            give("total"),
        )
        doc = f"Return the sum of the {source} at indices that {keep.clause(rng)}, {changed.participles[0]}."
    else:
        step = when(keep.apply(Var("i")), push("result", new), otherwise=(push("result", here),))
        body = (
            fresh("result", "ints"),
            below("i", 0, call("list_size", source), step),
            give("result"),
        )
        doc = f"Return the {source} with {told} changed: {changed.phrases[0]}."
    return function(
        rng,
        f"{end}_{changed.word}_at_{keep.word}",
        doc,
        (numbers_param(source, spec[1]),),
        "int" if end == "sum" else "ints",
        *body,
    )


FAMILIES = (
    Family(name="windows", sample=_sample_windows, build=_windows, weight=1.2),
    Family(name="turned", sample=_sample_turned, build=_turned, weight=0.8),
    Family(name="placed", sample=_sample_placed, build=_placed, weight=1.2),
)
