"""Maps and matrices: counting and totalling by key, rows, columns and cells."""

from __future__ import annotations

import random

from demo.texts.programs.build import (
    Expr,
    Param,
    Program,
    Stmt,
    Tally,
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
    var,
    when,
)
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import ONE, function, list_names, numbers_param
from demo.texts.programs.families.letters import draw_kind, read_kind
from demo.texts.programs.families.words import draw_word_condition, read_word_condition
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.pieces import condition, draw_condition


def _sample_frequency(rng: random.Random) -> Spec:
    what = rng.choice(("words", "letters", "numbers"))
    draw = {"words": draw_word_condition, "letters": draw_kind, "numbers": draw_condition}[what]
    return (what, draw(rng))


def _frequency(spec: Spec, rng: random.Random) -> Program:
    what = spec[0]
    if what == "numbers":
        keep = condition(spec[1])
        source, name = list_names(rng)
        key: Expr = Var(name)
        param, kind, element = numbers_param(source, spec[1]), "groups", "int"
        nouns = source
    elif what == "words":
        keep, source, name = read_word_condition(spec[1]), "words", rng.choice(("word", "w"))
        key, param, kind, element = (
            Var(name),
            Param(source, "texts", "repeated words"),
            "counts",
            "text",
        )
        nouns = "words"
    else:
        keep, source, name = read_kind(spec[1]), "text", rng.choice(("c", "letter"))
        key, param, kind = call("char_text", name), Param(source, "text", "text"), "counts"
        element, nouns = "char", "characters of the text"
    inner = when(keep.apply(Var(name)), Tally(Var("counts"), key, ONE))
    return function(
        rng,
        f"frequency_{keep.word}",
        f"Count how often each of the {nouns} that {keep.clause(rng)} occurs.",
        (param,),
        kind,
        fresh("counts", kind),
        each(name, source, inner, kind=element),
        give("counts"),
    )


def _sample_grouped(rng: random.Random) -> Spec:
    what = rng.choice(("count", "total"))
    return (what, rng.randint(2, 12), rng.choice(("remainder", "quotient")), draw_condition(rng))


def _grouped(spec: Spec, rng: random.Random) -> Program:
    what, divisor, rule, keep = spec[0], spec[1], spec[2], condition(spec[3])
    source, name = list_names(rng)
    key = op("%" if rule == "remainder" else "//", name, divisor)
    said = f"modulo {divisor}" if rule == "remainder" else f"divided by {divisor} rounding down"
    result = "counts" if what == "count" else "totals"
    verb = "Count" if what == "count" else "Total"
    amount = ONE if what == "count" else Var(name)
    return function(
        rng,
        f"{what}_by_{rule}_{keep.word}",
        f"{verb} the {source} that {keep.clause(rng)} by their value {said}.",
        (Param(source, "ints", "numbers"),),
        "groups",
        fresh(result, "groups"),
        each(name, source, when(keep.apply(Var(name)), Tally(Var(result), key, amount))),
        give(result),
    )


def _sample_length_groups(rng: random.Random) -> Spec:
    return (rng.choice(("length", "first")), draw_word_condition(rng))


def _length_groups(spec: Spec, rng: random.Random) -> Program:
    rule, keep = spec[0], read_word_condition(spec[1])
    name = rng.choice(("word", "w"))
    key = (
        call("text_size", name) if rule == "length" else call("char_text", call("char_at", name, 0))
    )
    kind = "groups" if rule == "length" else "counts"
    said = "length" if rule == "length" else "first letter"
    return function(
        rng,
        f"count_by_{said.replace(' ', '_')}_{keep.word}",
        f"Count the words that {keep.clause(rng)} by their {said}.",
        (Param("words", "texts", "words"),),
        kind,
        fresh("counts", kind),
        each(
            name, "words", when(keep.apply(Var(name)), Tally(Var("counts"), key, ONE)), kind="text"
        ),
        give("counts"),
    )


def _sample_cells(rng: random.Random) -> Spec:
    roll = rng.random()
    if roll < 0.4:
        return (draw_condition(rng), None, rng.choice(("count", "sum", "list")))
    keep = draw_condition(rng) if roll < 0.7 else None
    return (keep, draw_change(rng), rng.choice(("sum", "list")))


def _cells(spec: Spec, rng: random.Random) -> Program:
    keep = condition(spec[0]) if spec[0] else None
    changed = change(spec[1]) if spec[1] else None
    end = spec[2]
    cell = Var("cell")
    value = changed.apply(cell) if changed else cell
    name = {"count": "count", "sum": "total", "list": "result"}[end]
    start: Stmt = fresh(name, "ints") if end == "list" else var(name, 0)
    step: Stmt = push(name, value) if end == "list" else add(name, ONE if end == "count" else value)
    if keep:
        step = when(keep.apply(cell), step)
    told = "the cells of the matrix" + (f" that {keep.clause(rng)}" if keep else "")
    told += f", {changed.participles[0]}" if changed else ""
    doc = {"count": "Count {0}.", "sum": "Return the sum of {0}.", "list": "Return a list of {0}."}
    words = [end, *(p.word for p in (changed, keep) if p), "cells"]
    return function(
        rng,
        "_".join(words),
        doc[end].format(told),
        (Param("matrix", "matrix", "matrix"),),
        "ints" if end == "list" else "int",
        start,
        each("row", "matrix", each("cell", "row", step), kind="ints"),
        give(name),
    )


