"""Runs a program with its tests, and believes it only if the tests were really reached.

A completion may end its process with status 0 before any test has run. So after the last
test a few lines of ours copy a random token, new for each run, from stdin to stdout; a run without
the token has "ended early" and does not count as passed. The token is in no file and no argument,
only in the pipe that is read after everything else.

What this cannot do: a program and its tests share one process, so a completion that was written
to deceive can read stdin itself, or redefine what the tests compare with. Programs of a language
model do not know of the token; those of a person might. What a program can do to the machine does
not depend on it: that is the sandbox's part.
"""

from __future__ import annotations

import dataclasses
import secrets
import threading

from analysis.execution.languages import LABELS, Recipe, java_commands, java_main, recipe
from analysis.execution.limits import Limits, Outcome
from analysis.execution.sandbox import Sandbox, run_program
from pruning.errors import InputError

PYTHON_END = """
__import__("sys").stdout.flush()
__import__("os").write(1, b"\\n" + __import__("os").read(0, 64))
"""
JAVASCRIPT_END = """
;(() => {
  const files = require("node:fs");
  files.writeSync(1, "\\n" + files.readFileSync(0, "utf8"));
})();
"""
CPP_END = """\
#include <cstdio>
#include <unistd.h>
extern "C" int __real_main(int, char**);
extern "C" int __wrap_main(int count, char** arguments) {
    const int status = __real_main(count, arguments);
    std::fflush(nullptr);
    char token[64];
    const long size = status == 0 ? read(0, token, sizeof token) : -1;
    return size > 0 && write(1, token, size) == size ? 0 : 1;
}
"""
JAVA_END = """\
class TestsReached {
    public static void main(String[] arguments) throws Throwable {
        MAIN.main(new String[0]);
        System.out.flush();
        byte[] token = new byte[64];
        int size = new java.io.FileInputStream(java.io.FileDescriptor.in).read(token);
        new java.io.FileOutputStream(java.io.FileDescriptor.out).write(token, 0, size);
    }
}
"""


def run_tested(
    sandbox: Sandbox,
    language: str,
    text: str,
    limits: Limits,
    *,
    cancel: threading.Event | None = None,
) -> Outcome:
    """Run a program that ends with its tests; "passed" only if it got to its end.

    text: the whole program, tests included; Java and C++ with their main. A Java text without a
    main method is "not compiled". Raises InputError for an unknown language.
    """
    _check(language)
    try:
        how = recipe_with_end(language, text, limits)
    except InputError as error:
        return Outcome(status="not compiled", stderr=str(error))
    token = secrets.token_hex(16)
    outcome = run_program(
        sandbox, how.files, how.commands, limits, stdin=f"{token}\n", cancel=cancel
    )
    before, found, after = outcome.stdout.partition(token)
    shown = dataclasses.replace(outcome, stdout=(before.rstrip("\n") + after).strip("\n"))
    if outcome.passed and not found:
        return dataclasses.replace(shown, status="ended early")
    return shown


def run_text(
    sandbox: Sandbox, language: str, text: str, limits: Limits, *, stdin: str = ""
) -> Outcome:
    """Run a program as it is. InputError for an unknown language or Java without a main method."""
    _check(language)
    how = recipe(language, text, limits)
    return run_program(sandbox, how.files, how.commands, limits, stdin=stdin)


def recipe_with_end(language: str, text: str, limits: Limits) -> Recipe:
    """As `recipe`, with the lines that copy the token after the end."""
    if language == "python":
        return recipe(language, text + "\n" + PYTHON_END, limits)
    if language == "javascript":
        return recipe(language, text + "\n" + JAVASCRIPT_END, limits)
    if language == "cpp":
        files = {"main.cpp": text, "end.cpp": CPP_END}
        compiling = ["g++", "-std=c++20", "-O0", "-w", "-Wl,--wrap=main", "main.cpp", "end.cpp"]
        return Recipe(files=files, commands=[[*compiling, "-o", "main"], ["./main"]])
    main = java_main(text)
    files = {f"{main}.java": text, "TestsReached.java": JAVA_END.replace("MAIN", main)}
    return Recipe(
        files=files, commands=java_commands("TestsReached", [main, "TestsReached"], limits)
    )


def _check(language: str) -> None:
    if language not in LABELS:
        raise InputError(
            f"Programs in {language!r} cannot be run; the languages are {', '.join(LABELS)}."
        )
