"""Short names for the pieces of the representation, so that a family reads like a program."""

from __future__ import annotations

from typing import TypeAlias

from demo.texts.programs import ir
from demo.texts.programs.ir import (  # noqa: F401 - the vocabulary of the families
    Append,
    Apply,
    Assign,
    Block,
    Bool,
    Break,
    Char,
    Class,
    Collect,
    Cond,
    CountDown,
    Each,
    EachEntry,
    EachWord,
    Expr,
    Field,
    Function,
    If,
    Include,
    Let,
    Method,
    Neg,
    New,
    Not,
    Num,
    Param,
    Pipe,
    Pop,
    Program,
    Put,
    Range,
    Return,
    Sort,
    Stmt,
    Swap,
    Tally,
    Text,
    Update,
    Var,
    While,
)

Constant: TypeAlias = int | str  # a number, or the name of a parameter


def expr(value: Expr | Constant) -> Expr:
    """Read a number as a number and a text as a variable's name."""
    if isinstance(value, int):
        return Num(value)
    return Var(value) if isinstance(value, str) else value


def op(operator: str, left: Expr | Constant, right: Expr | Constant) -> Expr:
    """Write `left operator right`."""
    return ir.Bin(operator, expr(left), expr(right))


def call(operation: str, *arguments: Expr | Constant) -> Expr:
    """Use one of the operations of `operations.py`."""
    return ir.Call(operation, tuple(expr(a) for a in arguments))


def again(function: str, *arguments: Expr | Constant) -> Expr:
    """Call a function by its name."""
    return Apply(function, tuple(expr(a) for a in arguments))


def let(name: str, value: Expr | Constant, kind: str = "int") -> Let:
    """Declare what never changes."""
    return Let(name, kind, expr(value))


def var(name: str, value: Expr | Constant, kind: str = "int") -> Let:
    """Declare what changes later."""
    return Let(name, kind, expr(value), True)


def fresh(name: str, kind: str) -> Let:
    """Declare an empty container or builder."""
    return Let(name, kind, New(kind), kind == "builder")


def put(name: str, value: Expr | Constant) -> Assign:
    """Assign to a variable."""
    return Assign(Var(name), expr(value))


def add(name: str, value: Expr | Constant, operator: str = "+") -> Update:
    """Update a variable, by addition unless said otherwise."""
    return Update(Var(name), operator, expr(value))


def push(name: str, value: Expr | Constant, kind: str = "ints") -> Append:
    """Append to a list or builder."""
    return Append(Var(name), expr(value), kind)


def give(value: Expr | Constant) -> Return:
    """Return a value."""
    return Return(expr(value))


def when(test: Expr, *then: Stmt, otherwise: Block = ()) -> If:
    """Do `then` if the test holds."""
    return If(test, then, otherwise)


def loop(test: Expr, *body: Stmt) -> While:
    """Repeat while the test holds."""
    return While(test, body)


def each(variable: str, source: Expr | str, *body: Stmt, kind: str = "int") -> Each:
    """Visit the elements of a list or text."""
    return Each(variable, kind, expr(source), body)


def upto(variable: str, start: Expr | Constant, stop: Expr | Constant, *body: Stmt) -> Range:
    """Count from start to stop, stop included."""
    return Range(variable, expr(start), expr(stop), body, True)


def below(variable: str, start: Expr | Constant, stop: Expr | Constant, *body: Stmt) -> Range:
    """Count from start to just before stop."""
    return Range(variable, expr(start), expr(stop), body)
