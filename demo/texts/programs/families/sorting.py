"""Sorting by the classical methods, and searching in what is sorted."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Expr,
    Let,
    Param,
    Program,
    Stmt,
    Swap,
    Var,
    add,
    below,
    call,
    give,
    let,
    loop,
    op,
    put,
    var,
    when,
)
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import function, list_names, numbers_param
from demo.texts.programs.meaning import Family, Spec

KEYS = {
    "plain": ("", lambda e, c: e),
    "distance": (" by their distance from {0}", lambda e, c: call("abs", op("-", e, c))),
    "modulo": (" by their value modulo {0}", lambda e, c: op("%", e, c)),
    "quotient": (" by their value divided by {0} rounding down", lambda e, c: op("//", e, c)),
}


def _sample_sorting(rng: random.Random) -> Spec:
    key = rng.choice(("plain", "distance", "distance", "modulo", "modulo", "quotient"))
    constant = {"plain": 0, "distance": rng.randint(1, 60)}.get(key, rng.randint(2, 12))
    return (rng.choice(("bubble", "insertion", "selection")), rng.random() < 0.4, key, constant)


def _sorting(spec: Spec, rng: random.Random) -> Program:
    method, descending, key, constant = spec
    source, _ = list_names(rng)
    told, make = KEYS[key]
    sign = "<" if descending else ">"

    def behind(one: Expr | str, two: Expr | str) -> Expr:
        left, right = call("list_get", "result", one), call("list_get", "result", two)
        return op(sign, make(left, constant), make(right, constant))

    after = op("+", "j", 1)
    size = call("list_size", "result")
    result = Var("result")
    bodies: dict[str, Stmt] = {
        "bubble": below(
            "i",
            0,
            size,
            below(
                "j",
                0,
                op("-", call("list_length", "result"), 1),
                when(behind("j", after), Swap(result, Var("j"), after)),
            ),
        ),
        "insertion": below(
            "i",
            1,
            size,
            var("j", "i"),
            loop(
                op("and", op(">", "j", 0), behind(op("-", "j", 1), "j")),
                Swap(result, op("-", "j", 1), Var("j")),
                add("j", 1, "-"),
            ),
        ),
        "selection": below(
            "i",
            0,
            size,
            var("best", "i"),
            below("j", op("+", "i", 1), size, when(behind("best", "j"), put("best", "j"))),
            Swap(result, Var("i"), Var("best")),
        ),
    }
    order = "descending" if descending else "ascending"
    divides = ("modulo", constant) if key in ("modulo", "quotient") else None
    return function(
        rng,
        f"{method}_sort_{key}_{order}" if key != "plain" else f"{method}_sort_{order}",
        f"Return the {source} sorted in {order} order{told.format(constant)}, using {method} sort.",
        (numbers_param(source, divides),),
        "ints",
        Let("result", "ints", call("list_copy", source)),
        bodies[method],
        give("result"),
    )


def _sample_bisect(rng: random.Random) -> Spec:
    while (changed := draw_change(rng))[0] == "alternate":
        pass
    end = rng.choice(("count", "found"))
    return (rng.choice(("<", "<=")) if end == "count" else "<", changed, end)


def _bisection(spec: Spec, rng: random.Random) -> Program:
    operator, changed, end = spec[0], change(spec[1]), spec[2]
    source, _ = list_names(rng)
    sign = "less than" if operator == "<" else "at most"
    doc = f"By binary search, count the sorted {source} that are {sign} the goal."
    goal = changed.participles[0].removeprefix("each ")
    if end == "found":
        doc = f"By binary search, check if the goal is one of the sorted {source}."
    doc = doc[:-1] + f"; the goal is target {goal}."
    middle = call("list_get", source, "middle")
    body: list[Stmt] = [
        let("goal", changed.apply(Var("target"))),
        var("low", 0),
        var("high", call("list_size", source)),
        loop(
            op("<", "low", "high"),
            let("middle", op("//", op("+", "low", "high"), 2)),
            when(
                op(operator, middle, "goal"),
                put("low", op("+", "middle", 1)),
                otherwise=(put("high", "middle"),),
            ),
        ),
    ]
    if end == "count":
        body.append(give("low"))
    else:
        here = op("==", call("list_get", source, "low"), "goal")
        body.append(give(op("and", op("<", "low", call("list_size", source)), here)))
    return function(
        rng,
        f"{'count_sorted' if end == 'count' else 'sorted_has'}_{changed.word}",
        doc,
        (Param(source, "ints", "sorted numbers"), Param("target", "int", "number")),
        "int" if end == "count" else "bool",
        *body,
    )


FAMILIES = (
    Family(name="sorting", sample=_sample_sorting, build=_sorting, weight=1.2),
    Family(name="bisection", sample=_sample_bisect, build=_bisection, weight=1),
)
