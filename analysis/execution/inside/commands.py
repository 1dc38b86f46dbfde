"""Runs one command under limits, watches it, and leaves no process behind."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import time
from pathlib import Path
from typing import Any

from analysis.execution.inside.syscalls import Filter

WATCH_S = 0.02  # between two looks at memory, files and the clock
CHUNK = 1 << 16
OPEN_FILES = 256
RESERVE = 32
PAGE = os.sysconf("SC_PAGE_SIZE")
MEMINFO = Path("/proc/meminfo")


class Runner:
    """Runs the commands of a job. limits: the fields of `Limits`; work: the folder to run in."""

    def __init__(self, limits: dict[str, Any], environment: dict[str, str], work: Path) -> None:
        self.limits, self.environment, self.work = limits, environment, work
        self.filter = Filter()

    def run(self, command: list[str], stdin: str, *, last: bool) -> dict[str, Any]:
        """Run one command to its end, or to that of its limits; then end all it has started.

        Returns ended (exit | signal | time | memory | disk | output), code (exit status or
        signal), stdout, stderr, seconds. Of the output no more than the limit is kept.
        """
        began = time.monotonic()
        seconds = self.limits["seconds" if last else "compile_seconds"]
        child, pipes = self._start(command, stdin, seconds)
        watch = _Watch(child, pipes, self.limits, began + seconds)
        try:
            ended, code = watch.until_end()
        finally:
            end_all()
        watch.drain()
        if ended == "exit" and watch.said_too_much():
            ended = "output"
        return {
            "ended": ended,
            "code": code,
            "stdout": watch.text(pipes[0]),
            "stderr": watch.text(pipes[1]),
            "seconds": time.monotonic() - began,
        }

    def _start(self, command: list[str], stdin: str, seconds: float) -> tuple[int, tuple[int, int]]:
        """Start the command with stdin in a pipe; returns its process, and where its output is."""
        given, into = os.pipe()
        os.set_blocking(into, False)
        with contextlib.suppress(BlockingIOError):
            os.write(into, stdin.encode("utf-8", "replace"))
        os.close(into)
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                for target, source in enumerate((given, out_write, err_write)):
                    os.dup2(source, target)
                os.closerange(3, OPEN_FILES)
                self._confine(seconds)
                os.execvpe(command[0], command, self.environment)
            except BaseException as error:
                os.write(2, f"{command[0]}: {error}".encode())
            finally:
                os._exit(127)
        for descriptor in (given, out_write, err_write):
            os.close(descriptor)
        for descriptor in (out_read, err_read):
            os.set_blocking(descriptor, False)
        return child, (out_read, err_read)

    def _confine(self, seconds: float) -> None:
        """In the new process: a session, limits and a filter of its own, for good."""
        os.setsid()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(each, signal.SIG_DFL)
        cpu = int(seconds) + 1
        for kind, soft, hard in (
            (resource.RLIMIT_CPU, cpu, cpu + 1),
            (resource.RLIMIT_DATA, self.limits["memory"], self.limits["memory"]),
            (resource.RLIMIT_NPROC, self.limits["processes"], self.limits["processes"]),
            (resource.RLIMIT_FSIZE, self.limits["disk"], self.limits["disk"]),
            (resource.RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
            (resource.RLIMIT_CORE, 0, 0),
            (resource.RLIMIT_MEMLOCK, 0, 0),
        ):
            resource.setrlimit(kind, (soft, hard))
        self.filter.apply()


class _Watch:
    """Reads what a process says, and looks at the clock, the memory and the disk meanwhile."""

    def __init__(
        self, child: int, pipes: tuple[int, int], limits: dict[str, Any], deadline: float
    ) -> None:
        self.child, self.limits, self.deadline = child, limits, deadline
        self.said: dict[int, bytearray] = {pipe: bytearray() for pipe in pipes}
        self.open = set(pipes)
        self.status: int | None = None

    def until_end(self) -> tuple[str, int]:
        """How it ended, and with which exit status or signal."""
        poll = select.poll()
        for pipe in self.open:
            poll.register(pipe, select.POLLIN)
        handle = os.pidfd_open(self.child)
        poll.register(handle, select.POLLIN)
        try:
            while True:
                for ready, _ in poll.poll(WATCH_S * 1000):
                    if ready in self.open and not self._read(ready):
                        poll.unregister(ready)
                self._reap()
                if self.status is not None:
                    return self._ended(self.status)
                if why := self._exceeded():
                    return why, signal.SIGKILL
        finally:
            os.close(handle)

    def drain(self) -> None:
        """Read what is left in the pipes and close them."""
        for pipe in self.said:
            while pipe in self.open and not self.said_too_much():
                if not self._read(pipe):
                    break
            os.close(pipe)

    def text(self, pipe: int) -> str:
        """What came through a pipe, as far as the limit goes."""
        return self.said[pipe][: self.limits["output"]].decode("utf-8", "replace")

    def said_too_much(self) -> bool:
        """Whether more came through the pipes than the limit allows."""
        return sum(map(len, self.said.values())) > self.limits["output"]

    def _read(self, pipe: int) -> bool:
        """Read a piece; False at the end, or, for what has ended, when there is nothing more."""
        try:
            piece = os.read(pipe, CHUNK)
        except BlockingIOError:
            piece = b""
            if self.status is None:
                return True
        self.said[pipe] += piece
        if not piece:
            self.open.discard(pipe)
        return bool(piece)

    def _reap(self) -> None:
        """Collect what has ended: the command itself, and orphans, which fall to process 1."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == self.child:
                    self.status = status
                if pid == 0:
                    return

    def _ended(self, status: int) -> tuple[str, int]:
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return ("time" if number == signal.SIGXCPU else "signal"), number
        return "exit", os.WEXITSTATUS(status)

    def _exceeded(self) -> str:
        """Which limit is passed; an empty text if none is."""
        if time.monotonic() > self.deadline:
            return "time"
        if self.said_too_much():
            return "output"
        if (
            resident() > self.limits["memory"]
            and resident(shared_once=True) > self.limits["memory"]
        ):
            return "memory"
        if machine_is_full():
            return "memory"
        disk = os.statvfs("/tmp")
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        if used > self.limits["disk"] or disk.f_files - disk.f_ffree > self.limits["files"]:
            return "disk"
        return ""


def resident(*, shared_once: bool = False) -> int:
    """Bytes of memory that all processes but this one hold.

    Without shared_once, memory that several processes share counts for each: quick, and never less.
    """
    total = 0
    for name in os.listdir("/proc"):
        if not name.isdigit() or name == "1":
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            if shared_once:
                rolled = Path("/proc", name, "smaps_rollup").read_text()
                total += 1024 * int(rolled.split("\nPss:")[1].split()[0])
            else:
                total += PAGE * int(Path("/proc", name, "statm").read_text().split()[1])
    return total


def machine_is_full() -> bool:
    """Whether the machine has less than a part in RESERVE of its memory left.

    This stops what fills memory that belongs to no process, such as the buffers of sockets.
    """
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
    total, left = (int(lines[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return left * RESERVE < total


def end_all() -> None:
    """Kill every process of the sandbox but this one, until there is none left."""
    if os.getpid() != 1:
        raise OSError("only the first process of a process namespace may end all others")
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
