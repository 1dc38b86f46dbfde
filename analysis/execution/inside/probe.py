"""Runs inside a sandbox that is on trial: looks whether what is promised holds; prints JSON."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from pathlib import Path


def interfaces() -> list[str]:
    """The network interfaces that this process sees."""
    lines = Path("/proc/self/net/dev").read_text().splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]


def connects() -> bool:
    """Whether a socket towards any address can be had."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as each:
            each.connect(("127.0.0.1", 9))
    except OSError:
        return False
    return True


def writes(folder: str) -> bool:
    """Whether a file can be made in a folder."""
    try:
        with open(os.path.join(folder, "submodel-atlas-probe"), "w"):
            return True
    except OSError:
        return False


def forks(most: int) -> int:
    """How many processes can be started, trying at most `most`."""
    for started in range(most):
        try:
            if os.fork() == 0:
                time.sleep(60)
                os._exit(0)
        except OSError:
            return started
    return most


def main() -> None:
    """Print what was found, as a JSON object: a promise, and whether it holds."""
    told = json.load(sys.stdin)
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    first = ""
    with contextlib.suppress(OSError):
        first = Path("/proc/1/environ").read_text()
    found = {
        "files hidden": not any(os.path.exists(path) for path in told["secret_files"]),
        "environment hidden": set(os.environ) <= set(told["environment"]) and not first,
        "processes hidden": len([name for name in os.listdir("/proc") if name.isdigit()]) <= 4,
        "network gone": set(interfaces()) <= {"lo"} and not connects(),
        "system read-only": not any(map(writes, ("/", "/usr", "/etc", "/dev", "/proc"))),
        "not root": os.getuid() != 0 and int(status["CapEff"], 16) == 0,
        "system calls filtered": status["Seccomp"] == "2" and status["NoNewPrivs"] == "1",
        "processes limited": 1 <= forks(4 * told["processes"]) <= told["processes"],
    }
    print(json.dumps(found))


main()
