"""The Python printer: docstrings, type hints, comprehensions."""

from __future__ import annotations

from typing import ClassVar

from demo.texts.programs import ir
from demo.texts.programs.lowering import loop
from demo.texts.programs.printing import Printer, wrapped

TYPES = {
    "int": "int",
    "bool": "bool",
    "text": "str",
    "char": "str",
    "ints": "list[int]",
    "texts": "list[str]",
    "matrix": "list[list[int]]",
    "counts": "dict[str, int]",
    "groups": "dict[int, int]",
    "set": "set[int]",
    "none": "None",
}
MEMBERSHIPS = ("list_has", "set_has", "map_has", "one_of", "letter_in")
FRESH = {"counts": "{}", "groups": "{}", "set": "set()", "builder": '""'}


class PythonPrinter(Printer):
    """Prints a program as Python."""

    language = "python"
    operators: ClassVar[dict[str, str]] = {}

    def name(self, name: str) -> str:
        return name

    def field(self, name: str) -> str:
        return f"self.{name}"

    def quoted(self, value: str) -> str:
        return f'"{value}"'

    char = quoted

    def truth(self, value: bool) -> str:
        return str(value)

    def fresh(self, kind: str) -> str:
        return FRESH.get(kind, "[]")

    def negation(self, e: ir.Not) -> tuple[str, int]:
        if isinstance(e.value, ir.Call) and e.value.operation in MEMBERSHIPS:
            left, _, right = self.text(e.value).partition(" in ")
            return f"{left} not in {right}", 5
        return f"not {self.tight(e.value, 5)}", 4

    def condition(self, e: ir.Cond) -> tuple[str, int]:
        return f"{self.tight(e.yes, 2)} if {self.tight(e.test, 2)} else {self.text(e.no)}", 1

    def let(self, s: ir.Let) -> list[str]:
        hint = (
            f": {TYPES[s.type]}"
            if self.fresh(s.type) == "{}" and isinstance(s.value, ir.New)
            else ""
        )
        return [f"{s.name}{hint} = {self.text(s.value)}"]

    def assign(self, s: ir.Assign) -> list[str]:
        return [f"{self.text(s.target)} = {self.text(s.value)}"]

    def update(self, s: ir.Update) -> list[str]:
        return [f"{self.text(s.target)} {s.op}= {self.text(s.value)}"]

    def give(self, s: ir.Return) -> list[str]:
        return [f"return {self.text(s.value)}"]

    def branch(self, s: ir.If) -> list[str]:
        lines = [f"if {self.text(s.test)}:", *self.block(s.then)]
        if len(s.otherwise) == 1 and isinstance(s.otherwise[0], ir.If):
            first, *rest = self.branch(s.otherwise[0])
            return [*lines, f"el{first}", *rest]
        return [*lines, "else:", *self.block(s.otherwise)] if s.otherwise else lines

    def repeat(self, s: ir.While) -> list[str]:
        return [f"while {self.text(s.test)}:", *self.block(s.body)]

    def each(self, s: ir.Each) -> list[str]:
        return [f"for {s.variable} in {self.text(s.source)}:", *self.block(s.body)]

    def each_word(self, s: ir.EachWord) -> list[str]:
        return [f"for {s.variable} in {self.term(s.source)}.split():", *self.block(s.body)]

    def each_entry(self, s: ir.EachEntry) -> list[str]:
        head = f"for {s.key}, {s.value} in {self.term(s.source)}.items():"
        return [head, *self.block(s.body)]

    def count_up(self, s: ir.Range) -> list[str]:
        return [f"for {s.variable} in {self.range(s)}:", *self.block(s.body)]

    def range(self, s: ir.Range) -> str:
        """Print `range(...)` with as few arguments as it needs."""
        stop = self.after(s.stop) if s.inclusive else self.text(s.stop)
        step = "" if s.step == 1 else f", {s.step}"
        start = "" if s.start == ir.Num(0) and not step else f"{self.text(s.start)}, "
        return f"range({start}{stop}{step})"

    def after(self, stop: ir.Expr) -> str:
        """Print the whole number after `stop`."""
        if isinstance(stop, ir.Num):
            return str(stop.value + 1)
        return self.text(ir.Bin("+", stop, ir.Num(1)))

    def count_down(self, s: ir.CountDown) -> list[str]:
        stop = self.text(
            ir.Num(s.stop.value - 1)
            if isinstance(s.stop, ir.Num)
            else ir.Bin("-", s.stop, ir.Num(1))
        )
        return [
            f"for {s.variable} in range({self.text(s.start)}, {stop}, -1):",
            *self.block(s.body),
        ]

    def append(self, s: ir.Append) -> list[str]:
        if s.to == "builder":
            return [f"{self.text(s.target)} += {self.text(s.value)}"]
        return [f"{self.text(s.target)}.append({self.text(s.value)})"]

    def put(self, s: ir.Put) -> list[str]:
        return [f"{self.text(s.target)}[{self.text(s.key)}] = {self.text(s.value)}"]

    def tally(self, s: ir.Tally) -> list[str]:
        target, key, amount = self.text(s.target), self.text(s.key), self.tight(s.amount, 7)
        return [f"{target}[{key}] = {target}.get({key}, 0) + {amount}"]

    def include(self, s: ir.Include) -> list[str]:
        return [f"{self.text(s.target)}.add({self.text(s.value)})"]

    def swap(self, s: ir.Swap) -> list[str]:
        target = self.text(s.target)
        one, two = f"{target}[{self.text(s.first)}]", f"{target}[{self.text(s.second)}]"
        return [f"{one}, {two} = {two}, {one}"]

    def sort(self, s: ir.Sort) -> list[str]:
        arguments = []
        if s.key:
            key = self.text(s.key(ir.Var("x")))
            arguments.append("key=len" if key == "len(x)" else f"key=lambda x: {key}")
        if s.descending:
            arguments.append("reverse=True")
        return [f"{self.text(s.target)}.sort({', '.join(arguments)})"]

    def pop(self, s: ir.Pop) -> list[str]:
        return [f"{self.text(s.target)}.pop()"]

    def leave(self, _: ir.Break) -> list[str]:
        return ["break"]

    def pipe(self, s: ir.Pipe) -> list[str]:
        return self.library(s) or self.lines(loop(s))

    def library(self, s: ir.Pipe) -> list[str]:
        """Print a pipe as a comprehension; nothing where only a loop will do."""
        if s.end in ("product", "last"):
            return []
        source = self.text(s.source)
        if s.stop is not None:
            source = self.range(ir.Range("", s.source, s.stop, (), True))
        where = f" for {s.variable} in {source}"
        if s.end in ("any", "all") and s.keep is not None:
            return [f"return {s.end}({self.text(s.keep)}{where})"]
        value = s.variable if s.value is None else self.text(s.value)
        inner = value + where
        if s.keep is not None:
            inner += f" if {self.tight(s.keep, 2)}"
        elif s.value is None:
            inner = source
        return [f"return {self.gathered(s, inner, where)}"]

    def gathered(self, s: ir.Pipe, inner: str, where: str) -> str:
        """Print what gathers the elements that `inner` gives."""
        bare = s.keep is None and s.value is None
        if s.end == "list":
            return f"list({inner})" if bare else f"[{inner}]"
        if s.end == "count" and s.keep is not None:
            return f"sum(1{where} if {self.tight(s.keep, 2)})"
        if s.end in ("max", "min"):
            return f"{s.end}({inner if bare else f'({inner})'}, default={self.text(s.default)})"
        if s.end == "first":
            return f"next(({inner}), {self.text(s.default)})"
        if s.end == "text":
            return f'"".join({inner})'
        if s.end == "joined":
            return f"{self.text(s.default)}.join({inner})"
        return f"sum({inner})"

    def docstring(self, doc: str) -> list[str]:
        """Print a documentation sentence as a docstring."""
        first, *rest = wrapped(doc)
        return [f'"""{first}"""'] if not rest else [f'"""{first}', *rest, '"""']

    def function(self, f: ir.Function) -> tuple[str, str]:
        head = [self.signature(f.name, f.params, f.returns)]
        head += [self.indent + line for line in self.docstring(f.doc)]
        return "\n".join(head) + "\n", "\n".join(self.block(f.body)) + "\n"

    def signature(self, name: str, params: tuple[ir.Param, ...], returns: str) -> str:
        """Print a `def` line."""
        inside = ", ".join(
            p.name if p.type == "self" else f"{p.name}: {TYPES[p.type]}" for p in params
        )
        return f"def {name}({inside}) -> {TYPES[returns]}:"

    def whole_class(self, c: ir.Class) -> tuple[str, str]:
        head = [f"class {c.name}:"] + [self.indent + line for line in self.docstring(c.doc)]
        fields = [ir.Assign(ir.Field(f.name), f.value) for f in c.fields]
        lines = ["", "    def __init__(self) -> None:"]
        lines += ["    " + line for line in self.block(tuple(fields))]
        for method in c.methods:
            this = ir.Param("self", "self", "")
            signature = self.signature(method.name, (this, *method.params), method.returns)
            lines += ["", "    " + signature, *("    " + line for line in self.block(method.body))]
        return "\n".join(head) + "\n", "\n".join(lines) + "\n"
