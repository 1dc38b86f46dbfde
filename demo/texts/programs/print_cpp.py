"""The C++ printer: references to const, range-for, the standard algorithms."""

from __future__ import annotations

from typing import ClassVar

from demo.texts.programs import ir
from demo.texts.programs.print_braces import BracePrinter
from demo.texts.programs.printing import wrapped

TYPES = {
    "int": "int",
    "bool": "bool",
    "text": "std::string",
    "char": "char",
    "ints": "std::vector<int>",
    "texts": "std::vector<std::string>",
    "matrix": "std::vector<std::vector<int>>",
    "counts": "std::map<std::string, int>",
    "groups": "std::map<int, int>",
    "set": "std::set<int>",
    "builder": "std::string",
    "none": "void",
}
SMALL = ("int", "bool", "char")


def parameter_type(kind: str) -> str:
    """Return how a value of this type is passed."""
    return TYPES[kind] if kind in SMALL else f"const {TYPES[kind]}&"


def changes_object(block: ir.Block) -> bool:
    """Tell whether a method's statements change a field."""
    for s in block:
        if isinstance(getattr(s, "target", None), ir.Field):
            return True
        inner = (*getattr(s, "then", ()), *getattr(s, "otherwise", ()), *getattr(s, "body", ()))
        if changes_object(inner):
            return True
    return False


