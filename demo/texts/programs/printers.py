"""The printer of each language, and the text of a program in it."""

from __future__ import annotations

from functools import cache

from demo.texts.programs.operations import LANGUAGES
from demo.texts.programs.print_cpp import CppPrinter
from demo.texts.programs.print_java import JavaPrinter
from demo.texts.programs.print_javascript import JavaScriptPrinter
from demo.texts.programs.print_python import PythonPrinter
from demo.texts.programs.printing import Printer


@cache
def printer(language: str) -> Printer:
    """Return a language's printer; ValueError for a language there is none for."""
    kinds = {
        "python": PythonPrinter,
        "java": JavaPrinter,
        "cpp": CppPrinter,
        "javascript": JavaScriptPrinter,
    }
    if language not in kinds:
        raise ValueError(f"There is no language {language!r}; there are {', '.join(LANGUAGES)}.")
    return kinds[language]()
