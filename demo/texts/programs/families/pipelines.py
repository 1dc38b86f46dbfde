"""Pipelines over a list of numbers and over a range of whole numbers."""

from __future__ import annotations

import random

from demo.texts.programs.build import Function, Num, Param, Pipe, Program, Var
from demo.texts.programs.changes import change, draw_change
from demo.texts.programs.families.common import list_names
from demo.texts.programs.lowering import loop
from demo.texts.programs.meaning import Family, Spec
from demo.texts.programs.phrases import sentence, title
from demo.texts.programs.pieces import applied, condition, draw_condition, reads_sign, uses

GATHERING = ("sum", "sum", "list", "list", "list", "product", "max", "min", "first", "last")


def draw_end(rng: random.Random) -> Spec:
    """Draw how a pipeline of numbers ends."""
    kind = rng.choice(GATHERING)
    if kind in ("max", "min", "first", "last"):
        return (kind, rng.choice((0, 0, -1, -1, 1, 100)))
    return (kind,)


def _sample(rng: random.Random) -> Spec:
    if rng.random() < 0.28:
        return (draw_condition(rng, "limit"), None, (rng.choice(("any", "all", "count", "count")),))
    shape = rng.random()
    keep = draw_condition(rng, "limit") if shape < 0.75 else None
    changes = draw_change(rng, "amount") if shape > 0.25 else None
    end = draw_end(rng)
    if end[0] in ("first", "last") and keep is None:
        end = ("list",)
    return (keep, changes, end)


def extra(spec: Spec) -> tuple[Param, ...]:
    """Return the parameters that a spec's constants name."""
    names = [name for name in ("limit", "amount") if uses(spec, name)]
    return tuple(Param(name, "int", "positive") for name in names)


def returned(end: str) -> str:
    """Return the type of what an end gives for numbers."""
    return {"list": "ints", "any": "bool", "all": "bool"}.get(end, "int")


def _numbers(spec: Spec, rng: random.Random) -> Program:
    keep = condition(spec[0]) if spec[0] else None
    changed = change(spec[1]) if spec[1] else None
    end = spec[2]
    source, name = list_names(rng)
    pipe = Pipe(
        Var(source),
        name,
        "int",
        applied(keep, name),
        applied(changed, name),
        end[0],
        default=Num(end[1]) if len(end) > 1 else Num(0),
        captures=bool(extra(spec)),
    )
    domain = "numbers" if reads_sign(spec) else "signed numbers"
    return Function(
        name=title(end, keep, changed),
        doc=sentence(rng, source, keep, changed, end),
        params=(Param(source, "ints", domain), *extra(spec)),
        returns=returned(end[0]),
        body=loop(pipe) if rng.random() < 0.4 else (pipe,),
        form=rng.randrange(2),
    )


def _sample_range(rng: random.Random) -> Spec:
    if rng.random() < 0.25:
        return (draw_condition(rng), None, ("count",), rng.choice((0, 1, 1, 2)))
    shape = rng.random()
    keep = draw_condition(rng) if shape < 0.75 else None
    changes = draw_change(rng) if shape > 0.3 else None
    return (keep, changes, (rng.choice(("sum", "sum", "list")),), rng.choice((0, 1, 1, 2)))


def _range(spec: Spec, rng: random.Random) -> Program:
    keep = condition(spec[0]) if spec[0] else None
    changed = change(spec[1]) if spec[1] else None
    end, start = spec[2], spec[3]
    name = rng.choice(("i", "i", "k"))
    pipe = Pipe(
        Num(start),
        name,
        "int",
        applied(keep, name),
        applied(changed, name),
        end[0],
        stop=Var("n"),
    )
    return Function(
        name=title(end, keep, changed) + "_up_to",
        doc=sentence(rng, f"numbers from {start} to n", keep, changed, end),
        params=(Param("n", "int", "size"),),
        returns=returned(end[0]),
        body=loop(pipe) if rng.random() < 0.5 else (pipe,),
        form=rng.randrange(2),
    )


FAMILIES = (
    Family(name="numbers", sample=_sample, build=_numbers, weight=10),
    Family(name="range", sample=_sample_range, build=_range, weight=3),
)
