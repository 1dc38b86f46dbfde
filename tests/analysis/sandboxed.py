"""Running small Python programs in this machine's sandbox, for tests."""

from __future__ import annotations

import textwrap

import pytest

from analysis.execution import Limits, Outcome, Sandbox, run_program, survey

MIB = 1 << 20
SMALL = Limits(seconds=40, memory=128 * MIB, processes=24, disk=4 * MIB, output=64 << 10)


def sandbox_or_skip() -> Sandbox:
    """The machine's sandbox; where it has none, the test is skipped with the reason."""
    found = survey()
    if found.sandbox is None:
        pytest.skip(found.refusal)
    return found.sandbox


def python(sandbox: Sandbox, text: str, limits: Limits = SMALL, *, stdin: str = "") -> Outcome:
    """Run a Python program in the sandbox."""
    files = {"main.py": textwrap.dedent(text)}
    return run_program(sandbox, files, [["{python}", "-I", "main.py"]], limits, stdin=stdin)


def printed_only(outcome: Outcome, *words: str) -> bool:
    """Whether the program ran to its end and printed nothing but these words."""
    return outcome.passed and set(outcome.stdout.split()) <= set(words)
