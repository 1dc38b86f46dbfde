"""The one representation of a program: typed expressions and statements that every language prints.

Names are snake_case here; a printer turns them into its language's own convention. Operations that
the languages spell differently (the length of a list, the upper case of a letter) are `Call`s of
the operations named in `operations.py`.

The types are "int", "bool", "text", "char", "ints", "texts", "matrix" (a list of "ints"),
"counts" (text to int), "groups" (int to int), "set" (of int) and "builder" (a text being built).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from demo.texts.programs.expressions import (  # noqa: F401 - read with the statements, as `ir.…`
    Apply,
    Bin,
    Bool,
    Call,
    Char,
    Cond,
    Expr,
    Field,
    Neg,
    New,
    Not,
    Num,
    Text,
    Var,
)

ZERO = Num(0)


@dataclass(frozen=True, slots=True)
class Let:
    """Declare a variable; `changes` says that it is assigned again later."""

    name: str
    type: str
    value: Expr
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Assign:
    target: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Update:
    """`target op= value`, with op one of + - * // %."""

    target: Expr
    op: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Return:
    value: Expr


@dataclass(frozen=True, slots=True)
class If:
    test: Expr
    then: Block
    otherwise: Block = ()


@dataclass(frozen=True, slots=True)
class While:
    test: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class Each:
    """For each element, of the given type, of a list or a text."""

    variable: str
    type: str
    source: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class EachWord:
    """For each word of a text whose words stand apart by single spaces."""

    variable: str
    source: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class EachEntry:
    """For each key and value, both by their variables' names, of a map of the type `of`."""

    key: str
    value: str
    source: Expr
    body: Block
    of: str = "counts"


@dataclass(frozen=True, slots=True)
class Range:
    """Count from `start` up to `stop` by `step` (> 0), `stop` itself included or not."""

    variable: str
    start: Expr
    stop: Expr
    body: Block
    inclusive: bool = False
    step: int = 1


@dataclass(frozen=True, slots=True)
class CountDown:
    """Count from `start` down to `stop`, both included."""

    variable: str
    start: Expr
    stop: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class Append:
    """Put a value at the end of a list or of a builder (`to` names its type)."""

    target: Expr
    value: Expr
    to: str = "ints"


@dataclass(frozen=True, slots=True)
class Put:
    """Set the value of a map's key, or with `to` = "ints" of a list's index."""

    target: Expr
    key: Expr
    value: Expr
    to: str = "counts"


@dataclass(frozen=True, slots=True)
class Tally:
    """Add an amount to the value of a map's key, which counts as 0 while it is absent."""

    target: Expr
    key: Expr
    amount: Expr


@dataclass(frozen=True, slots=True)
class Include:
    """Add a value to a set."""

    target: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Swap:
    """Exchange the elements of a list at two indices."""

    target: Expr
    first: Expr
    second: Expr


@dataclass(frozen=True, slots=True)
class Sort:
    """Sort a list in place; `key` makes the sorting key of an element, None its own order."""

    target: Expr
    descending: bool = False
    key: Callable[[Expr], Expr] | None = None
    type: str = "int"


@dataclass(frozen=True, slots=True)
class Pop:
    """Remove the last element of a list."""

    target: Expr


@dataclass(frozen=True, slots=True)
class Break:
    pass


@dataclass(frozen=True, slots=True)
class Pipe:
    """Return what becomes of a sequence: keep some elements, map each, gather by `end`.

    source: the sequence; its elements are of `element` type; with `stop` set it is the whole
        numbers from `source` to `stop`, both included.
    keep: which elements stay (None: all); value: what each becomes (None: itself), of type `type`.
    end: list | sum | product | count | max | min | any | all | first | last | text | joined.
        "any" and "all" ask `keep` itself; "joined" puts `default` between texts.
    default: what max, min, first and last give when nothing is left.
    """

    source: Expr
    variable: str
    element: str
    keep: Expr | None
    value: Expr | None
    end: str
    type: str = "int"
    default: Expr = ZERO
    stop: Expr | None = None
    captures: bool = False  # `keep` or `value` reads another variable of the function


@dataclass(frozen=True, slots=True)
class Collect:
    """Declare a list that holds what a pipe with end "list" gives."""

    name: str
    pipe: Pipe


Stmt: TypeAlias = (
    Let
    | Assign
    | Update
    | Return
    | If
    | While
    | Each
    | EachWord
    | EachEntry
    | Range
    | CountDown
    | Append
    | Put
    | Tally
    | Include
    | Swap
    | Sort
    | Pop
    | Break
    | Pipe
    | Collect
)


Block: TypeAlias = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter; `domain` names what values its tests draw (see `inputs.py`)."""

    name: str
    type: str
    domain: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """A documented function. `form` chooses among a language's equivalent outer forms."""

    name: str
    doc: str
    params: tuple[Param, ...]
    returns: str
    body: Block
    form: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """A method; it returns "none" when it only changes the object."""

    name: str
    params: tuple[Param, ...]
    returns: str
    body: Block


@dataclass(frozen=True, kw_only=True, slots=True)
class Class:
    """A documented class, made without arguments."""

    name: str
    doc: str
    fields: tuple[Let, ...]
    methods: tuple[Method, ...]
    form: int = 0


Program: TypeAlias = Function | Class
