"""Small classes: counters, accounts, stacks and gauges, varied by their rules and constants."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Append,
    Assign,
    Block,
    Bool,
    Class,
    Expr,
    Field,
    If,
    Let,
    Method,
    New,
    Num,
    Param,
    Pop,
    Program,
    Update,
    Var,
    call,
    expr,
    give,
    op,
)
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition

AMOUNT = (Param("amount", "int", "number"),)


def field(name: str, initial: int) -> Let:
    """Declare a field that starts as a number."""
    return Let(name, "int", Num(initial), True)


def getter(name: str) -> Method:
    """Return the method that reads a field."""
    return Method(name=f"get_{name}", params=(), returns="int", body=(give(Field(name)),))


def grow(name: str, value: Expr | int | str, operator: str = "+") -> Update:
    """Update a field."""
    return Update(Field(name), operator, expr(value))


def action(name: str, *body: If | Update | Assign, params: tuple[Param, ...] = ()) -> Method:
    """Return a method that changes the object."""
    return Method(name=name, params=params, returns="none", body=body)


def _sample_counter(rng: random.Random) -> Spec:
    rule = rng.choice(("plain", "wrapping", "capped", "doubling"))
    bound = rng.randint(20, 60) if rule in ("wrapping", "capped") else 0
    return (rng.randint(0, 15), rng.randint(1, 12), rule, bound)


def _counter(spec: Spec, rng: random.Random) -> Program:
    start, step, rule, bound = spec
    told = {
        "plain": f"step adds {step}",
        "wrapping": f"step adds {step} and starts again at {start} once above {bound}",
        "capped": f"step adds {step} but never goes above {bound}",
        "doubling": f"step doubles it and adds {step}",
    }[rule]
    count = Field("count")
    again: Block = {
        "plain": (grow("count", step),),
        "wrapping": (
            grow("count", step),
            If(op(">", count, bound), (Assign(count, Num(start)),)),
        ),
        "capped": (Assign(count, call("min", op("+", count, step), bound)),),
        "doubling": (Assign(count, op("+", op("*", count, 2), step)),),
    }[rule]
    stepping = Method(name="step", params=(), returns="none", body=again)
    return Class(
        name="Counter",
        doc=f"A counter that starts at {start}; {told}.",
        fields=(field("count", start),),
        methods=(stepping, getter("count")),
        form=rng.randrange(2),
    )


def _sample_account(rng: random.Random) -> Spec:
    return (
        rng.choice((0, 10, 20, 50, 100)),
        rng.randint(1, 9),
        rng.choice(("fee", "bonus", "floor")),
    )


def _account(spec: Spec, rng: random.Random) -> Program:
    start, constant, rule = spec
    balance, amount = Field("balance"), Var("amount")
    told = {
        "fee": f"each withdrawal costs a fee of {constant}",
        "bonus": f"each deposit earns a bonus of {constant}",
        "floor": f"a withdrawal must leave at least {constant}",
    }[rule]
    gain = op("+", amount, constant) if rule == "bonus" else amount
    cost = op("+", amount, constant) if rule == "fee" else amount
    floor = op("<", op("-", balance, amount), constant)
    test = floor if rule == "floor" else op(">", cost, balance)
    withdraw = Method(
        name="withdraw",
        params=AMOUNT,
        returns="bool",
        body=(If(test, (give(Bool(False)),)), grow("balance", cost, "-"), give(Bool(True))),
    )
    return Class(
        name="Account",
        doc=f"An account that starts with {start}; {told}; withdraw returns whether it was possible.",
        fields=(field("balance", start),),
        methods=(
            action("deposit", grow("balance", gain), params=AMOUNT),
            withdraw,
            getter("balance"),
        ),
        form=rng.randrange(2),
    )


def _sample_tracker(rng: random.Random) -> Spec:
    return (draw_condition(rng), rng.choice(("count", "total", "largest", "last")))


def _tracker(spec: Spec, rng: random.Random) -> Program:
    keep, what = condition(spec[0]), spec[1]
    kept, value = Field(what), Var("value")
    told = {
        "count": "Counts the added values",
        "total": "Totals the added values",
        "largest": "Remembers the largest of 0 and the added values",
        "last": "Remembers the last, at first 0, of the added values",
    }[what]
    changes: dict[str, Update | Assign] = {
        "count": grow(what, 1),
        "total": grow(what, "value"),
        "largest": Assign(kept, call("max", kept, value)),
        "last": Assign(kept, value),
    }
    adding = action(
        "add", If(keep.apply(value), (changes[what],)), params=(Param("value", "int", "number"),)
    )
    return Class(
        name="Tracker",
        doc=f"{told} that {keep.clause(rng)}.",
        fields=(field(what, 0),),
        methods=(adding, getter(what)),
        form=rng.randrange(2),
    )


def _sample_stack(rng: random.Random) -> Spec:
    capacity = rng.choice((0, rng.randint(3, 9)))
    return (draw_condition(rng), rng.choice((-1, 0)), capacity)


def _stack(spec: Spec, rng: random.Random) -> Program:
    keep, default, capacity = condition(spec[0]), spec[1], spec[2]
    items, value = Field("items"), Var("value")
    test = keep.apply(value)
    told = f"A stack of the pushed values that {keep.clause(rng)}"
    if capacity:
        told += f", at most {capacity} of them"
        test = op("and", op("<", call("list_size", items), capacity), test)
    top = call("list_last", items)
    push_it = Method(
        name="push",
        params=(Param("value", "int", "number"),),
        returns="none",
        body=(If(test, (Append(items, value),)),),
    )
    pop_it = Method(
        name="pop",
        params=(),
        returns="int",
        body=(
            If(call("list_empty", items), (give(default),)),
            Let("top", "int", top),
            Pop(items),
            give("top"),
        ),
    )
    return Class(
        name="Stack",
        doc=f"{told}; pop gives {default} when it is empty.",
        fields=(Let("items", "ints", New("ints")),),
        methods=(
            push_it,
            pop_it,
            Method(name="size", params=(), returns="int", body=(give(call("list_size", items)),)),
        ),
        form=rng.randrange(2),
    )


def _sample_gauge(rng: random.Random) -> Spec:
    low = rng.randint(0, 20)
    high = low + rng.randint(5, 60)
    return (low, high, rng.randint(1, 9), rng.randint(1, 9))


def _gauge(spec: Spec, rng: random.Random) -> Program:
    low, high, rise, fall = spec
    level = Field("level")
    return Class(
        name="Gauge",
        doc=(
            f"A level between {low} and {high} that starts at {low}; increase adds "
            f"{rise}, decrease takes {fall} away."
        ),
        fields=(field("level", low),),
        methods=(
            action("increase", Assign(level, call("min", op("+", level, rise), high))),
            action("decrease", Assign(level, call("max", op("-", level, fall), low))),
            getter("level"),
        ),
        form=rng.randrange(2),
    )


FAMILIES = (
    Family(name="counter", sample=_sample_counter, build=_counter, weight=1.2),
    Family(name="account", sample=_sample_account, build=_account, weight=0.5),
    Family(name="tracker", sample=_sample_tracker, build=_tracker, weight=1.5),
    Family(name="stack", sample=_sample_stack, build=_stack, weight=1),
    Family(name="gauge", sample=_sample_gauge, build=_gauge, weight=1),
)
