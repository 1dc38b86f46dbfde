"""A program counts as passed only if it got to its end; and plain programs are run as they are."""

from __future__ import annotations

import pytest

from analysis.execution import Limits, Sandbox, run_tested, run_text
from analysis.execution.checking import recipe_with_end
from analysis.execution.languages import java_main, recipe
from pruning.errors import InputError
from tests.analysis.sandboxed import SMALL, sandbox_or_skip

pytestmark = pytest.mark.program


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandbox_or_skip()


def test_the_token_is_not_shown(sandbox: Sandbox) -> None:
    outcome = run_tested(sandbox, "python", "print('before', end='')\nassert True", SMALL)
    assert (outcome.status, outcome.stdout) == ("passed", "before")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("import os\nos._exit(0)\nassert False", "ended early"),
        ("import sys\nsys.exit(0)\nassert False", "ended early"),
        ("exit()\nassert False", "ended early"),
        ("import os\nos.close(1)\nassert True", "failed"),
        ("import atexit, os\natexit.register(lambda: os._exit(0))\nassert False", "ended early"),
        ("print('0' * 32)\nraise SystemExit(0)", "ended early"),
        ("assert False", "failed"),
        ("raise SystemExit(3)", "failed"),
        ("import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])", "ended early"),
    ],
)
def test_leaving_with_status_0_does_not_pass(sandbox: Sandbox, text: str, status: str) -> None:
    assert run_tested(sandbox, "python", text, SMALL).status == status


def test_a_program_that_eats_its_input_does_not_pass(sandbox: Sandbox) -> None:
    assert run_tested(sandbox, "python", "input()", SMALL).status == "ended early"


def test_java_without_a_main_method_is_not_compiled(sandbox: Sandbox) -> None:
    outcome = run_tested(sandbox, "java", "class A { int b; }", SMALL)
    assert outcome.status == "not compiled"
    assert "no class with a method" in outcome.stderr
    with pytest.raises(InputError, match="no class with a method"):
        run_text(sandbox, "java", "class A { int b; }", SMALL)


def test_a_plain_program_runs_with_its_input(sandbox: Sandbox) -> None:
    outcome = run_text(sandbox, "python", "print(int(input()) + 1)", SMALL, stdin="41\n")
    assert (outcome.status, outcome.stdout) == ("passed", "42\n")
    with pytest.raises(InputError, match="the languages are"):
        run_text(sandbox, "cobol", "", SMALL)
    with pytest.raises(InputError, match="the languages are"):
        run_tested(sandbox, "cobol", "", SMALL)


@pytest.mark.parametrize(
    ("text", "main"),
    [
        ("class A {}\nclass B { public static void main(String[] a) {} }\nclass C {}", "B"),
        ("public class Main {\n  static int f() { return 1; }\n  public static void main(", "Main"),
    ],
)
def test_the_class_that_holds_main(text: str, main: str) -> None:
    assert java_main(text) == main
    assert f"{main}.java" in recipe("java", text, Limits()).files


@pytest.mark.parametrize("language", ["python", "cpp", "javascript"])
def test_what_is_added_reads_the_token_and_does_not_hold_it(language: str) -> None:
    plain, tested = recipe(language, "text", Limits()), recipe_with_end(language, "text", Limits())
    assert "".join(tested.files.values()).count("text") == 1
    assert len(tested.commands) == len(plain.commands)


def test_heaps_follow_the_memory_limit() -> None:
    limits = Limits(memory=256 << 20)
    text = "class A { public static void main(String[] a) {} }"
    compiling, running = recipe("java", text, limits).commands
    assert "-J-Xmx128m" in compiling
    assert "-Xmx128m" in running
    assert "--max-old-space-size=128" in recipe("javascript", "", limits).commands[0]
