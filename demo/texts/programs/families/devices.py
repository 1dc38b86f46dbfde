"""More small classes: stores of amounts, timers, machines that sell, and memories."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Append,
    Assign,
    Bool,
    Class,
    Each,
    Expr,
    Field,
    If,
    Let,
    Method,
    New,
    Num,
    Param,
    Program,
    Put,
    Tally,
    Var,
    add,
    call,
    give,
    op,
    var,
)
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.objects import action, field, getter, grow
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition

NAME = Param("name", "text", "common word")
AMOUNT = Param("amount", "int", "number")
VALUE = (Param("value", "int", "number"),)


def _sample_store(rng: random.Random) -> Spec:
    return (rng.choice(("cap", "every")), rng.randint(5, 90), rng.choice((0, -1)))


def _store(spec: Spec, rng: random.Random) -> Program:
    rule, constant, missing = spec
    items, name = Field("items"), Var("name")
    after: tuple[If, ...] = ()
    amount: Expr = Var("amount")
    if rule == "cap":
        told = f"no item exceeds {constant}"
        over = op(">", call("map_get", items, name), constant)
        after = (If(over, (Put(items, name, Num(constant)),)),)
    else:
        told = f"each addition adds {constant} more"
        amount = op("+", amount, constant)
    adding = Method(
        name="add",
        params=(NAME, AMOUNT),
        returns="none",
        body=(Tally(items, name, amount), *after),
    )
    reading = Method(
        name="get",
        params=(NAME,),
        returns="int",
        body=(
            If(call("map_has", items, name), (give(call("map_get", items, name)),)),
            give(missing),
        ),
    )
    return Class(
        name="Store",
        doc=f"Amounts of named items; {told}; get returns {missing} for an unknown item.",
        fields=(Let("items", "counts", New("counts")),),
        methods=(adding, reading),
        form=rng.randrange(2),
    )


def _sample_timer(rng: random.Random) -> Spec:
    return (rng.randint(3, 20), rng.randint(1, 4))


def _timer(spec: Spec, rng: random.Random) -> Program:
    start, pace = spec
    left = Field("left")
    tick = Method(
        name="tick",
        params=(),
        returns="bool",
        body=(
            grow("left", pace, "-"),
            If(op("<=", left, 0), (Assign(left, Num(start)), give(Bool(True)))),
            give(Bool(False)),
        ),
    )
    return Class(
        name="Timer",
        doc=f"A timer that starts at {start}; tick takes {pace} away, and at 0 or less starts anew and returns true.",
        fields=(field("left", start),),
        methods=(tick, getter("left")),
        form=rng.randrange(2),
    )


def _sample_machine(rng: random.Random) -> Spec:
    return (rng.randint(2, 40), rng.randint(1, 20))


def _machine(spec: Spec, rng: random.Random) -> Program:
    price, stock = spec
    credit = Field("credit")
    lacks = op("or", op("<", credit, price), op("==", Field("stock"), 0))
    buy = Method(
        name="buy",
        params=(),
        returns="bool",
        body=(
            If(lacks, (give(Bool(False)),)),
            grow("credit", price, "-"),
            grow("stock", 1, "-"),
            give(Bool(True)),
        ),
    )
    return Class(
        name="Machine",
        doc=f"A machine with {stock} drinks at a price of {price}; buy returns whether one was sold.",
        fields=(field("credit", 0), field("stock", stock)),
        methods=(
            action("insert", grow("credit", "amount"), params=(AMOUNT,)),
            buy,
            getter("credit"),
        ),
        form=rng.randrange(2),
    )


def _sample_memory(rng: random.Random) -> Spec:
    return (draw_condition(rng), rng.choice(("count", "sum")))


def _memory(spec: Spec, rng: random.Random) -> Program:
    keep, end = condition(spec[0]), spec[1]
    name = "count" if end == "count" else "total"
    gain: Expr | int = 1 if end == "count" else Var("value")
    reading = Method(
        name=f"get_{name}",
        params=(),
        returns="int",
        body=(
            var(name, 0),
            Each(
                "value", "int", Field("values"), (If(keep.apply(Var("value")), (add(name, gain),)),)
            ),
            give(name),
        ),
    )
    adding = Method(
        name="add", params=VALUE, returns="none", body=(Append(Field("values"), Var("value")),)
    )
    told = "counts" if end == "count" else "totals"
    return Class(
        name="Memory",
        doc=f"Keeps all added values and {told} those that {keep.clause(rng)}.",
        fields=(Let("values", "ints", New("ints")),),
        methods=(adding, reading),
        form=rng.randrange(2),
    )


# Changes under which a value may be updated again and again without growing out of its type.
TAME = ("plus", "modulo", "halve", "distance", "cap", "floor")


def _sample_register(rng: random.Random) -> Spec:
    while (changed := draw_change(rng))[0] not in TAME:
        pass
    return (rng.randint(0, 20), changed, draw_condition(rng))


def _register(spec: Spec, rng: random.Random) -> Program:
    start, changed, keep = spec[0], change(spec[1]), condition(spec[2])
    value = Field("value")
    told = changed.participles[0].removeprefix("each ")
    body = Assign(value, changed.apply(value))
    asked = Method(name="check", params=(), returns="bool", body=(give(keep.apply(value)),))
    return Class(
        name="Register",
        doc=f"A value that starts at {start}; update makes it {told}; check tells if it is {keep.phrase(rng)}.",
        fields=(field("value", start),),
        methods=(action("update", body), asked, getter("value")),
        form=rng.randrange(2),
    )


FAMILIES = (
    Family(name="store", sample=_sample_store, build=_store, weight=0.7),
    Family(name="timer", sample=_sample_timer, build=_timer, weight=0.4),
    Family(name="machine", sample=_sample_machine, build=_machine, weight=0.5),
    Family(name="memory", sample=_sample_memory, build=_memory, weight=1),
    Family(name="register", sample=_sample_register, build=_register, weight=1),
)
