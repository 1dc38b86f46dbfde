"""Runs programs shut in, and says with what and how far they are shut in."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from analysis.execution.limits import Limits, Outcome, Status
from analysis.execution.mechanisms import Mechanism
from pruning.errors import AtlasError, Cancelled, InputError

STDIN_BYTES = 32 << 10  # must fit a pipe
GRACE_S = 20.0  # beyond the limits, until the sandbox itself is given up
LOOK_S = 0.1  # between two looks at whether the run is cancelled
FIRST_USER = 0x70000000  # numbers of users that no account has; one for each sandbox
GUARANTEES = (
    "no network, not even to this machine",
    "no sight of your files: only the system's programs and compilers, read-only",
    "no sight of other processes or of this program's environment",
    "a folder of its own in memory, gone afterwards, as is every process it has started",
    "limits of time, memory, processes, files and output",
)
MEMORY_WORDS = (
    "MemoryError",
    "bad_alloc",
    "OutOfMemoryError",
    "heap out of memory",
    "Cannot allocate memory",
    "Array buffer allocation failed",
    "insufficient memory for the Java Runtime",
)
FILE_TOO_LARGE = 25  # SIGXFSZ
_users = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A mechanism that was tried and holds. name: for a person; guarantees: what it promises."""

    mechanism: Mechanism
    name: str
    guarantees: tuple[str, ...] = GUARANTEES

    @property
    def kind(self) -> str:
        """The mechanism's word: bubblewrap, namespaces, podman, docker."""
        return self.mechanism.kind


def run_program(
    sandbox: Sandbox,
    files: Mapping[str, str],
    commands: Sequence[Sequence[str]],
    limits: Limits,
    *,
    stdin: str = "",
    cancel: threading.Event | None = None,
) -> Outcome:
    """Write files into a throw-away folder and run commands there, one after the other.

    files: text by path relative to the folder. commands: all but the last prepare (compile), under
    `compile_seconds`; the first that fails is the end. "{python}" stands for the sandbox's Python.
    stdin: for the last command, at most 32 KiB. cancel: when set, everything ends and Cancelled is
    raised. Raises InputError for a path outside the folder or no command; AtlasError if the sandbox
    itself cannot be started.
    """
    _check(files, commands, stdin)
    python = sandbox.mechanism.python()
    job = {
        "files": dict(files),
        "commands": [[python if p == "{python}" else p for p in each] for each in commands],
        "stdin": stdin,
        "limits": asdict(limits),
        "environment": sandbox.mechanism.environment(),
        "uid": FIRST_USER + (os.getpid() << 6) % 0xFFFFF00 + next(_users) % 64,
    }
    seconds = limits.seconds + limits.compile_seconds * (len(commands) - 1) + GRACE_S
    said = _converse(
        sandbox.mechanism.command(limits), json.dumps(job), seconds, cancel or threading.Event()
    )
    if said is None:  # the launcher itself was kept from its work
        return Outcome(status="timeout", seconds=seconds)
    answer, errors = said
    try:
        steps = json.loads(answer)["steps"]
    except (ValueError, KeyError, TypeError):
        words = " ".join(errors.split())[-300:] or "it said nothing"
        raise AtlasError(f"The sandbox ({sandbox.name}) gave no report: {words}.") from None
    return _outcome(steps, len(commands))


def _check(files: Mapping[str, str], commands: Sequence[Sequence[str]], stdin: str) -> None:
    if not commands or not all(commands):
        raise InputError("Give the sandbox at least one command.")
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
            raise InputError(f"{name!r} is no path within the sandbox's folder.")
    if len(stdin.encode("utf-8", "replace")) > STDIN_BYTES:
        raise InputError(f"A program's input is at most {STDIN_BYTES:,} bytes.")


def _converse(
    command: list[str], text: str, seconds: float, cancel: threading.Event
) -> tuple[str, str] | None:
    """Start a command, give it its stdin, and return what it says; it never outlives the call.

    None if it did not end in time.
    """
    deadline = time.monotonic() + seconds
    given: str | None = text
    with subprocess.Popen(
        command,
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            while True:
                try:
                    return process.communicate(given, timeout=LOOK_S)
                except subprocess.TimeoutExpired:
                    given = None  # it is under way
                if cancel.is_set():
                    raise Cancelled
                if time.monotonic() > deadline:
                    return None
        finally:
            process.kill()
            process.communicate()


def _outcome(steps: Sequence[Mapping[str, Any]], commands: int) -> Outcome:
    last = steps[-1]
    return Outcome(
        status=_status(last, compiling=len(steps) < commands),
        stdout=last["stdout"],
        stderr=last["stderr"],
        seconds=last["seconds"],
        code=last["code"],
    )


def _status(step: Mapping[str, Any], *, compiling: bool) -> Status:
    limits: dict[str, Status] = {
        "time": "timeout",
        "memory": "out of memory",
        "output": "too much output",
        "disk": "disk full",
    }
    if step["ended"] in limits:
        return limits[step["ended"]]
    if step["ended"] == "exit" and step["code"] == 0:
        return "passed"
    if step["ended"] == "signal" and step["code"] == FILE_TOO_LARGE:
        return "disk full"
    if any(words in step["stderr"] for words in MEMORY_WORDS):
        return "out of memory"
    return "not compiled" if compiling else "failed"