def _sample_rows(rng: random.Random) -> Spec:
    return (
        rng.choice(("rows", "diagonal", "column")),
        draw_condition(rng),
        rng.choice(("count", "sum")),
    )


def _rows(spec: Spec, rng: random.Random) -> Program:
    where, keep, end = spec[0], condition(spec[1]), spec[2]
    name = "count" if end == "count" else "total"
    word = "Count" if end == "count" else "Add up"
    test = keep.apply(Var("cell"))
    step = when(test, add(name, ONE if end == "count" else Var("cell")))
    if where == "rows":
        body: tuple[Stmt, ...] = (
            fresh("result", "ints"),
            each(
                "row",
                "matrix",
                var(name, 0),
                each("cell", "row", step),
                push("result", name),
                kind="ints",
            ),
            give("result"),
        )
        doc = f"{word} the cells that {keep.clause(rng)} in each row of the matrix."
    elif where == "diagonal":
        cell = call("cell", "matrix", "i", "i")
        kept = when(keep.apply(cell), add(name, ONE if end == "count" else cell))
        body = (var(name, 0), below("i", 0, call("list_size", "matrix"), kept), give(name))
        doc = f"{word} the diagonal cells of the square matrix that {keep.clause(rng)}."
    else:
        cell = call("list_get", "row", "column")
        kept = when(keep.apply(cell), add(name, ONE if end == "count" else cell))
        body = (var(name, 0), each("row", "matrix", kept, kind="ints"), give(name))
        doc = f"{word} the cells that {keep.clause(rng)} in the given column of the matrix."
    params = [
        Param("matrix", "matrix", {"diagonal": "square", "column": "wide"}.get(where, "matrix"))
    ]
    if where == "column":
        params.append(Param("column", "int", "column"))
    return function(
        rng,
        f"{end}_{where}_{keep.word}",
        doc,
        tuple(params),
        "ints" if where == "rows" else "int",
        *body,
    )


ZIPPED = {
    "products": ("the products of {0} and {1} at equal positions", lambda a, b: op("*", a, b)),
    "sums": ("the sums of {0} and {1} at equal positions", lambda a, b: op("+", a, b)),
    "distances": (
        "the distances between {0} and {1} at equal positions",
        lambda a, b: call("abs", op("-", a, b)),
    ),
    "larger": ("the larger of {0} and {1} at each position", lambda a, b: call("max", a, b)),
    "smaller": ("the smaller of {0} and {1} at each position", lambda a, b: call("min", a, b)),
}


def _sample_zipped(rng: random.Random) -> Spec:
    return (rng.choice(tuple(ZIPPED)), draw_condition(rng), rng.choice(("sum", "list", "count")))


def _zipped(spec: Spec, rng: random.Random) -> Program:
    combined, keep, end = spec[0], condition(spec[1]), spec[2]
    one, two = rng.choice((("first", "second"), ("left", "right")))
    told, make = ZIPPED[combined]
    value = make(call("list_get", one, "i"), call("list_get", two, "i"))
    name = {"count": "count", "sum": "total", "list": "result"}[end]
    start: Stmt = fresh(name, "ints") if end == "list" else var(name, 0)
    kept = Var("value")
    step: Stmt = push(name, kept) if end == "list" else add(name, ONE if end == "count" else kept)
    shortest = call("min", call("list_length", one), call("list_length", two))
    doc = {"count": "Count {0}.", "sum": "Return the sum of {0}.", "list": "Return a list of {0}."}
    return function(
        rng,
        f"{end}_{combined}_{keep.word}",
        doc[end].format(f"{told.format(one, two)} that {keep.clause(rng)}"),
        (numbers_param(one, spec[1]), numbers_param(two, spec[1])),
        "ints" if end == "list" else "int",
        start,
        let("size", shortest),
        below("i", 0, "size", let("value", value), when(keep.apply(kept), step)),
        give(name),
    )


FAMILIES = (
    Family(name="frequency", sample=_sample_frequency, build=_frequency, weight=2),
    Family(name="grouped", sample=_sample_grouped, build=_grouped, weight=1.5),
    Family(name="word groups", sample=_sample_length_groups, build=_length_groups, weight=1),
    Family(name="cells", sample=_sample_cells, build=_cells, weight=2),
    Family(name="rows", sample=_sample_rows, build=_rows, weight=1.5),
    Family(name="zipped", sample=_sample_zipped, build=_zipped, weight=2),
)