class CppPrinter(BracePrinter):
    """Prints a program as C++."""

    language = "cpp"
    operators: ClassVar[dict[str, str]] = {"and": "&&", "or": "||", "//": "/"}

    def name(self, name: str) -> str:
        return name

    def field(self, name: str) -> str:
        return name + "_"

    def fresh(self, kind: str) -> str:
        return "{}"

    def increment(self, target: str) -> str:
        return f"++{target}"

    def let(self, s: ir.Let) -> list[str]:
        if isinstance(s.value, ir.New):
            return [f"{TYPES[s.type]} {s.name};"]
        return [f"{TYPES[s.type]} {s.name} = {self.text(s.value)};"]

    def each(self, s: ir.Each) -> list[str]:
        head = f"for ({parameter_type(s.type)} {s.variable} : {self.text(s.source)})"
        return self.braced(head, s.body)

    def each_word(self, s: ir.EachWord) -> list[str]:
        lines = [f"std::istringstream stream({self.text(s.source)});", f"std::string {s.variable};"]
        return lines + self.braced(f"while (stream >> {s.variable})", s.body)

    def each_entry(self, s: ir.EachEntry) -> list[str]:
        head = f"for (const auto& [{s.key}, {s.value}] : {self.text(s.source)})"
        return self.braced(head, s.body)

    def append(self, s: ir.Append) -> list[str]:
        if s.to == "builder":
            return [f"{self.text(s.target)} += {self.text(s.value)};"]
        return [f"{self.text(s.target)}.push_back({self.text(s.value)});"]

    def put(self, s: ir.Put) -> list[str]:
        return [f"{self.text(s.target)}[{self.text(s.key)}] = {self.text(s.value)};"]

    def tally(self, s: ir.Tally) -> list[str]:
        entry = f"{self.text(s.target)}[{self.text(s.key)}]"
        if s.amount == ir.Num(1):
            return [f"++{entry};"]
        return [f"{entry} += {self.text(s.amount)};"]

    def include(self, s: ir.Include) -> list[str]:
        return [f"{self.text(s.target)}.insert({self.text(s.value)});"]

    def swap(self, s: ir.Swap) -> list[str]:
        target = self.text(s.target)
        return [f"std::swap({target}[{self.text(s.first)}], {target}[{self.text(s.second)}]);"]

    def ends(self, source: ir.Expr) -> str:
        """Print the pair of iterators of a whole sequence."""
        text = self.term(source)
        return f"{text}.begin(), {text}.end()"

    def sort(self, s: ir.Sort) -> list[str]:
        ends = self.ends(s.target)
        if s.key is None:
            order = f", std::greater<{TYPES[s.type]}>()" if s.descending else ""
            return [f"std::sort({ends}{order});"]
        one, two = self.tight(s.key(ir.Var("a")), 6), self.tight(s.key(ir.Var("b")), 6)
        kind, sign = parameter_type(s.type), ">" if s.descending else "<"
        order = f"[]({kind} a, {kind} b) {{ return {one} {sign} {two}; }}"
        return [f"std::stable_sort({ends}, {order});"]

    def pop(self, s: ir.Pop) -> list[str]:
        return [f"{self.text(s.target)}.pop_back();"]

    def library(self, s: ir.Pipe) -> list[str]:
        """Print a pipe by a standard algorithm."""
        if s.stop is not None:
            return []
        ends = self.ends(s.source)
        capture = "[&]" if s.captures else "[]"
        given = f"({parameter_type(s.element)} {s.variable})"
        if s.keep is not None and s.end in ("any", "all", "count"):
            test = f"{capture}{given} {{ return {self.text(s.keep)}; }}"
            name = {"any": "any_of", "all": "all_of", "count": "count_if"}[s.end]
            return [f"return std::{name}({ends}, {test});"]
        if s.end == "sum":
            return self.accumulated(s, ends, capture)
        same_type = s.type == s.element or (s.end == "text" and s.element == "char")
        if s.end not in ("list", "text") or (s.keep is None) == (s.value is None) or not same_type:
            return []
        inner = s.keep if s.keep is not None else s.value
        assert inner is not None
        verb = "copy_if" if s.keep is not None else "transform"
        kind = {"text": "std::string", "list": TYPES["ints" if s.type == "int" else "texts"]}[s.end]
        return [
            f"{kind} result;",
            f"std::{verb}({ends}, std::back_inserter(result), "
            f"{capture}{given} {{ return {self.text(inner)}; }});",
            "return result;",
        ]

    def accumulated(self, s: ir.Pipe, ends: str, capture: str) -> list[str]:
        """Print a sum."""
        if s.keep is None and s.value is None:
            return [f"return std::accumulate({ends}, 0);"]
        value = s.value or ir.Var(s.variable)
        term = value if s.keep is None else ir.Cond(s.keep, value, ir.Num(0))
        total = self.text(ir.Bin("+", ir.Var("total"), term))
        given = f"(int total, {parameter_type(s.element)} {s.variable})"
        return [f"return std::accumulate({ends}, 0, {capture}{given} {{ return {total}; }});"]

    def signature(self, name: str, params: tuple[ir.Param, ...], returns: str) -> str:
        """Print a function's head."""
        inside = ", ".join(f"{parameter_type(p.type)} {p.name}" for p in params)
        return f"{TYPES[returns]} {name}({inside})"

    def comment(self, doc: str) -> list[str]:
        """Print a documentation sentence as line comments."""
        return [f"// {line}" for line in wrapped(doc)]

    def function(self, f: ir.Function) -> tuple[str, str]:
        head = [*self.comment(f.doc), self.signature(f.name, f.params, f.returns) + " {"]
        return "\n".join(head) + "\n", "\n".join([*self.block(f.body), "}"]) + "\n"

    def whole_class(self, c: ir.Class) -> tuple[str, str]:
        head = [*self.comment(c.doc), f"class {c.name} {{", "public:"]
        lines = []
        for index, m in enumerate(c.methods):
            lines += [""] * (index > 0)
            const = "" if changes_object(m.body) else " const"
            lines += [f"    {self.signature(m.name, m.params, m.returns)}{const} {{"]
            lines += ["    " + line for line in self.block(m.body)] + ["    }"]
        lines += ["", "private:"]
        for field in c.fields:
            lines += [
                "    " + line
                for line in self.let(ir.Let(field.name + "_", field.type, field.value))
            ]
        return "\n".join(head) + "\n", "\n".join([*lines, "};"]) + "\n"
