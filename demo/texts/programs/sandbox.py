"""Runs a command within limits of time, memory, file size and (where the system lets us) network.

This is a *limited* sandbox for generated programs: it stops loops, floods of memory, processes and
files, and, on Linux where a user may make namespaces, it takes the network and the sight of other
processes away. The file system stays readable, and writable where the user may write: run no
program with it that somebody hostile may have written.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GIGABYTE = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended: its exit status (None: it ran out of time) and what it wrote."""

    status: int | None
    output: str
    errors: str


@cache
def isolation() -> tuple[str, ...]:
    """Return the command prefix that takes the network away; empty where it is not permitted."""
    prefix = ("unshare", "-r", "-n", "-p", "-f", "--kill-child", "--mount-proc")
    if shutil.which("unshare") is None:
        return ()
    tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()


def limits(*, seconds: int, memory: int | None) -> tuple[str, ...]:
    """Return the command prefix that limits CPU seconds, address space in bytes, and files."""
    if shutil.which("prlimit") is None:
        return ()
    prefix = ["prlimit", f"--cpu={seconds}", f"--fsize={64 << 20}", "--nproc=4096", "--core=0"]
    return (*prefix, f"--as={memory}") if memory else tuple(prefix)


def run(
    command: Sequence[str],
    folder: Path,
    *,
    timeout_s: float,
    memory: int | None = 4 * GIGABYTE,
) -> Ran:
    """Run a command in a folder within the limits; it and all it started end with the time.

    memory limits the address space in bytes; None for programs that reserve much more than they
    use (Java, Node).
    """
    prefix = (*isolation(), *limits(seconds=int(timeout_s) + 1, memory=memory))
    clean = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [*prefix, *command],
        cwd=folder,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return Ran(status=None, output="", errors=f"no answer within {timeout_s:g} s")
    return Ran(status=process.returncode, output=output, errors=errors)
