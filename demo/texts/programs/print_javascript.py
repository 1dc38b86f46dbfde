"""The JavaScript printer: arrow functions, array methods, const wherever nothing changes."""

from __future__ import annotations

from typing import ClassVar

from demo.texts.programs import ir
from demo.texts.programs.operations import ATOM
from demo.texts.programs.print_braces import BracePrinter
from demo.texts.programs.print_java import javadoc
from demo.texts.programs.printing import wrapped

FRESH = {"counts": "new Map()", "groups": "new Map()", "set": "new Set()", "builder": '""'}


class JavaScriptPrinter(BracePrinter):
    """Prints a program as JavaScript."""

    language = "javascript"
    indent = "  "
    counter = "let"
    operators: ClassVar[dict[str, str]] = {"and": "&&", "or": "||", "==": "===", "!=": "!=="}

    def field(self, name: str) -> str:
        return "this." + self.name(name)

    def char(self, value: str) -> str:
        return f'"{value}"'

    def fresh(self, kind: str) -> str:
        return FRESH.get(kind, "[]")

    def binary(self, e: ir.Bin) -> tuple[str, int]:
        if e.op == "//":
            return f"Math.floor({self.tight(e.left, 7)} / {self.tight(e.right, 8)})", ATOM
        return super().binary(e)

    def let(self, s: ir.Let) -> list[str]:
        keyword = "let" if s.changes else "const"
        return [f"{keyword} {self.name(s.name)} = {self.text(s.value)};"]

    def update(self, s: ir.Update) -> list[str]:
        if s.op == "//":
            return self.assign(ir.Assign(s.target, ir.Bin("//", s.target, s.value)))
        return super().update(s)

    def each(self, s: ir.Each) -> list[str]:
        head = f"for (const {self.name(s.variable)} of {self.text(s.source)})"
        return self.braced(head, s.body)

    def each_word(self, s: ir.EachWord) -> list[str]:
        head = f'for (const {self.name(s.variable)} of {self.term(s.source)}.split(" "))'
        return self.braced(head, s.body)

    def each_entry(self, s: ir.EachEntry) -> list[str]:
        names = f"[{self.name(s.key)}, {self.name(s.value)}]"
        return self.braced(f"for (const {names} of {self.text(s.source)})", s.body)

    def append(self, s: ir.Append) -> list[str]:
        if s.to == "builder":
            return [f"{self.text(s.target)} += {self.text(s.value)};"]
        return [f"{self.text(s.target)}.push({self.text(s.value)});"]

    def put(self, s: ir.Put) -> list[str]:
        target, key, value = self.text(s.target), self.text(s.key), self.text(s.value)
        return [
            f"{target}[{key}] = {value};" if s.to == "ints" else f"{target}.set({key}, {value});"
        ]

    def tally(self, s: ir.Tally) -> list[str]:
        target, key, amount = self.text(s.target), self.text(s.key), self.tight(s.amount, 7)
        return [f"{target}.set({key}, ({target}.get({key}) ?? 0) + {amount});"]

    def include(self, s: ir.Include) -> list[str]:
        return [f"{self.text(s.target)}.add({self.text(s.value)});"]

    def swap(self, s: ir.Swap) -> list[str]:
        target = self.text(s.target)
        one, two = f"{target}[{self.text(s.first)}]", f"{target}[{self.text(s.second)}]"
        return [f"[{one}, {two}] = [{two}, {one}];"]

    def sort(self, s: ir.Sort) -> list[str]:
        target = self.text(s.target)
        if s.key is None and s.type == "text":
            return [f"{target}.sort();", *([f"{target}.reverse();"] if s.descending else [])]
        key = s.key or (lambda e: e)
        pair = (key(ir.Var("a")), key(ir.Var("b")))
        one, two = reversed(pair) if s.descending else pair
        return [f"{target}.sort((a, b) => {self.text(ir.Bin('-', one, two))});"]

    def pop(self, s: ir.Pop) -> list[str]:
        return [f"{self.text(s.target)}.pop();"]

    def library(self, s: ir.Pipe) -> list[str]:
        """Print a pipe with array methods."""
        if s.stop is not None or s.end in ("last", "first"):
            return []
        name = self.name(s.variable)
        chain = self.term(s.source)
        if s.element == "char":
            chain = f"[...{self.text(s.source)}]"
        if s.end in ("any", "all") and s.keep is not None:
            verb = "some" if s.end == "any" else "every"
            return [f"return {chain}.{verb}(({name}) => {self.text(s.keep)});"]
        if s.keep is not None:
            chain += f".filter(({name}) => {self.text(s.keep)})"
        if s.value is not None:
            chain += f".map(({name}) => {self.text(s.value)})"
        return self.gathered(s, chain)

    def gathered(self, s: ir.Pipe, chain: str) -> list[str]:
        """Print what gathers the elements of an array."""
        if s.end in ("max", "min"):
            default = self.text(s.default)
            return [
                f"const kept = {chain};",
                f"return kept.length === 0 ? {default} : Math.{s.end}(...kept);",
            ]
        tail = {
            "sum": ".reduce((a, b) => a + b, 0)",
            "product": ".reduce((a, b) => a * b, 1)",
            "count": ".length",
            "text": '.join("")',
            "joined": f".join({self.text(s.default)})",
            "list": ".slice()" if s.keep is None and s.value is None else "",
        }[s.end]
        return [f"return {chain}{tail};"]

    def function(self, f: ir.Function) -> tuple[str, str]:
        params = ", ".join(self.name(p.name) for p in f.params)
        name = self.name(f.name)
        if f.form % 2:
            head = [*(f"// {line}" for line in wrapped(f.doc)), f"const {name} = ({params}) => {{"]
        else:
            head = [*javadoc(f.doc), f"function {name}({params}) {{"]
        close = "};" if f.form % 2 else "}"
        return "\n".join(head) + "\n", "\n".join([*self.block(f.body), close]) + "\n"

    def whole_class(self, c: ir.Class) -> tuple[str, str]:
        head = [*javadoc(c.doc), f"class {c.name} {{"]
        lines = ["  constructor() {"]
        fields = tuple(ir.Assign(ir.Field(f.name), f.value) for f in c.fields)
        lines += ["  " + line for line in self.block(fields)] + ["  }"]
        for m in c.methods:
            params = ", ".join(self.name(p.name) for p in m.params)
            lines += ["", f"  {self.name(m.name)}({params}) {{"]
            lines += ["  " + line for line in self.block(m.body)] + ["  }"]
        return "\n".join(head) + "\n", "\n".join([*lines, "}"]) + "\n"
