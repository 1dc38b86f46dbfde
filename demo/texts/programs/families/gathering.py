"""Lists taken together: two conditions, two lists, chunks, and the entries of maps."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Block,
    EachEntry,
    Expr,
    Let,
    Not,
    Num,
    Param,
    Program,
    Put,
    Range,
    Sort,
    Stmt,
    Var,
    add,
    below,
    call,
    each,
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
from demo.texts.programs.families.common import ONE, function, list_names, numbers_param
from demo.texts.programs.families.lists import item
from demo.texts.programs.families.words import draw_word_condition, read_word_condition
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition


def _sample_balance(rng: random.Random) -> Spec:
    return (draw_condition(rng), draw_condition(rng), rng.choice(("count", "sum", "partition")))


def _balance(spec: Spec, rng: random.Random) -> Program:
    first, second, end = condition(spec[0]), condition(spec[1]), spec[2]
    source, name = list_names(rng)
    one, two = first.clause(rng), second.clause(rng)
    x = Var(name)
    if end == "partition":
        body: Block = (
            fresh("result", "ints"),
            each(name, source, when(first.apply(x), push("result", name))),
            each(name, source, when(second.apply(x), push("result", name))),
            give("result"),
        )
        doc = f"Return first the {source} that {one}, then the {source} that {two}."
    else:
        gain: Expr | str = ONE if end == "count" else name
        body = (
            var("balance", 0),
            each(
                name,
                source,
                when(first.apply(x), add("balance", gain)),
                when(second.apply(x), add("balance", gain, "-")),
            ),
            give("balance"),
        )
        word = "number" if end == "count" else "sum"
        doc = f"Return the {word} of the {source} that {one} minus the {word} of those that {two}."
    return function(
        rng,
        f"{end}_{first.word}_and_{second.word}"
        if end == "partition"
        else f"{end}_{first.word}_minus_{second.word}",
        doc,
        (numbers_param(source, spec[0], spec[1]),),
        "ints" if end == "partition" else "int",
        *body,
    )


def _sample_extreme(rng: random.Random) -> Spec:
    while (spec := draw_change(rng))[0] not in ("distance", "modulo", "halve", "from"):
        pass
    return (spec, rng.choice(("largest", "smallest")))


def _extreme(spec: Spec, rng: random.Random) -> Program:
    changed, side = change(spec[0]), spec[1]
    source, name = list_names(rng)
    better = op(
        ">" if side == "largest" else "<", changed.apply(Var(name)), changed.apply(Var("best"))
    )
    told = changed.participles[0].removeprefix("each ")
    return function(
        rng,
        f"{side}_by_{changed.word}",
        f"Return the first of the non-empty {source} that is {side} when {told}.",
        (Param(source, "ints", "several numbers"),),
        "int",
        var("best", item_at_start(source)),
        each(name, source, when(better, put("best", name))),
        give("best"),
    )


def item_at_start(source: str) -> Expr:
    """Read the first element of a list."""
    return call("list_get", source, 0)


def _sample_together(rng: random.Random) -> Spec:
    return (rng.choice(("both", "only", "merge")), draw_condition(rng))


def _together(spec: Spec, rng: random.Random) -> Program:
    how, keep = spec[0], condition(spec[1])
    x = Var("x")
    within: Expr = call("list_has", "second", "x")
    clause = keep.clause(rng)
    if how == "merge":
        kept = when(keep.apply(x), push("result", "x"))
        body: Block = (each("x", "first", kept), each("x", "second", kept), Sort(Var("result")))
        doc = f"Merge the values of first and second that {clause} into one ascending list."
    else:
        test = within if how == "both" else Not(within)
        body = (each("x", "first", when(op("and", keep.apply(x), test), push("result", "x"))),)
        told = "occur in second" if how == "both" else "do not occur in second"
        doc = f"Return the values of first that {clause} and {told}."
    return function(
        rng,
        {"both": "common", "only": "missing", "merge": "merge"}[how] + "_" + keep.word,
        doc,
        (numbers_param("first", spec[1]), numbers_param("second", spec[1])),
        "ints",
        fresh("result", "ints"),
        *body,
        give("result"),
    )


def _sample_entries(rng: random.Random) -> Spec:
    roll = rng.random()
    if roll < 0.3:
        return ("value", draw_condition(rng), rng.choice(("count", "sum", "keys", "filter")))
    if roll < 0.55:
        return ("key", draw_word_condition(rng), rng.choice(("count", "sum", "keys", "filter")))
    return ("change", draw_condition(rng) if roll < 0.8 else None, draw_change(rng))


def _entries(spec: Spec, rng: random.Random) -> Program:
    by, end = spec[0], spec[2]
    if by == "change":
        return _changed_entries(spec, rng)
    keep = condition(spec[1]) if by == "value" else read_word_condition(spec[1])
    test = keep.apply(Var(by))
    clause = keep.clause(rng)
    steps: dict[str, tuple[Let, Stmt, str, str]] = {
        "count": (var("count", 0), add("count", 1), "Count the entries of the map", "int"),
        "sum": (var("total", 0), add("total", "value"), "Add up the values of the map", "int"),
        "keys": (
            fresh("result", "texts"),
            push("result", "key", "texts"),
            "Return, in alphabetical order, the keys of the map",
            "texts",
        ),
        "filter": (
            fresh("result", "counts"),
            Put(Var("result"), Var("key"), Var("value")),
            "Return the entries of the map",
            "counts",
        ),
    }
    start, step, told, returns = steps[end]
    last: Block = (give(start.name),)
    if end == "keys":
        last = (Sort(Var("result"), type="text"), *last)
    return function(
        rng,
        f"{end}_by_{by}_{keep.word}",
        f"{told} whose {by}s {clause}.",
        (Param("entries", "counts", "counts"),),
        returns,
        start,
        EachEntry("key", "value", Var("entries"), (when(test, step),)),
        *last,
    )


def _changed_entries(spec: Spec, rng: random.Random) -> Program:
    keep, changed = (condition(spec[1]) if spec[1] else None), change(spec[2])
    step: Stmt = Put(Var("result"), Var("key"), changed.apply(Var("value")))
    told = "the map"
    if keep:
        step = when(keep.apply(Var("value")), step)
        told = f"the entries of the map whose values {keep.clause(rng)}"
    words = ["map", changed.word, *([keep.word] if keep else [])]
    return function(
        rng,
        "_".join(words),
        f"Return {told} with the values changed: {changed.phrase(rng)}.",
        (Param("entries", "counts", "counts"),),
        "counts",
        fresh("result", "counts"),
        EachEntry("key", "value", Var("entries"), (step,)),
        give("result"),
    )


def _sample_chunks(rng: random.Random) -> Spec:
    return (rng.randint(2, 6), rng.choice(("sum", "first", "largest")), draw_change(rng))


def _chunks(spec: Spec, rng: random.Random) -> Program:
    width, what, changed = spec[0], spec[1], change(spec[2])
    source, _ = list_names(rng)
    told = {"sum": "sums", "first": "first ones", "largest": "largest ones"}[what]
    stop = call("min", op("+", "i", width), "size")
    inner: Block = (var("value", item(source, "i")),)
    if what != "first":
        new = add("value", item(source, "j"))
        step = new if what == "sum" else put("value", call("max", "value", item(source, "j")))
        inner = (*inner, let("stop", stop), below("j", op("+", "i", 1), "stop", step))
    else:
        inner = (let("value", item(source, "i")),)
    walk = Range(
        "i", Num(0), Var("size"), (*inner, push("result", changed.apply(Var("value")))), step=width
    )
    return function(
        rng,
        f"chunk_{what}_{changed.word}",
        f"Cut the {source} into chunks of {width} and return a list of their {told}, {changed.participles[0]}.",
        (numbers_param(source, spec[2]),),
        "ints",
        let("size", call("list_size", source)),
        fresh("result", "ints"),
        walk,
        give("result"),
    )


FAMILIES = (
    Family(name="balance", sample=_sample_balance, build=_balance, weight=1.5),
    Family(name="extreme", sample=_sample_extreme, build=_extreme, weight=0.8),
    Family(name="together", sample=_sample_together, build=_together, weight=1.2),
    Family(name="entries", sample=_sample_entries, build=_entries, weight=2),
    Family(name="chunks", sample=_sample_chunks, build=_chunks, weight=0.8),
)
