"""The classical procedures: sorting, searching, divisors, primes, powers, recursion."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    Expr,
    Let,
    Param,
    Program,
    Stmt,
    Swap,
    Var,
    add,
    again,
    below,
    call,
    fresh,
    give,
    let,
    loop,
    op,
    push,
    put,
    upto,
    var,
    when,
)
from demo.texts.programs.families.common import function, list_names, numbers_param
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import change, condition, draw_change, draw_condition

KEYS = {
    "plain": ("", lambda e, c: e),
    "distance": (" by their distance from {0}", lambda e, c: call("abs", op("-", e, c))),
    "modulo": (" by their value modulo {0}", lambda e, c: op("%", e, c)),
    "quotient": (" by their value divided by {0} rounding down", lambda e, c: op("//", e, c)),
}
SIZE = (Param("n", "int", "size"),)
UNBOUNDED = ("even", "odd", "above", "least", "divisible", "indivisible", "unequal", "remainder")


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


def _sample_primes(rng: random.Random) -> Spec:
    return (draw_condition(rng), rng.choice(("count", "sum", "list", "check")))


def _primes(spec: Spec, rng: random.Random) -> Program:
    keep, end = condition(spec[0]), spec[1]
    checked = "n" if end == "check" else "k"
    search = loop(
        op("and", op("<=", op("*", "d", "d"), checked), op("!=", op("%", checked, "d"), 0)),
        add("d", 1),
    )
    prime = op(">", op("*", "d", "d"), checked)
    if end == "check":
        test = op("and", op("and", op(">", "n", 1), prime), keep.apply(Var("n")))
        body: Block = (var("d", 2), search, give(test))
        doc = f"Check if n is a prime number that is {keep.phrase(rng)}."
        return function(rng, f"is_prime_{keep.word}", doc, SIZE, "bool", *body)
    name = {"count": "count", "sum": "total", "list": "result"}[end]
    start: Stmt = fresh(name, "ints") if end == "list" else var(name, 0)
    step: Stmt = push(name, "k") if end == "list" else add(name, 1 if end == "count" else "k")
    kept = when(op("and", prime, keep.apply(Var("k"))), step)
    told = {"count": "Count", "sum": "Add up", "list": "List"}[end]
    return function(
        rng,
        f"{end}_primes_{keep.word}",
        f"{told} the prime numbers up to n that {keep.clause(rng)}.",
        SIZE,
        "ints" if end == "list" else "int",
        start,
        upto("k", 2, "n", var("d", 2), search, kept),
        give(name),
    )


def _sample_common(rng: random.Random) -> Spec:
    if rng.random() < 0.5:
        return ("check", draw_condition(rng))
    return ("change", draw_change(rng))


def _common(spec: Spec, rng: random.Random) -> Program:
    checks = spec[0] == "check"
    piece = condition(spec[1]) if checks else change(spec[1])
    told = "the greatest common divisor of a and b"
    doc = f"Check if {told} is {piece.phrases[0]}." if checks else ""
    if not checks:
        doc = f"Return {told}, {piece.participles[0].removeprefix('each ')}."
    return function(
        rng,
        f"gcd_{piece.word}",
        doc,
        (Param("a", "int", "digits"), Param("b", "int", "digits")),
        "bool" if checks else "int",
        var("x", "a"),
        var("y", "b"),
        loop(
            op("!=", "y", 0),
            let("rest", op("%", "x", "y")),
            put("x", "y"),
            put("y", "rest"),
        ),
        give(piece.apply(Var("x"))),
    )


def _sample_gcd(rng: random.Random) -> Spec:
    while (spec := _sample_common(rng))[1][0] == "alternate":
        pass
    return spec


def _sample_power(rng: random.Random) -> Spec:
    return (
        rng.choice(("base", "exponent")),
        rng.randint(2, 9),
        rng.choice((0, rng.randint(3, 99))),
    )


def _power(spec: Spec, rng: random.Random) -> Program:
    given, constant, modulus = spec
    base: int | str = constant if given == "base" else "n"
    exponent: int | str = "n" if given == "base" else constant
    told = f"{base} to the power of {exponent}" + (f" modulo {modulus}" if modulus else "")
    step: Stmt = add("result", base, "*")
    if modulus:
        step = put("result", op("%", op("*", "result", base), modulus))
    return function(
        rng,
        f"power_{'of' if given == 'base' else 'to'}_{constant}",
        f"Return {told}, by repeated multiplication.",
        (Param("n", "int", "small"),),
        "int",
        var("result", 1),
        below("i", 0, exponent, step),
        give("result"),
    )


def _sample_descent(rng: random.Random) -> Spec:
    rule = rng.choice(("times", "plus", "square"))
    return (rule, rng.randint(1, 9), rng.randint(0, 9), rng.randint(0, 9))


def _descent(spec: Spec, rng: random.Random) -> Program:
    rule, step, bound, base = spec
    name = {"times": "step_product", "plus": "step_sum", "square": "step_squares"}[rule]
    below_it = again(name, op("-", "n", step))
    value = {
        "times": op("*", "n", below_it),
        "plus": op("+", "n", below_it),
        "square": op("+", op("*", "n", "n"), below_it),
    }[rule]
    told = {"times": "n times", "plus": "n plus", "square": "n squared plus"}[rule]
    return function(
        rng,
        name,
        f"Recursively return {base} if n is at most {bound}, else {told} the result for n minus {step}.",
        (Param("n", "int", "positive"),),
        "int",
        when(op("<=", "n", bound), give(base)),
        give(value),
    )


def _sample_smallest(rng: random.Random) -> Spec:
    while (spec := draw_change(rng))[0] not in (
        "plus",
        "times",
        "square",
        "cube",
        "affine",
        "square_plus",
    ):
        pass
    return (spec, rng.choice((0, 1, 2, 5, 10)))


def _smallest(spec: Spec, rng: random.Random) -> Program:
    changed, start = change(spec[0]), spec[1]
    word = changed.participles[0].removeprefix("each ")
    return function(
        rng,
        f"smallest_{changed.word}",
        f"Return the smallest x from {start} on such that x {word} is at least n.",
        (Param("n", "int", "number"),),
        "int",
        var("x", start),
        loop(op("<", changed.apply(Var("x")), "n"), add("x", 1)),
        give("x"),
    )


def _sample_first_some(rng: random.Random) -> Spec:
    while (spec := draw_condition(rng))[0] not in UNBOUNDED:
        pass
    return (spec, rng.randint(0, 20))


def _first_some(spec: Spec, rng: random.Random) -> Program:
    keep, start = condition(spec[0]), spec[1]
    return function(
        rng,
        f"first_some_{keep.word}",
        f"List the first count whole numbers from {start} on that {keep.clause(rng)}.",
        (Param("count", "int", "small"),),
        "ints",
        fresh("result", "ints"),
        var("candidate", start),
        loop(
            op("<", call("list_size", "result"), "count"),
            when(keep.apply(Var("candidate")), push("result", "candidate")),
            add("candidate", 1),
        ),
        give("result"),
    )


FAMILIES = (
    Family(name="sorting", sample=_sample_sorting, build=_sorting, weight=1.2),
    Family(name="bisection", sample=_sample_bisect, build=_bisection, weight=1),
    Family(name="primes", sample=_sample_primes, build=_primes, weight=1.5),
    Family(name="gcd", sample=_sample_gcd, build=_common, weight=1),
    Family(name="power", sample=_sample_power, build=_power, weight=0.5),
    Family(name="descent", sample=_sample_descent, build=_descent, weight=0.8),
    Family(name="smallest", sample=_sample_smallest, build=_smallest, weight=0.8),
    Family(name="first some", sample=_sample_first_some, build=_first_some, weight=1),
)
