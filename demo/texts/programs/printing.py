"""What all four printers share: names, precedence, indentation, and the loop form of a pipe."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from demo.texts.programs import ir
from demo.texts.programs.lowering import LIST_TYPES, collected
from demo.texts.programs.operations import ATOM, template

# Precedence, loosest first: 1 condition, 2 or, 3 and, 4 not, 5 comparison, 6 sum, 7 product,
# 8 sign, 9 a single term.
PRECEDENCE = {
    "or": 2,
    "and": 3,
    "==": 5,
    "!=": 5,
    "<": 5,
    "<=": 5,
    ">": 5,
    ">=": 5,
    "+": 6,
    "-": 6,
    "*": 7,
    "//": 7,
    "%": 7,
}
DOC_WIDTH = 100


@cache
def camel(name: str) -> str:
    """Turn `running_total` into `runningTotal`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def wrapped(doc: str, width: int = DOC_WIDTH) -> list[str]:
    """Break a documentation sentence into as few lines as it needs, of similar lengths."""
    if len(doc) <= width:
        return [doc]
    lines = -(-len(doc) // width)
    return textwrap.wrap(doc, min(width, len(doc) // lines + 12))


class Printer:
    """Turns the representation into one language's text. Subclasses spell the statements."""

    language: ClassVar[str]
    indent: ClassVar[str] = "    "
    operators: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        self._expressions: dict[type, Callable[[Any], tuple[str, int]]] = {
            ir.Num: lambda e: (str(e.value), ATOM if e.value >= 0 else 8),
            ir.Text: lambda e: (self.quoted(e.value), ATOM),
            ir.Char: lambda e: (self.char(e.value), ATOM),
            ir.Bool: lambda e: (self.truth(e.value), ATOM),
            ir.Var: lambda e: (self.name(e.name), ATOM),
            ir.Field: lambda e: (self.field(e.name), ATOM),
            ir.Bin: self.binary,
            ir.Not: self.negation,
            ir.Neg: lambda e: ("-" + self.term(e.value), 8),
            ir.Cond: self.condition,
            ir.Call: self.call,
            ir.Apply: lambda e: (
                f"{self.name(e.function)}({', '.join(map(self.text, e.arguments))})",
                ATOM,
            ),
            ir.New: lambda e: (self.fresh(e.type), ATOM),
        }
        self._statements: dict[type, Callable[[Any], list[str]]] = {
            ir.Let: self.let,
            ir.Assign: self.assign,
            ir.Update: self.update,
            ir.Return: self.give,
            ir.If: self.branch,
            ir.While: self.repeat,
            ir.Each: self.each,
            ir.EachWord: self.each_word,
            ir.EachEntry: self.each_entry,
            ir.Range: self.count_up,
            ir.CountDown: self.count_down,
            ir.Append: self.append,
            ir.Put: self.put,
            ir.Tally: self.tally,
            ir.Include: self.include,
            ir.Swap: self.swap,
            ir.Sort: self.sort,
            ir.Pop: self.pop,
            ir.Break: self.leave,
            ir.Pipe: self.pipe,
            ir.Collect: self.collect,
        }

    # Expressions: (text, precedence)

    def text(self, expression: ir.Expr) -> str:
        """Print an expression where any precedence will do."""
        return self._expressions[type(expression)](expression)[0]

    def tight(self, expression: ir.Expr, least: int) -> str:
        """Print an expression, in parentheses if it binds looser than `least`."""
        text, precedence = self._expressions[type(expression)](expression)
        return text if precedence >= least else f"({text})"

    def term(self, expression: ir.Expr) -> str:
        """Print an expression as a single term."""
        return self.tight(expression, ATOM)

    def binary(self, e: ir.Bin) -> tuple[str, int]:
        """Print an operator between its sides."""
        level = PRECEDENCE[e.op]
        left = self.tight(e.left, level if level != 5 else 6)
        right = self.tight(e.right, level if level < 4 or (e.op in "+*" and same(e)) else level + 1)
        return f"{left} {self.operators.get(e.op, e.op)} {right}", level

    def call(self, e: ir.Call) -> tuple[str, int]:
        """Print a named operation by its template."""
        parts, level = template(self.language, e.operation)
        text = "".join(
            part
            if isinstance(part, str)
            else (self.term if part[1] else self.text)(e.arguments[part[0]])
            for part in parts
        )
        return text, level

    def block(self, statements: ir.Block) -> list[str]:
        """Print statements, one level deeper."""
        return [self.indent + line for line in self.lines(statements)]

    def lines(self, statements: ir.Block) -> list[str]:
        """Print statements at the level they stand."""
        return [line for s in statements for line in self._statements[type(s)](s)]

    # What a language must say for itself

    def collect(self, s: ir.Collect) -> list[str]:
        """Print the list a pipe gives as a variable's value."""
        lines = self.library(s.pipe)
        if len(lines) != 1:
            return self.lines(collected(s))
        declared = self.let(ir.Let(s.name, LIST_TYPES[s.pipe.type], ir.Var("it")))[0]
        return [declared.partition("=")[0] + "= " + lines[0].removeprefix("return ")]

    def program(self, program: ir.Program) -> tuple[str, str]:
        """Return the prompt (documentation and signature) and the rest."""
        if isinstance(program, ir.Class):
            return self.whole_class(program)
        return self.function(program)

    def _missing(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    function = whole_class = name = field = quoted = char = truth = fresh = _missing
    negation = condition = let = assign = update = give = branch = repeat = each = _missing
    each_word = each_entry = count_up = count_down = append = put = tally = include = swap = (
        sort
    ) = pop = leave = _missing
    pipe = library = _missing


def same(e: ir.Bin) -> bool:
    """Tell whether the right side is the same associative operator, as in a + (b + c)."""
    return isinstance(e.right, ir.Bin) and e.right.op == e.op
