"""The playground as a server sees it: a line of requests, and one process that answers them.

The process is started for the first request, keeps its model for the next ones, and is ended when
another model is asked for, after some idle minutes, or with the server. What it wrote is kept by
the request's id, so that whoever asked may go away and come back.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from analysis.playground.records import Event, GenerationSpec, Passage
from pruning.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[2]
IDLE_SECONDS = 600.0  # after which the model's memory is given back
PATIENCE_SECONDS = 10.0  # between asking a generation to stop and ending the process
MOST_WAITING = 20
MOST_KEPT = 60  # generations that can be found again

Status = Literal["waiting", "running", "done", "stopped", "failed"]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A request and what has come of it so far.

    before: generations that are answered first. stage: what is being prepared, in words, and
    writing: for which passage. failure: a sentence.
    """

    id: str
    spec: GenerationSpec
    model: str
    status: Status
    passages: tuple[Passage, ...]
    before: int = 0
    stage: str = ""
    writing: int = 0
    failure: str = ""
    stop_asked: bool = False

    @property
    def active(self) -> bool:
        """Whether more may come."""
        return self.status in ("waiting", "running")


class Playground:
    """Safe to use from many threads. Every method returns at once."""

    def __init__(
        self,
        root: Path,
        *,
        idle_seconds: float = IDLE_SECONDS,
        patience: float = PATIENCE_SECONDS,
        command: Sequence[str] | None = None,
    ) -> None:
        """root: the workspace's folder. command: what is run instead of the worker, in tests."""
        self._command = command or (sys.executable, "-m", "analysis.playground.worker", str(root))
        self._idle_seconds = idle_seconds
        self._patience = patience
        self._lock = threading.RLock()
        self._kept: OrderedDict[str, Generation] = OrderedDict()
        self._waiting: deque[str] = deque()
        self._active: str | None = None
        self._process: subprocess.Popen[str] | None = None
        self._model = ""  # that the process holds
        self._idle: threading.Timer | None = None

    def submit(self, spec: GenerationSpec, model: str) -> str:
        """Put a request in line; returns its id.

        model: names the run's model; while it stays the same the process is kept. InputError if
        too many wait already.
        """
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise InputError(
                    f"{len(self._waiting)} requests wait for the playground; try it again later."
                )
            identifier = uuid.uuid4().hex[:12]
            self._kept[identifier] = Generation(
                id=identifier,
                spec=spec,
                model=model,
                status="waiting",
                passages=(Passage(),) * (1 + len(spec.submodels)),
            )
            self._waiting.append(identifier)
            self._forget()
            self._next()
        return identifier

    def view(self, identifier: str) -> Generation | None:
        """A request as it is now; None if it is not known, or not any more."""
        with self._lock:
            found = self._kept.get(identifier)
            if found is None or found.status != "waiting":
                return found
            before = self._waiting.index(identifier) + (self._active is not None)
            return replace(found, before=before)

    def stop(self, identifier: str) -> None:
        """End a request, whatever it is doing. What was written stays."""
        with self._lock:
            found = self._kept.get(identifier)
            if found is None or not found.active or found.stop_asked:
                return
            if found.status == "waiting":
                self._waiting.remove(identifier)
                self._change(identifier, status="stopped")
                return
            self._change(identifier, stop_asked=True)
            self._write({"stop": identifier})
            self._later(self._patience, self._insist, identifier)

    def close(self) -> None:
        """End the process and forget who waits."""
        with self._lock:
            for identifier in self._waiting:
                self._change(identifier, status="stopped")
            self._waiting.clear()
            self._end_process()

    @property
    def process_id(self) -> int | None:
        """Of the process that holds the model, if there is one."""
        with self._lock:
            return self._process.pid if self._process is not None else None

    def _next(self) -> None:
        """Begin what waits first, unless something is under way; the lock is held."""
        if self._active is not None:
            return
        if self._idle is not None:
            self._idle.cancel()
        if not self._waiting:
            self._idle = self._later(self._idle_seconds, self._rest)
            return
        found = self._kept[self._waiting.popleft()]
        if self._model != found.model:
            self._end_process()
        if self._process is None:
            try:
                self._start_process(found.model)
            except OSError as error:
                sentence = f"The playground's process cannot be started: {error.strerror}."
                self._change(found.id, status="failed", failure=sentence)
                return
        self._active = found.id
        self._change(found.id, status="running", stage="starting")
        self._write({"id": found.id, "spec": found.spec.to_json()})

    def _start_process(self, model: str) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._model = model
        reader = threading.Thread(
            target=self._read, args=(self._process,), name="playground", daemon=True
        )
        reader.start()

    def _end_process(self) -> None:
        """Kill it: it has nothing to lose. What it was doing counts as stopped."""
        process, self._process, self._model = self._process, None, ""
        if process is not None:
            process.kill()
        if self._active is not None:
            self._change(self._active, status="stopped")
            self._active = None

    def _write(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except OSError:  # it has died; its reader tells what of
            logger.info("the playground's process does not listen any more")

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Take in what a process writes, until it ends."""
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith("\n"):  # else it was killed in the middle of it
                self._take(process, json.loads(line))
        status = process.wait()
        with self._lock:
            if process is self._process:
                self._ended(status)
            _close(process)

    def _take(self, process: subprocess.Popen[str], message: dict[str, Any]) -> None:
        with self._lock:
            identifier = message["id"]
            if process is not self._process or identifier != self._active:
                return
            found = self._kept[identifier]
            if "event" in message:
                event = Event.from_json(message["event"])
                self._change(
                    identifier,
                    passages=event.add_to(found.passages),
                    stage=event.stage or "",
                    writing=event.passage,
                )
                return
            if "failed" in message:
                self._change(identifier, status="failed", failure=message["failed"])
            else:
                stopped = any(passage.ended == "stopped" for passage in found.passages)
                self._change(identifier, status="stopped" if stopped else "done")
            self._active = None
            self._next()

    def _ended(self, status: int) -> None:
        """The process has died by itself; the lock is held."""
        self._process, self._model = None, ""
        logger.error("the playground's process ended with status %d", status)
        if self._active is not None:
            self._change(self._active, status="failed", failure=_why(status))
            self._active = None
        self._next()

    def _insist(self, identifier: str) -> None:
        """A generation that did not stop when asked is stopped with its process."""
        with self._lock:
            if identifier == self._active:
                self._end_process()
                self._next()

    def _rest(self) -> None:
        with self._lock:
            if self._active is None and not self._waiting:
                self._end_process()

    def _later(self, seconds: float, what: Any, *arguments: Any) -> threading.Timer:
        timer = threading.Timer(seconds, what, arguments)
        timer.daemon = True
        timer.start()
        return timer

    def _change(self, identifier: str, **changes: Any) -> None:
        found = replace(self._kept[identifier], **changes)
        if found.status in ("stopped", "failed"):  # nothing more comes of what is not complete
            ended = tuple(replace(each, ended=each.ended or "stopped") for each in found.passages)
            found = replace(found, passages=ended)
        self._kept[identifier] = found

    def _forget(self) -> None:
        """Drop the oldest of those that are over."""
        for identifier in [each.id for each in self._kept.values() if not each.active]:
            if len(self._kept) <= MOST_KEPT:
                return
            del self._kept[identifier]


def _why(status: int) -> str:
    if status == -9:
        return (
            "The playground's process was killed, most likely because the machine's memory ran "
            "out. Choose a smaller model, or wait until other work on this machine has ended."
        )
    return "The playground's process ended unexpectedly. Ask again: it starts anew."


def _close(process: subprocess.Popen[str]) -> None:
    for stream in (process.stdin, process.stdout):
        try:
            if stream is not None:
                stream.close()
        except OSError:  # a dead process leaves unread what was written to it last
            logger.debug("the playground's process had not read everything")
