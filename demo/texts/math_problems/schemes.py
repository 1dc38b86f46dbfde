"""The table of schemes, read from `schemes.txt`."""

from __future__ import annotations

import re
from importlib import resources

from demo.texts.math_problems import moves
from demo.texts.math_problems.moves import Draw, Move

HEADER = re.compile(r"\[(?P<name>[^]]+)\] (?P<takes>[a-z ]*)> (?P<gives>[a-z ]+) : (?P<draw>.+)")

PLAIN: dict[str, Draw] = {
    "perimeter": moves.perimeter,
    "spend": moves.spend,
    "collect": moves.collect,
    "shrink": moves.shrink,
    "change": moves.change,
    "lacking": moves.lacking,
    "mean": moves.mean,
}


def _draw(specification: str) -> Draw:
    """How numbers are drawn, from words such as `add 2 15`, `part rest` or `change`."""
    name, *arguments = specification.split()
    if name in PLAIN:
        return PLAIN[name]
    if name == "part":
        return moves.part(rest=arguments == ["rest"])
    if name == "percent":
        return moves.percent(rest=arguments == ["rest"])
    if name == "other_has":
        return moves.other_has(arguments[0])
    limits = [int(argument) for argument in arguments]
    if name == "product":
        return moves.product((limits[0], limits[1]), (limits[2], limits[3]))
    ranged = {
        "state": moves.state,
        "total": moves.total,
        "add": moves.add,
        "subtract": moves.subtract,
        "multiply": moves.multiply,
        "divide": moves.divide,
    }
    return ranged[name](*limits)


def _move(block: str) -> Move:
    header, *lines = block.splitlines()
    fields = HEADER.fullmatch(header)
    if fields is None:
        raise ValueError(f"The scheme's header {header!r} must read [name] takes > gives : draw.")
    texts = {key: value for key, _, value in (line.partition(":") for line in lines)}
    wordings = {
        key: tuple(wording.strip() for wording in value.split("|")) for key, value in texts.items()
    }
    return Move(
        name=fields["name"],
        takes=fields["takes"].strip(),
        gives=fields["gives"].strip(),
        draw=_draw(fields["draw"]),
        sentences=wordings["say"],
        questions=wordings["ask"],
        steps=tuple(
            tuple(step.strip() for step in wording.split(";;")) for wording in wordings["work"]
        ),
    )


def load() -> tuple[Move, ...]:
    """Read every scheme of the table, in its order."""
    table = resources.files("demo.texts.math_problems").joinpath("schemes.txt").read_text("utf-8")
    lines = (line for line in table.splitlines() if not line.startswith("#"))
    blocks = "\n".join(lines).split("\n\n")
    return tuple(_move(block.strip()) for block in blocks if block.strip())
