"""The classical procedures on whole numbers: primes, divisors, powers, recursion, trial."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    Param,
    Program,
    Stmt,
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
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import function
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition

SIZE = (Param("n", "int", "size"),)


UNBOUNDED = ("even", "odd", "above", "least", "divisible", "indivisible", "unequal", "remainder")


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
        (Param("a", "int", "multiple"), Param("b", "int", "multiple")),
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
    Family(name="primes", sample=_sample_primes, build=_primes, weight=1.5),
    Family(name="gcd", sample=_sample_gcd, build=_common, weight=1),
    Family(name="power", sample=_sample_power, build=_power, weight=0.5),
    Family(name="descent", sample=_sample_descent, build=_descent, weight=0.8),
    Family(name="smallest", sample=_sample_smallest, build=_smallest, weight=0.8),
    Family(name="first some", sample=_sample_first_some, build=_first_some, weight=1),
)
