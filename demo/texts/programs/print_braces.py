"""What the printers of Java, C++ and JavaScript share: statements in braces."""

from __future__ import annotations

from demo.texts.programs import ir
from demo.texts.programs.lowering import loop
from demo.texts.programs.printing import Printer, camel


class BracePrinter(Printer):
    """Statements with semicolons and braces; a subclass spells declarations and containers."""

    def name(self, name: str) -> str:
        return camel(name)

    def quoted(self, value: str) -> str:
        return f'"{value}"'

    def char(self, value: str) -> str:
        return f"'{value}'"

    def truth(self, value: bool) -> str:
        return "true" if value else "false"

    def negation(self, e: ir.Not) -> tuple[str, int]:
        return "!" + self.tight(e.value, 8), 8

    def condition(self, e: ir.Cond) -> tuple[str, int]:
        return f"{self.tight(e.test, 2)} ? {self.tight(e.yes, 2)} : {self.text(e.no)}", 1

    def assign(self, s: ir.Assign) -> list[str]:
        return [f"{self.text(s.target)} = {self.text(s.value)};"]

    def increment(self, target: str) -> str:
        """Print the addition of one."""
        return f"{target}++"

    def update(self, s: ir.Update) -> list[str]:
        if s.value == ir.Num(1) and s.op == "+":
            return [self.increment(self.text(s.target)) + ";"]
        op = "/" if s.op == "//" else s.op
        return [f"{self.text(s.target)} {op}= {self.text(s.value)};"]

    def give(self, s: ir.Return) -> list[str]:
        return [f"return {self.text(s.value)};"]

    def braced(self, head: str, body: ir.Block) -> list[str]:
        """Print a block after its head."""
        return [head + " {", *self.block(body), "}"]

    def branch(self, s: ir.If) -> list[str]:
        lines = self.braced(f"if ({self.text(s.test)})", s.then)
        if not s.otherwise:
            return lines
        lines.pop()
        if len(s.otherwise) == 1 and isinstance(s.otherwise[0], ir.If):
            first, *rest = self.branch(s.otherwise[0])
            return [*lines, "} else " + first, *rest]
        return [*lines, "} else {", *self.block(s.otherwise), "}"]

    def repeat(self, s: ir.While) -> list[str]:
        return self.braced(f"while ({self.text(s.test)})", s.body)

    counter = "int"

    def count_up(self, s: ir.Range) -> list[str]:
        name = self.name(s.variable)
        step = self.increment(name) if s.step == 1 else f"{name} += {s.step}"
        test = f"{name} {'<=' if s.inclusive else '<'} {self.tight(s.stop, 6)}"
        start = f"{self.counter} {name} = {self.text(s.start)}"
        return self.braced(f"for ({start}; {test}; {step})", s.body)

    def count_down(self, s: ir.CountDown) -> list[str]:
        name = self.name(s.variable)
        step = self.increment(name).replace("+", "-")
        start = f"{self.counter} {name} = {self.text(s.start)}"
        return self.braced(f"for ({start}; {name} >= {self.tight(s.stop, 6)}; {step})", s.body)

    def leave(self, _: ir.Break) -> list[str]:
        return ["break;"]

    def pipe(self, s: ir.Pipe) -> list[str]:
        """Print a pipe by the language's library where that reads well, else as a loop."""
        return self.library(s) or self.lines(loop(s))

    def library(self, s: ir.Pipe) -> list[str]:
        """Print a pipe by the language's library; nothing where a loop reads better."""
        raise NotImplementedError
