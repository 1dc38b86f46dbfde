"""A command line timed from outside, and its result as a text file."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pruning.commands.console import Answer
from pruning.commands.options import add_json
from pruning.errors import AtlasError

RESULTS = Path(__file__).resolve().parent / "results"
REPOSITORY = Path(__file__).resolve().parents[1]
LIBRARIES = ("torch", "numpy")


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One process. wall, processor: seconds; processor counts all threads. peak: bytes."""

    wall: float
    processor: float
    peak: int
    output: str

    def __str__(self) -> str:
        return (
            f"{self.wall:.1f} s ({self.processor:.1f} s of processor time), "
            f"at most {self.peak / 1e9:.2f} GB in memory"
        )


def timed(arguments: Sequence[str]) -> Timed:
    """Run `python -m ARGUMENTS` in a process of its own. AtlasError where it fails."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AtlasError(f"`python -m {' '.join(arguments)}` ended with {process.returncode}.")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return Timed(
        wall=time.monotonic() - started,
        processor=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss * unit,
        output=output,
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """--results and --json."""
    parser.add_argument(
        "--results", type=Path, default=RESULTS, metavar="DIR", help="default: bench/results"
    )
    add_json(parser)


def machine() -> str:
    """Processors, memory, versions, and how busy the machine was before."""
    busy = os.getloadavg()[0]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{os.cpu_count()} processors, {memory / 1e9:.0f} GB of memory, "
        f"{platform.system()}, Python {platform.python_version()}, {libraries}\n"
        f"load average over the minute before: {busy:.1f}"
    )


def result(arguments: argparse.Namespace, name: str, command: str, lines: Sequence[str]) -> Answer:
    """Write results/NAME.txt; returns the same as the command's answer."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    text = "\n".join([f"{command}", day, arguments.machine, "", *lines, ""])
    arguments.results.mkdir(parents=True, exist_ok=True)
    path = arguments.results / f"{name}.txt"
    path.write_text(text, encoding="utf-8")
    return Answer(data={"file": str(path), "lines": list(lines)}, shown=[text, f"Wrote {path}"])
