"""Running programs: their input, output and status, and what cannot be run."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import pytest

from analysis.execution import Limits, Sandbox, run_program
from analysis.execution.inside import commands as commands_module
from analysis.execution.sandbox import STDIN_BYTES
from pruning.errors import AtlasError, Cancelled, InputError
from tests.analysis.sandboxed import SMALL, python, sandbox_or_skip

pytestmark = pytest.mark.program


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandbox_or_skip()


def test_a_program_runs_with_its_input_and_says_its_status(sandbox: Sandbox) -> None:
    outcome = python(sandbox, "import sys\nprint(input()[::-1])\nsys.exit(3)", stdin="abc\n")
    assert (outcome.status, outcome.code, outcome.stdout) == ("failed", 3, "cba\n")


def test_commands_run_in_turn_until_one_fails(sandbox: Sandbox) -> None:
    commands = [["{python}", "one.py"], ["{python}", "two.py"], ["{python}", "one.py"]]
    files = {"one.py": "print(1)", "deep/two.txt": "x", "two.py": "open('none')"}
    outcome = run_program(sandbox, files, commands, SMALL)
    assert outcome.status == "not compiled"
    assert "FileNotFoundError" in outcome.stderr


def test_text_that_is_no_unicode_is_written_all_the_same(sandbox: Sandbox) -> None:
    assert python(sandbox, "print(1)  # \ud800", stdin="\ud800").stdout == "1\n"


def test_a_missing_program_is_named(sandbox: Sandbox) -> None:
    outcome = run_program(sandbox, {}, [["no-such-tool"]], SMALL)
    assert (outcome.status, outcome.code) == ("failed", 127)
    assert "no-such-tool" in outcome.stderr


def test_output_of_a_program_that_ends_is_cut_off_as_well(sandbox: Sandbox) -> None:
    outcome = python(sandbox, "import sys\nsys.stderr.write('y' * 60_000)\nprint('x' * 20_000)")
    assert outcome.status == "too much output"


def test_a_cancelled_run_ends_at_once(sandbox: Sandbox) -> None:
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    with pytest.raises(Cancelled):
        run_program(
            sandbox,
            {"main.py": "import time\ntime.sleep(60)"},
            [["{python}", "main.py"]],
            Limits(seconds=60),
            cancel=cancel,
        )


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "", "a\0b"])
def test_files_stay_within_the_folder(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(InputError, match="no path within"):
        run_program(sandbox, {name: ""}, [["true"]], SMALL)


def test_what_cannot_be_run_is_said(sandbox: Sandbox) -> None:
    with pytest.raises(InputError, match="at least one command"):
        run_program(sandbox, {}, [], SMALL)
    with pytest.raises(InputError, match="at most"):
        python(sandbox, "", stdin="x" * (STDIN_BYTES + 1))


def test_a_sandbox_that_cannot_start_is_no_failure_of_the_program(sandbox: Sandbox) -> None:
    class Broken:
        kind = "broken"

        def __getattr__(self, name: str) -> object:
            return getattr(sandbox.mechanism, name)

        def command(self, limits: Limits) -> list[str]:
            return ["sh", "-c", "echo no such thing >&2; exit 1"]

    with pytest.raises(AtlasError, match="gave no report: no such thing"):
        python(Sandbox(mechanism=Broken(), name="broken"), "print(1)")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seconds": 0}, "time limit"),
        ({"compile_seconds": 1e9}, "time limit"),
        ({"memory": 1}, "memory limit"),
        ({"processes": 0}, "at least 1 process"),
        ({"disk": 1}, "folder"),
    ],
)
def test_limits_are_checked(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Limits(**wrong)


@pytest.mark.parametrize(("left", "full"), [(31, True), (32, False), (900, False)])
def test_a_machine_is_full_below_a_32nd_of_its_memory(
    left: int, full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(
        f"MemTotal:           1024 kB\nMemFree:               1 kB\nMemAvailable: {left} kB\n"
        "HugePages_Total:       0\n"
    )
    monkeypatch.setattr(commands_module, "MEMINFO", meminfo)
    assert commands_module.machine_is_full() is full


@pytest.mark.parametrize(("full", "exceeded"), [(True, "memory"), (False, "")])
def test_a_full_machine_ends_a_program_that_holds_nothing(
    full: bool, exceeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands_module, "machine_is_full", lambda: full)
    monkeypatch.setattr(commands_module, "resident", lambda **_: 0)
    limits = {"memory": 1, "output": 0, "disk": 1 << 62, "files": 1 << 62}
    watch = commands_module._Watch(0, (0, 1), limits, math.inf)
    assert watch._exceeded() == exceeded
