"""The first process of the sandbox: writes the files, runs the commands, ends whatever is left.

Reads a job as JSON from stdin and writes a report as JSON to stdout. As process 1 of its process
namespace it cannot be killed from inside, and everything else in the sandbox ends with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from analysis.execution.inside.commands import Runner
from analysis.execution.inside.syscalls import PR_SET_NO_NEW_PRIVS

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
WORK = Path("/tmp/program")


def main() -> None:
    """Do one job. Exits with a sentence on stderr where the sandbox is not what it should be."""
    if os.getpid() != 1:  # or `kill(-1)` would reach processes outside
        sys.exit("the launcher must be the first process of a process namespace of its own")
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(each, signal.SIG_IGN)
    job = json.load(sys.stdin)
    become_nobody(job["uid"])
    write_files(job["files"])
    runner = Runner(job["limits"], job["environment"], WORK)
    steps: list[dict[str, Any]] = []
    for number, command in enumerate(job["commands"]):
        last = number == len(job["commands"]) - 1
        steps.append(runner.run(command, job["stdin"] if last else "", last=last))
        if steps[-1]["ended"] != "exit" or steps[-1]["code"] != 0:
            break
    json.dump({"steps": steps}, sys.stdout)
    sys.stdout.flush()


def become_nobody(uid: int) -> None:
    """Give up being root, end with the parent, and be opaque to the programs that are run.

    Root of the machine gets the number `uid`, which no account has: limits of processes count by
    user, and do not bind root.
    """
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    for option, value in (
        (PR_SET_NO_NEW_PRIVS, 1),
        (PR_SET_DUMPABLE, 0),  # nobody else reads its memory or its open files
        (PR_SET_PDEATHSIG, signal.SIGKILL),
    ):
        if libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero):
            raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def write_files(files: dict[str, str]) -> None:
    """Write the texts of a job into the throw-away folder."""
    WORK.mkdir()
    for name, text in files.items():
        path = WORK / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    os.chdir(WORK)
