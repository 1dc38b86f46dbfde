"""What a program may use, and how its run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pruning.errors import InputError

MEBIBYTE = 1 << 20
Status = Literal[
    "passed",
    "failed",
    "not compiled",
    "timeout",
    "out of memory",
    "too much output",
    "disk full",
    "ended early",
]
IN_WORDS: dict[Status, str] = {
    "passed": "It passed every test.",
    "failed": "It failed a test, or stopped with an error.",
    "not compiled": "The compiler refused it.",
    "timeout": "It ran out of time.",
    "out of memory": "It asked for more memory than it may have.",
    "too much output": "It printed more than it may.",
    "disk full": "It wrote more than it may.",
    "ended early": "It ended before its tests had run.",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one sandbox.

    seconds: wall time of the program; its processor time may be one second more.
    compile_seconds: the same for each command before it. memory: bytes that all its processes hold
    together, and that each may reserve for data. processes: with their threads. disk: bytes of the
    throw-away folder, and of any file. files: in that folder. output: bytes of stdout and stderr.
    """

    seconds: float = 10.0
    compile_seconds: float = 120.0
    memory: int = 1024 * MEBIBYTE
    processes: int = 64
    disk: int = 64 * MEBIBYTE
    files: int = 2048
    output: int = MEBIBYTE

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 3600 or not 0 < self.compile_seconds <= 3600:
            raise InputError("A program's time limit is more than 0 and at most 3600 seconds.")
        if self.memory < 64 * MEBIBYTE:
            raise InputError("A program's memory limit is at least 64 MiB.")
        if self.processes < 1 or self.files < 16:
            raise InputError("A program needs at least 1 process and 16 files.")
        if self.disk < 65536 or self.output < 0:
            raise InputError(
                "A program's folder holds at least 64 KiB, its output 0 bytes or more."
            )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended; of the output the beginning is kept.

    code: exit status of the last command that ran, or the signal that ended it. seconds: wall time
    of the last command that ran.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    code: int = 0

    @property
    def passed(self) -> bool:
        """Whether every command ended with exit status 0 and nothing was missing."""
        return self.status == "passed"

    @property
    def sentence(self) -> str:
        """The status as a sentence."""
        return IN_WORDS[self.status]
