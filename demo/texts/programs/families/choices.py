"""Conditions: what a function of one or two numbers does case by case."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    Cond,
    Expr,
    Param,
    Program,
    Stmt,
    Text,
    Var,
    call,
    fresh,
    give,
    op,
    push,
    upto,
    when,
)
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import function, number_param
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition

LABELS = [
    "low",
    "high",
    "small",
    "big",
    "cold",
    "warm",
    "hot",
    "short",
    "long",
    "cheap",
    "dear",
    "light",
    "heavy",
    "young",
    "old",
    "slow",
    "fast",
    "weak",
    "strong",
    "near",
    "far",
    "red",
    "green",
    "blue",
    "pass",
    "fail",
    "good",
    "bad",
    "yes",
    "no",
]
# What a pair of numbers becomes, and how it is said.
PAIRED = {
    "sum": ("a plus b", lambda a, b: op("+", a, b)),
    "difference": ("a minus b", lambda a, b: op("-", a, b)),
    "product": ("a times b", lambda a, b: op("*", a, b)),
    "larger": ("the larger of a and b", lambda a, b: call("max", a, b)),
    "smaller": ("the smaller of a and b", lambda a, b: call("min", a, b)),
    "distance": ("the distance between a and b", lambda a, b: call("abs", op("-", a, b))),
}


SAID = {
    "plus": "{n} plus {0}",
    "minus": "{n} minus {0}",
    "times": "{n} times {0}",
    "square": "the square of {n}",
    "cube": "the cube of {n}",
    "negate": "minus {n}",
    "from": "{0} minus {n}",
    "affine": "{n} times {0} plus {1}",
    "distance": "the distance of {n} from {0}",
    "square_plus": "the square of {n} plus {0}",
}


def draw_said(rng: random.Random) -> Spec:
    """Draw a change that can be said of one number."""
    while (spec := draw_change(rng))[0] not in SAID:
        pass
    return spec


def said(spec: Spec, name: str) -> str:
    """Say a change of the number `name`."""
    return SAID[spec[0]].format(*spec[1:], n=name)


def fork(rng: random.Random, test: Expr, yes: Expr, no: Expr) -> Block:
    """Return one of two values, in one of three styles."""
    style = rng.randrange(3)
    if style == 0:
        return (give(Cond(test, yes, no)),)
    if style == 1:
        return (when(test, give(yes), otherwise=(give(no),)),)
    return (when(test, give(yes)), give(no))


def _sample_case(rng: random.Random) -> Spec:
    return (draw_condition(rng), draw_said(rng), draw_said(rng))


def _case(spec: Spec, rng: random.Random) -> Program:
    keep, yes, no = condition(spec[0]), change(spec[1]), change(spec[2])
    name = rng.choice(("n", "x", "number"))
    n = Var(name)
    doc = (
        f"Return {said(spec[1], name)} if {name} is {keep.phrase(rng)}, else {said(spec[2], name)}."
    )
    return function(
        rng,
        f"{yes.word}_if_{keep.word}",
        doc,
        (number_param(name, spec[0]),),
        "int",
        *fork(rng, keep.apply(n), yes.apply(n), no.apply(n)),
    )


def _sample_pair_case(rng: random.Random) -> Spec:
    asked = rng.choice(("sum", "difference", "product"))
    one, two = rng.sample(tuple(PAIRED), 2)
    return (asked, draw_condition(rng), one, two)


def _pair_case(spec: Spec, rng: random.Random) -> Program:
    asked, keep = spec[0], condition(spec[1])
    a, b = Var("a"), Var("b")
    (told, make), (yes, make_yes), (no, make_no) = (PAIRED[k] for k in (asked, *spec[2:]))
    first, second = number_param("a", spec[1]), number_param("b", spec[1])
    value = make(a, b)
    if asked == "difference" and first.domain == "number":
        value, told = make_distance(a, b), "the distance between a and b"
    return function(
        rng,
        f"{spec[2]}_if_{asked}_{keep.word}",
        f"Return {yes} if {told} is {keep.phrase(rng)}, else {no}.",
        (first, second),
        "int",
        *fork(rng, keep.apply(value), make_yes(a, b), make_no(a, b)),
    )


def make_distance(a: Expr, b: Expr) -> Expr:
    """Write the distance between two numbers."""
    return call("abs", op("-", a, b))


def _sample_label(rng: random.Random) -> Spec:
    return (draw_condition(rng), *rng.sample(LABELS, 2))


def _label(spec: Spec, rng: random.Random) -> Program:
    keep, yes, no = condition(spec[0]), spec[1], spec[2]
    name = rng.choice(("n", "x", "number"))
    return function(
        rng,
        f"{yes}_or_{no}",
        f"Return '{yes}' if {name} is {keep.phrase(rng)}, else '{no}'.",
        (number_param(name, spec[0]),),
        "text",
        *fork(rng, keep.apply(Var(name)), Text(yes), Text(no)),
    )


def _sample_grade(rng: random.Random) -> Spec:
    bounds = sorted(rng.sample(range(2, 100), rng.choice((2, 2, 3))))
    return (tuple(bounds), tuple(rng.sample(LABELS, len(bounds) + 1)), rng.random() < 0.5)


def _grade(spec: Spec, rng: random.Random) -> Program:
    bounds, labels, rising = spec
    name = rng.choice(("score", "amount", "level"))
    steps = list(zip(bounds if rising else bounds[::-1], labels[:-1], strict=True))
    word = "below" if rising else "above"
    told = ", ".join(f"'{label}' if {name} is {word} {bound}" for bound, label in steps)
    tests = [op("<" if rising else ">", name, bound) for bound, _ in steps]
    if rng.random() < 0.5:
        body: list[Stmt] = [when(t, give(Text(s[1]))) for t, s in zip(tests, steps, strict=True)]
        body.append(give(Text(labels[-1])))
    else:
        chain: Block = (give(Text(labels[-1])),)
        for test, (_, label) in zip(reversed(tests), reversed(steps), strict=True):
            chain = (when(test, give(Text(label)), otherwise=chain),)
        body = list(chain)
    doc = f"Return {told}, else '{labels[-1]}'; the first that holds."
    params = (Param(name, "int", "number"),)
    return function(rng, f"{name}_label", doc, params, "text", *body)


def _sample_fizz(rng: random.Random) -> Spec:
    return (draw_condition(rng), draw_condition(rng), *rng.sample(LABELS, 2))


def _fizz(spec: Spec, rng: random.Random) -> Program:
    first, second = condition(spec[0]), condition(spec[1])
    i = Var("i")
    doc = (
        f"For each i from 1 to n list '{spec[2]}' if i is {first.phrase(rng)}, else '{spec[3]}' if i "
        f"is {second.phrase(rng)}, else i as text."
    )
    return function(
        rng,
        f"list_{spec[2]}_{spec[3]}",
        doc,
        (Param("n", "int", "size"),),
        "texts",
        fresh("result", "texts"),
        upto(
            "i",
            1,
            "n",
            when(
                first.apply(i),
                push("result", Text(spec[2]), "texts"),
                otherwise=(
                    when(
                        second.apply(i),
                        push("result", Text(spec[3]), "texts"),
                        otherwise=(push("result", call("to_text", i), "texts"),),
                    ),
                ),
            ),
        ),
        give("result"),
    )


FAMILIES = (
    Family(name="case", sample=_sample_case, build=_case, weight=3),
    Family(name="pair case", sample=_sample_pair_case, build=_pair_case, weight=2),
    Family(name="label", sample=_sample_label, build=_label, weight=1.5),
    Family(name="grade", sample=_sample_grade, build=_grade, weight=1),
    Family(name="fizz", sample=_sample_fizz, build=_fizz, weight=1),
)
