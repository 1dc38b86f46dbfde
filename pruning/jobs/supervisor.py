"""The supervisor: starts the queue's jobs one after the other and sees how each one ends.

It is a thread of the app's server. Of all servers on one workspace only one supervises, held by
a file lock; when that server goes, another takes over. A worker is a process of its own session.
It inherits a lock on its `alive` file, so that whether it (or a process it started) still lives
can be told by any later server, whatever process ids were used again in between.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pruning.jobs.progress_file import PROGRESS_VARIABLE
from pruning.jobs.queue import HasRoot, JobQueue
from pruning.jobs.records import Job, Status, read_error
from pruning.machine.locks import try_lock
from pruning.machine.paths import PROJECT_FOLDER, WORKSPACE_VARIABLE

POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0  # between asking a worker to end and killing it
EXIT_CANCELLED = 130
INTERRUPTED = "The server stopped while this job ran; start it again to go on."

logger = logging.getLogger(__name__)
_supervisors: dict[Path, Supervisor] = {}
_guard = threading.Lock()


def start_supervisor(workspace: HasRoot) -> Supervisor:
    """Supervise this workspace's queue from this process; calling it again changes nothing."""
    root = Path(workspace.root).resolve()
    with _guard:
        if root not in _supervisors or _supervisors[root].stopped:
            supervisor = Supervisor(workspace)
            supervisor.start()
            atexit.register(supervisor.stop)
            _supervisors[root] = supervisor
        return _supervisors[root]


