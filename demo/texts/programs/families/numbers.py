"""Single numbers: their digits, divisors, recurrences and repeated steps."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Expr,
    Param,
    Program,
    Stmt,
    Text,
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
from demo.texts.programs.pieces import condition, draw_condition, draw_digit_condition

N = (Param("n", "int", "size"),)


def _sample_digits(rng: random.Random) -> Spec:
    roll = rng.random()
    if roll < 0.35:
        return (draw_digit_condition(rng), None, rng.choice(("count", "sum")))
    keep = draw_digit_condition(rng) if roll < 0.75 else None
    changed = draw_change(rng)
    return (keep, changed if changed[0] not in ("modulo", "halve") else ("square",), "sum")


def _digits(spec: Spec, rng: random.Random) -> Program:
    keep = condition(spec[0]) if spec[0] else None
    changed = change(spec[1]) if spec[1] else None
    counts = spec[2] == "count"
    name, digit = ("count" if counts else "total"), Var("digit")
    gain: Expr | int = 1 if counts else (changed.apply(digit) if changed else digit)
    inner: Stmt = add(name, gain)
    if keep is not None:
        inner = when(keep.apply(digit), inner)
    told = "the digits of n" + (f" that {keep.clause(rng)}" if keep else "")
    if changed:
        told += f", {changed.participles[0]}"
    words = ["count" if counts else "sum", *(p.word for p in (changed, keep) if p), "digits"]
    return function(
        rng,
        "_".join(words),
        f"Count {told}." if counts else f"Return the sum of {told}.",
        (Param("n", "int", "digits"),),
        "int",
        var(name, 0),
        var("rest", "n"),
        loop(
            op(">", "rest", 0),
            let("digit", op("%", "rest", 10)),
            inner,
            add("rest", 10, "//"),
        ),
        give(name),
    )


def _sample_divisors(rng: random.Random) -> Spec:
    return (draw_condition(rng), rng.choice(("count", "sum", "list")), rng.random() < 0.5)


def _divisors(spec: Spec, rng: random.Random) -> Program:
    keep, end, proper = condition(spec[0]), spec[1], spec[2]
    kind = "proper divisors" if proper else "divisors"
    test = op("and", op("==", op("%", "n", "d"), 0), keep.apply(Var("d")))
    name = {"count": "count", "sum": "total", "list": "result"}[end]
    start: Stmt = fresh(name, "ints") if end == "list" else var(name, 0)
    step: Stmt = push(name, "d") if end == "list" else add(name, 1 if end == "count" else "d")
    walk = (below if proper else upto)("d", 1, "n", when(test, step))
    told = {"count": "how many {0}", "sum": "the sum of the {0}", "list": "the {0}"}[end]
    return function(
        rng,
        f"{end}_{keep.word}_{kind.replace(' ', '_')}",
        f"Return {told.format(kind + ' of n')} that {keep.clause(rng)}."
        if end != "count"
        else f"Count the {kind} of n that {keep.clause(rng)}.",
        N,
        "ints" if end == "list" else "int",
        start,
        walk,
        give(name),
    )


def _sample_recurrence(rng: random.Random) -> Spec:
    rule, factor, term = (
        rng.choice(("plus", "times", "scaled")),
        rng.randint(2, 5),
        rng.randint(1, 20),
    )
    return (
        rng.randint(0, 9),
        rule,
        0 if rule == "plus" else factor,
        0 if rule == "times" else term,
    )


def _recurrence(spec: Spec, rng: random.Random) -> Program:
    start, rule, factor, term = spec
    told = {
        "plus": f"{term} more than the one before",
        "times": f"{factor} times the one before plus its index",
        "scaled": f"{factor} times the one before plus {term}",
    }[rule]
    name = {"plus": "steps", "times": "indexed", "scaled": "scaled"}[rule] + "_sequence"

    def step(before: Expr, index: Expr) -> Expr:
        if rule == "plus":
            return op("+", before, term)
        return op("+", op("*", before, factor), index if rule == "times" else term)

    doc = f"Return term n of the sequence whose term 0 is {start} and where each term is {told}."
    if rng.random() < 0.5:
        before = again(name, op("-", "n", 1))
        body: tuple[Stmt, ...] = (
            when(op("==", "n", 0), give(start)),
            give(step(before, Var("n"))),
        )
    else:
        body = (
            var("term", start),
            upto("i", 1, "n", put("term", step(Var("term"), Var("i")))),
            give("term"),
        )
    return function(rng, name, doc, (Param("n", "int", "small"),), "int", *body)


def _sample_two_back(rng: random.Random) -> Spec:
    return (rng.randint(0, 9), rng.randint(1, 9), rng.randint(1, 3), rng.randint(1, 3))


def _two_back(spec: Spec, rng: random.Random) -> Program:
    first, second, p, q = spec
    scaled = lambda k, e: e if k == 1 else op("*", k, e)  # noqa: E731
    times = {1: "", 2: "twice ", 3: "3 times "}
    doc = (
        f"Return term n of the sequence that starts with {first} and {second} and where each later "
        f"term is {times[p]}the one before plus {times[q]}the one before that."
    )
    name = "two_term_sequence"
    if rng.random() < 0.5:
        later = op(
            "+",
            scaled(p, again(name, op("-", "n", 1))),
            scaled(q, again(name, op("-", "n", 2))),
        )
        body: tuple[Stmt, ...] = (
            when(op("==", "n", 0), give(first)),
            when(op("==", "n", 1), give(second)),
            give(later),
        )
    else:
        body = (
            var("a", first),
            var("b", second),
            upto(
                "i",
                1,
                "n",
                let("following", op("+", scaled(p, Var("b")), scaled(q, Var("a")))),
                put("a", "b"),
                put("b", "following"),
            ),
            give("a"),
        )
    return function(rng, name, doc, (Param("n", "int", "small"),), "int", *body)


def _sample_steps(rng: random.Random) -> Spec:
    return (rng.choice(("halve", "drop")), rng.randint(2, 9), rng.randint(1, 40))


def _steps(spec: Spec, rng: random.Random) -> Program:
    rule, constant, goal = spec
    word = "division" if rule == "halve" else "subtraction"
    told = f"divided by {constant} rounding down" if rule == "halve" else f"decreased by {constant}"
    change_it = add("n", constant, "//") if rule == "halve" else add("n", constant, "-")
    current = add("current", change_it.value, change_it.op)
    return function(
        rng,
        f"{word}_steps",
        f"Count how often n must be {told} until it is at most {goal}.",
        (Param("n", "int", "digits" if rule == "halve" else "number"),),
        "int",
        var("current", "n"),
        var("steps", 0),
        loop(op(">", "current", goal), current, add("steps", 1)),
        give("steps"),
    )


def _sample_growth(rng: random.Random) -> Spec:
    return (rng.randint(1, 9), rng.choice(("times", "plus")), rng.randint(2, 12))


def _growth(spec: Spec, rng: random.Random) -> Program:
    start, rule, constant = spec
    told = f"multiplied by {constant}" if rule == "times" else f"increased by {constant}"
    return function(
        rng,
        "growth_steps",
        f"Count how often a value that starts at {start} must be {told} to exceed limit.",
        (Param("limit", "int", "digits"),),
        "int",
        var("value", start),
        var("steps", 0),
        loop(
            op("<=", "value", "limit"),
            add("value", constant, "*" if rule == "times" else "+"),
            add("steps", 1),
        ),
        give("steps"),
    )


def _sample_base(rng: random.Random) -> Spec:
    return (rng.randint(2, 9), rng.choice(("text", "count", "sum", "list")))


def _base(spec: Spec, rng: random.Random) -> Program:
    base, end = spec
    digit = op("%", "rest", base)
    told = {
        "text": f"Write n in base {base}; 0 gives an empty string.",
        "count": f"Count the digits of n in base {base}; 0 has none.",
        "sum": f"Return the sum of the digits of n in base {base}.",
        "list": f"List the digits of n in base {base}, the last digit first; 0 has none.",
    }[end]
    start: Stmt = {
        "text": var("result", Text(""), "text"),
        "count": var("result", 0),
        "sum": var("result", 0),
        "list": fresh("result", "ints"),
    }[end]
    steps: dict[str, Stmt] = {
        "text": put("result", op("+", call("to_text", digit), "result")),
        "count": add("result", 1),
        "sum": add("result", digit),
        "list": push("result", digit),
    }
    return function(
        rng,
        f"base_{end}" if end != "text" else "to_base",
        told,
        (Param("n", "int", "digits"),),
        {"text": "text", "list": "ints"}.get(end, "int"),
        start,
        var("rest", "n"),
        loop(op(">", "rest", 0), steps[end], add("rest", base, "//")),
        give("result"),
    )


FAMILIES = (
    Family(name="digits", sample=_sample_digits, build=_digits, weight=2),
    Family(name="divisors", sample=_sample_divisors, build=_divisors, weight=2),
    Family(name="recurrence", sample=_sample_recurrence, build=_recurrence, weight=2),
    Family(name="two back", sample=_sample_two_back, build=_two_back, weight=1),
    Family(name="steps", sample=_sample_steps, build=_steps, weight=1),
    Family(name="growth", sample=_sample_growth, build=_growth, weight=0.7),
    Family(name="base", sample=_sample_base, build=_base, weight=0.3),
)
