"""The test program of a task: it calls the program and exits 0 if every answer is right.

What is right is what the Python rendering of the same representation answers: the renderings of
all languages and styles must agree with it.
"""

from __future__ import annotations

import random
from typing import Any

from demo.texts.programs.inputs import Inputs
from demo.texts.programs.ir import Class, Function, Param, Program
from demo.texts.programs.literals import LITERALS, spelled
from demo.texts.programs.meaning import Spec
from demo.texts.programs.printers import printer

CASES = 14
LARGEST = 2**31 - 1
PLACE = "{program}"

JAVA_HEAD = "import java.util.*;\nimport java.util.stream.*;\n\n"
JAVA_CHECK = """\
    static void expect(Object answer, Object expected) {
        if (!answer.equals(expected)) {
            throw new AssertionError(answer + " is not " + expected);
        }
    }

    public static void main(String[] arguments) {
"""
CPP_HEADERS = "algorithm cctype cmath cstdlib functional iterator map numeric set sstream string utility vector"
CPP_HEAD = "".join(f"#include <{name}>\n" for name in CPP_HEADERS.split()) + "\n"
JAVASCRIPT_CHECK = """\
const show = (value) => JSON.stringify(value, (_, v) => (v instanceof Map ? [...v].sort() : v));
const expect = (answer, expected) => {
  if (show(answer) !== show(expected)) {
    throw new Error(`${show(answer)} is not ${show(expected)}`);
  }
};
"""
# A call: the method (empty for the function itself), its arguments, and what it must answer.
Step = tuple[str, list[Any], Any]


def fits(value: Any) -> bool:
    """Tell whether every number of an answer fits 32 bits."""
    if isinstance(value, dict):
        return all(map(fits, value.values()))
    if isinstance(value, list):
        return all(map(fits, value))
    return not isinstance(value, int) or abs(value) <= LARGEST


def load(program: Program) -> Any:
    """Execute the Python rendering and return the function or class it defines."""
    space: dict[str, Any] = {}
    exec("".join(printer("python").program(program)), space)
    return space[program.name]


def function_steps(function: Function, spec: Spec, rng: random.Random) -> list[Step]:
    """Return calls of a function with its answers."""
    inputs, answer = Inputs(spec, rng), load(function)
    steps: list[Step] = []
    for _ in range(CASES * 5):
        arguments = inputs.arguments(function.params)
        expected = answer(*arguments)
        if fits(expected) and ("", arguments, expected) not in steps:
            steps.append(("", arguments, expected))
        if len(steps) == CASES:
            break
    return steps


def class_steps(program: Class, spec: Spec, rng: random.Random) -> list[Step]:
    """Return a sequence of method calls of one object with their answers."""
    inputs, thing = Inputs(spec, rng), load(program)()
    steps: list[Step] = []
    for number in range(CASES * 3):
        method = (
            program.methods[number]
            if number < len(program.methods)
            else rng.choice(program.methods)
        )
        arguments = inputs.arguments(method.params)
        steps.append((method.name, arguments, getattr(thing, method.name)(*arguments)))
    return steps


def steps_of(program: Program, spec: Spec, seed: str) -> list[Step]:
    """Return the calls that test a program, the same for every language."""
    rng = random.Random(seed)
    if isinstance(program, Class):
        return class_steps(program, spec, rng)
    return function_steps(program, spec, rng)


def signature_of(program: Program, method: str) -> tuple[tuple[Param, ...], str]:
    """Return the parameters and the returned type of a call."""
    if isinstance(program, Function):
        return program.params, program.returns
    found = next(m for m in program.methods if m.name == method)
    return found.params, found.returns


def test_program(language: str, program: Program, steps: list[Step]) -> str:
    """Write the test program, with `{program}` where the tested program stands."""
    calls = []
    for method, arguments, expected in steps:
        params, returns = signature_of(program, method)
        literal = LITERALS[language]
        given = ", ".join(literal(a, p.type) for a, p in zip(arguments, params, strict=True))
        name = f"tested.{spelled(language, method)}" if method else spelled(language, program.name)
        wanted = None if returns == "none" else literal(expected, returns)
        calls.append((f"{name}({given})", wanted))
    whole = isinstance(program, Class)
    writer = {"python": _python, "java": _java, "cpp": _cpp, "javascript": _javascript}[language]
    return writer(calls, program.name if whole else "")


Calls = list[tuple[str, str | None]]


def _python(calls: Calls, name: str) -> str:
    lines = [f"tested = {name}()"] if name else []
    lines += [call if want is None else f"assert {call} == {want}" for call, want in calls]
    return "\n".join([PLACE, "", *lines, ""])


def _java(calls: Calls, name: str) -> str:
    lines = [f"{name} tested = new {name}();"] if name else []
    lines += [f"{call};" if want is None else f"expect({call}, {want});" for call, want in calls]
    main = JAVA_CHECK + "".join(f"        {line}\n" for line in lines) + "    }\n}\n"
    place = f"{PLACE}\nclass Main {{\n" if name else f"class Main {{\n{PLACE}\n"
    return JAVA_HEAD + place + main


def _cpp(calls: Calls, name: str) -> str:
    lines = [f"{name} tested;"] if name else []
    lines += [
        f"{call};" if want is None else f"if (!({call} == {want})) return 1;"
        for call, want in calls
    ]
    body = "".join(f"    {line}\n" for line in lines)
    return f"{CPP_HEAD}{PLACE}\nint main() {{\n{body}    return 0;\n}}\n"


def _javascript(calls: Calls, name: str) -> str:
    lines = [f"const tested = new {name}();"] if name else []
    lines += [f"{call};" if want is None else f"expect({call}, {want});" for call, want in calls]
    return "\n".join([PLACE, JAVASCRIPT_CHECK, *lines, ""])
