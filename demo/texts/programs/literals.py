"""How each language writes a value that a test passes or expects."""

from __future__ import annotations

from typing import Any

from demo.texts.programs import print_cpp
from demo.texts.programs.printing import camel

JAVA_ELEMENT = {"ints": "Integer", "texts": "String", "matrix": "List<Integer>"}


def python_literal(value: Any, kind: str) -> str:
    """Write a value in Python."""
    return repr(value)


def _plain(value: Any) -> str:
    """Write a number, truth value or text as the three other languages do."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def java_literal(value: Any, kind: str) -> str:
    """Write a value of the type `kind` in Java."""
    if isinstance(value, list):
        inner = ", ".join(java_literal(v, "ints") for v in value)
        return f"List.of({inner})" if value else f"List.<{JAVA_ELEMENT[kind]}>of()"
    if isinstance(value, dict):
        entries = ", ".join(f"Map.entry({_plain(k)}, {_plain(v)})" for k, v in value.items())
        types = "<String, Integer>" if kind == "counts" else "<Integer, Integer>"
        return f"Map.{types if not value else ''}ofEntries({entries})"
    return f"'{value}'" if kind == "char" else _plain(value)


def cpp_literal(value: Any, kind: str) -> str:
    """Write a value of the type `kind` in C++."""
    name = print_cpp.TYPES[kind]
    if isinstance(value, list):
        element = {"ints": "int", "texts": "text", "matrix": "ints"}[kind]
        return name + "{" + ", ".join(cpp_literal(v, element) for v in value) + "}"
    if isinstance(value, dict):
        entries = ", ".join(f"{{{_plain(k)}, {_plain(v)}}}" for k, v in value.items())
        return name + "{" + entries + "}"
    if kind == "char":
        return f"'{value}'"
    return f"std::string({_plain(value)})" if isinstance(value, str) else _plain(value)


def javascript_literal(value: Any, kind: str) -> str:
    """Write a value in JavaScript."""
    if isinstance(value, list):
        return "[" + ", ".join(javascript_literal(v, kind) for v in value) + "]"
    if isinstance(value, dict):
        return (
            "new Map([" + ", ".join(f"[{_plain(k)}, {_plain(v)}]" for k, v in value.items()) + "])"
        )
    return _plain(value)


LITERALS = {
    "python": python_literal,
    "java": java_literal,
    "cpp": cpp_literal,
    "javascript": javascript_literal,
}


def spelled(language: str, name: str) -> str:
    """Write a function's name by the language's convention."""
    return camel(name) if language in ("java", "javascript") else name