class Worker:
    """A job's process: a child of this server, or one that an earlier server left behind."""

    def __init__(
        self, job_id: str, folder: Path, pid: int | None, child: subprocess.Popen[bytes] | None
    ) -> None:
        self.job_id = job_id
        self.folder = folder
        self.pid = pid
        self.child = child
        self.asked_to_end: float | None = None
        self.killed = False

    @classmethod
    def spawn(cls, job: Job, workspace_root: Path) -> Worker:
        """Start the job's command in a session of its own, its output going to its folder."""
        environment = os.environ | {
            PROGRESS_VARIABLE: str(job.folder / "progress.json"),
            WORKSPACE_VARIABLE: str(workspace_root.resolve()),
            "PYTHONUNBUFFERED": "1",
        }
        with (
            open(job.folder / "stdout", "wb") as stdout,
            open(job.folder / "stderr", "wb") as stderr,
            open(job.folder / "alive", "wb") as alive,
        ):
            try_lock(alive)
            child = subprocess.Popen(
                [sys.executable, *job.argv],
                cwd=PROJECT_FOLDER,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=(alive.fileno(),),
            )
        return cls(job.id, job.folder, child.pid, child)

    def ended(self) -> bool:
        """Whether the process is gone."""
        if self.child is not None:
            return self.child.poll() is not None
        return not is_alive(self.folder)

    @property
    def exit_status(self) -> int | None:
        """Negative: the signal it died of. None: an earlier server's worker, so nobody knows."""
        return self.child.returncode if self.child is not None else None

    def ask_to_end(self, grace: float) -> None:
        """SIGTERM to its process group at the first call, SIGKILL when the grace has passed."""
        now = time.monotonic()
        if self.asked_to_end is None:
            self.asked_to_end = now
            self.signal(signal.SIGTERM)
        elif now - self.asked_to_end >= grace and not self.killed:
            self.killed = True
            self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the worker and everything it started."""
        if self.pid is not None and not self.ended():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def sweep(self) -> None:
        """Kill what the process started and left running when it ended."""
        if self.child is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, signal.SIGKILL)


class Supervisor:
    """One thread that runs the jobs of one workspace."""

    def __init__(self, workspace: HasRoot, *, grace: float = GRACE_SECONDS) -> None:
        self.queue = JobQueue(workspace)
        self.grace = grace
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job supervisor", daemon=True)
        self._worker: Worker | None = None

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the running worker, mark its job as interrupted, and hand the lock on."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self.grace + 5)

    @property
    def stopped(self) -> bool:
        """Whether it has been told to stop; it does not begin again."""
        return self._stopping.is_set()

    def _run(self) -> None:
        with open(self.queue.root / "jobs.lock", "wb") as lock:
            while not try_lock(lock):
                if self._stopping.wait(1.0):
                    return
            self._repeat(self._look_for_left_behind)
            while not self._stopping.is_set():
                self._repeat(self._tick)
                self._stopping.wait(POLL_SECONDS)
            self._repeat(self._end_worker)

    def _repeat(self, step: Callable[[], None]) -> None:
        """Do a step; when it fails (a full disk, a locked database), wait and do it again."""
        while True:
            try:
                step()
                return
            except Exception:  # whatever it is, the queue must not stand still for ever
                logger.exception("The job queue in %s failed; trying again.", self.queue.root)
                if self._stopping.wait(1.0):
                    return

    def _look_for_left_behind(self) -> None:
        """A job that an earlier server marked as running: its process may live on or be gone."""
        if found := self.queue.running():
            job_id, pid = found
            self._worker = Worker(job_id, self.queue.folder / job_id, pid, None)

    def _tick(self) -> None:
        if self._worker is None:
            job = self.queue.start_next()
            if job is None:
                return
            try:
                self._worker = Worker.spawn(job, self.queue.root)
            except OSError as error:
                self.queue.finish(job.id, "failed", error=f"The job cannot be started: {error}.")
                return
            if self._worker.pid is not None:
                self.queue.set_worker(job.id, self._worker.pid)
        worker = self._worker
        cancelled = self.queue.cancel_wanted(worker.job_id)
        if worker.ended():
            worker.sweep()
            self._note_end(worker, cancelled)
            self._worker = None
        elif cancelled:
            worker.ask_to_end(self.grace)

    def _note_end(self, worker: Worker, cancelled: bool) -> None:
        result = read_result(worker.folder / "stdout")
        exit_status = worker.exit_status
        if exit_status is None and read_error(worker.folder / "progress.json"):
            exit_status = 1  # nobody saw it end, but it said what went wrong
        status, error = judge(exit_status, cancelled, result is not None)
        if status == "failed" and error is None:
            error = last_line(worker.folder / "stderr") or (
                f"The worker process ended with status {worker.exit_status} and said nothing."
            )
        self.queue.finish(worker.job_id, status, result=result, error=error)

    def _end_worker(self) -> None:
        """The server stops: its worker too, so that no process stays that nobody sees."""
        worker = self._worker
        if worker is None:
            return
        while not worker.ended():
            worker.ask_to_end(self.grace)
            time.sleep(POLL_SECONDS)
        worker.sweep()
        cancelled = self.queue.cancel_wanted(worker.job_id)
        self._note_end(worker, cancelled)
        self._worker = None


def judge(exit_status: int | None, cancelled: bool, printed: bool) -> tuple[Status, str | None]:
    """(status, sentence) for how a worker ended; no sentence when its own stderr has one."""
    if exit_status == 0 or (exit_status is None and printed):
        return "done", None
    if cancelled:
        return "cancelled", None
    if exit_status is None or exit_status in (EXIT_CANCELLED, -signal.SIGTERM, -signal.SIGINT):
        return "interrupted", INTERRUPTED
    if exit_status == -signal.SIGKILL:
        return "failed", (
            "The worker process was killed (signal 9), most likely because memory ran out; "
            "choose a smaller model, dtype, sequence length or batch size and start it again."
        )
    if exit_status < 0:
        name = signal.Signals(-exit_status).name
        return "failed", f"The worker process crashed ({name}); its folder keeps what it wrote."
    return "failed", None


def is_alive(folder: Path) -> bool:
    """Whether a job's process, or one that it started, still holds the lock on its folder."""
    try:
        with open(folder / "alive", "rb") as file:
            return not try_lock(file)
    except FileNotFoundError:
        return False


def read_result(file: Path) -> dict[str, Any] | None:
    """The JSON object that a command printed last on its standard output."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
    for candidate in (text, text.rpartition("\n")[2]):
        with suppress(ValueError):
            value = json.loads(candidate)
            return value if isinstance(value, dict) else {"value": value}
    return None


def last_line(file: Path) -> str | None:
    """The last line with anything on it, at most 2000 characters of it."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.strip()[:2000] for line in reversed(lines) if line.strip()), None)
