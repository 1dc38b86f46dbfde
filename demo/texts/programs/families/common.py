"""What the families share: the names of lists and their elements, and functions of them."""

from __future__ import annotations

import random

from demo.texts.programs.build import Block, Function, Num, Param, Stmt
from demo.texts.programs.meaning import Spec
from demo.texts.programs.pieces import reads_sign

ONE = Num(1)
LISTS = ("numbers", "values", "items")
ELEMENTS = {"numbers": "number", "values": "value", "items": "item"}


def list_names(rng: random.Random) -> tuple[str, str]:
    """Draw the name of a list of numbers, and of its element."""
    source = rng.choice(LISTS)
    return source, rng.choice((ELEMENTS[source], ELEMENTS[source], "x"))


def numbers_param(name: str, *specs: Spec | None) -> Param:
    """Declare a list of numbers, without negative ones if one of the specs divides."""
    divides = any(spec is not None and reads_sign(spec) for spec in specs)
    return Param(name, "ints", "numbers" if divides else "signed numbers")


def number_param(name: str, *specs: Spec | None) -> Param:
    """Declare a number, not negative if one of the specs divides."""
    divides = any(spec is not None and reads_sign(spec) for spec in specs)
    return Param(name, "int", "number" if divides else "signed number")


def function(
    rng: random.Random, name: str, doc: str, params: tuple[Param, ...], returns: str, *body: Stmt
) -> Function:
    """Make a function in one of a language's outer forms."""
    block: Block = body
    return Function(
        name=name, doc=doc, params=params, returns=returns, body=block, form=rng.randrange(2)
    )
