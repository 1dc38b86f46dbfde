"""Which tests `make quick` leaves out: told by the fixtures they use and by marks in their files.

A test without a mark that starts a program of its own fails at once, so that the marks stay true.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

# fixture -> the mark of every test that uses it
OF_FIXTURE = {
    "browser": "browser",
    "open_page": "page",
    "puppet": "process",
    "sandbox": "program",
    "sleeper": "process",
    "supervisor": "process",
}
MAY_START = ("browser", "process", "program", "slow", "gpu")
PROGRAMS = ("python", "bwrap", "unshare", "podman", "docker", "chromium", "torchrun")


def mark(items: Sequence[pytest.Item]) -> None:
    """Mark the collected tests by their fixtures."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in OF_FIXTURE:
                item.add_marker(OF_FIXTURE[fixture])


def refuse_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the test ends, starting Python, a browser or a sandbox fails it and says why."""
    start = subprocess.Popen.__init__

    def checked(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        program = Path(args if isinstance(args, str | Path) else args[0]).name
        if program.startswith(PROGRAMS):
            _fail(program)
        start(self, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", checked)
    monkeypatch.setattr(BaseProcess, "start", lambda self: _fail(self.name))


def _fail(program: str) -> None:
    pytest.fail(f"this test starts {program}: mark it `process` or `program` (tests/marks.py)")
