"""The Java printer: Javadoc, streams, builders."""

from __future__ import annotations

from typing import ClassVar

from demo.texts.programs import ir
from demo.texts.programs.print_braces import BracePrinter
from demo.texts.programs.printing import wrapped

TYPES = {
    "int": "int",
    "bool": "boolean",
    "text": "String",
    "char": "char",
    "ints": "List<Integer>",
    "texts": "List<String>",
    "matrix": "List<List<Integer>>",
    "counts": "Map<String, Integer>",
    "groups": "Map<Integer, Integer>",
    "set": "Set<Integer>",
    "builder": "StringBuilder",
    "none": "void",
}
FRESH = {
    "counts": "new HashMap<>()",
    "groups": "new HashMap<>()",
    "set": "new HashSet<>()",
    "builder": "new StringBuilder()",
}


def javadoc(doc: str) -> list[str]:
    """Print a documentation sentence as a documentation comment."""
    lines = wrapped(doc)
    if len(lines) == 1:
        return [f"/** {doc} */"]
    return ["/**", *(f" * {line}" for line in lines), " */"]


class JavaPrinter(BracePrinter):
    """Prints a program as Java."""

    language = "java"
    operators: ClassVar[dict[str, str]] = {"and": "&&", "or": "||", "//": "/"}

    def field(self, name: str) -> str:
        return self.name(name)

    def fresh(self, kind: str) -> str:
        return FRESH.get(kind, "new ArrayList<>()")

    def let(self, s: ir.Let) -> list[str]:
        return [f"{TYPES[s.type]} {self.name(s.name)} = {self.text(s.value)};"]

    def each(self, s: ir.Each) -> list[str]:
        source = self.term(s.source) + ".toCharArray()" if s.type == "char" else self.text(s.source)
        return self.braced(f"for ({TYPES[s.type]} {self.name(s.variable)} : {source})", s.body)

    def each_word(self, s: ir.EachWord) -> list[str]:
        head = f'for (String {self.name(s.variable)} : {self.term(s.source)}.split(" "))'
        return self.braced(head, s.body)

    def each_entry(self, s: ir.EachEntry) -> list[str]:
        key, value = ("String" if s.of == "counts" else "int"), "int"
        entry = TYPES[s.of].replace("Map", "Map.Entry", 1)
        lines = self.braced(f"for ({entry} entry : {self.term(s.source)}.entrySet())", s.body)
        read = [
            f"{self.indent}{key} {self.name(s.key)} = entry.getKey();",
            f"{self.indent}{value} {self.name(s.value)} = entry.getValue();",
        ]
        return [lines[0], *read, *lines[1:]]

    def append(self, s: ir.Append) -> list[str]:
        verb = "append" if s.to == "builder" else "add"
        return [f"{self.text(s.target)}.{verb}({self.text(s.value)});"]

    def put(self, s: ir.Put) -> list[str]:
        verb = "set" if s.to == "ints" else "put"
        return [f"{self.text(s.target)}.{verb}({self.text(s.key)}, {self.text(s.value)});"]

    def tally(self, s: ir.Tally) -> list[str]:
        key, amount = self.text(s.key), self.text(s.amount)
        return [f"{self.text(s.target)}.merge({key}, {amount}, Integer::sum);"]

    def include(self, s: ir.Include) -> list[str]:
        return [f"{self.text(s.target)}.add({self.text(s.value)});"]

    def swap(self, s: ir.Swap) -> list[str]:
        parts = ", ".join(map(self.text, (s.target, s.first, s.second)))
        return [f"Collections.swap({parts});"]

    def sort(self, s: ir.Sort) -> list[str]:
        target = self.text(s.target)
        if s.key is not None:
            key = s.key(ir.Var("x"))
            sign = self.text(ir.Neg(key) if s.descending else key)
            reader = "String::length" if sign == "x.length()" else f"x -> {sign}"
            return [f"{target}.sort(Comparator.comparingInt({reader}));"]
        if s.descending:
            return [f"{target}.sort(Collections.reverseOrder());"]
        return [f"Collections.sort({target});"]

    def pop(self, s: ir.Pop) -> list[str]:
        target = self.text(s.target)
        return [f"{target}.remove({target}.size() - 1);"]

    def library(self, s: ir.Pipe) -> list[str]:
        """Print a pipe as a stream."""
        if s.end == "last":
            return []
        primitive = s.stop is not None or s.element == "char"
        name = self.name(s.variable)
        if s.stop is not None:
            chain = f"IntStream.rangeClosed({self.text(s.source)}, {self.text(s.stop)})"
        elif s.element == "char":
            chain = f"{self.term(s.source)}.chars()"
        else:
            chain = f"{self.term(s.source)}.stream()"
        if s.end in ("any", "all") and s.keep is not None:
            return [f"return {chain}.{s.end}Match({name} -> {self.text(s.keep)});"]
        if s.keep is not None:
            chain += f".filter({name} -> {self.text(s.keep)})"
        return self.finished(s, chain, name, primitive)

    def finished(self, s: ir.Pipe, chain: str, name: str, primitive: bool) -> list[str]:
        """Print the mapping of a stream and what gathers it."""
        value = name if s.value is None else self.text(s.value)
        mapped = "" if s.value is None else f".map({name} -> {value})"
        if s.end == "count":
            return [f"return (int) {chain}.count();"]
        if s.end in ("sum", "max", "min"):
            to_int = f".mapToInt({name} -> {value})"
            chain += mapped if primitive and s.element == "int" else to_int
            tail = "" if s.end == "sum" else f".orElse({self.text(s.default)})"
            return [f"return {chain}.{s.end}(){tail};"]
        if s.end == "text" and s.element == "char":
            char = "(char) " + (name if s.value is None else self.term(s.value))
            text = f".mapToObj({name} -> String.valueOf({char}))"
            return [f"return {chain}{text}.collect(Collectors.joining());"]
        if s.end == "product":
            return [f"return {chain}{mapped}.reduce(1, (a, b) -> a * b);"]
        if s.end == "list":
            boxed = ".boxed()" if primitive else ""
            return [f"return {chain}{mapped}{boxed}.collect(Collectors.toList());"]
        if s.end == "first":
            return [f"return {chain}{mapped}.findFirst().orElse({self.text(s.default)});"]
        separator = self.text(s.default) if s.end == "joined" else ""
        return [f"return {chain}{mapped}.collect(Collectors.joining({separator}));"]

    def signature(self, name: str, params: tuple[ir.Param, ...], returns: str) -> str:
        """Print a method's head."""
        inside = ", ".join(f"{TYPES[p.type]} {self.name(p.name)}" for p in params)
        return f"{TYPES[returns]} {self.name(name)}({inside})"

    def function(self, f: ir.Function) -> tuple[str, str]:
        signature = self.signature(f.name, f.params, f.returns)
        head = [*javadoc(f.doc), f"public static {signature} {{"]
        return "\n".join(head) + "\n", "\n".join([*self.block(f.body), "}"]) + "\n"

    def whole_class(self, c: ir.Class) -> tuple[str, str]:
        head = [*javadoc(c.doc), f"class {c.name} {{"]
        lines = [f"    private {line}" for field in c.fields for line in self.let(field)]
        for m in c.methods:
            lines += ["", f"    public {self.signature(m.name, m.params, m.returns)} {{"]
            lines += ["    " + line for line in self.block(m.body)] + ["    }"]
        return "\n".join(head) + "\n", "\n".join([*lines, "}"]) + "\n"
