"""The expressions of the one representation of a program (see `ir.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Num:
    value: int


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Char:
    value: str


@dataclass(frozen=True, slots=True)
class Bool:
    value: bool


@dataclass(frozen=True, slots=True)
class Var:
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the object whose method this is."""

    name: str


@dataclass(frozen=True, slots=True)
class Bin:
    """An operator of + - * // % == != < <= > >= and or."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Not:
    value: Expr


@dataclass(frozen=True, slots=True)
class Neg:
    value: Expr


@dataclass(frozen=True, slots=True)
class Cond:
    """`yes` if `test`, else `no`."""

    test: Expr
    yes: Expr
    no: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """One of the named operations of `operations.py`."""

    operation: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Apply:
    """A call of a function by its own name, such as a recursive call."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class New:
    """An empty list, map, set or builder."""

    type: str


Expr: TypeAlias = (
    Num | Text | Char | Bool | Var | Field | Bin | Not | Neg | Cond | Call | Apply | New
)
