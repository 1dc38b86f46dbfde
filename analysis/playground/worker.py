"""The playground's process: one model in memory, one generation at a time, told by lines of JSON.

`python -m analysis.playground.worker WORKSPACE` reads from stdin `{"id", "spec"}` (a generation)
and `{"stop": id}`, and writes to stdout `{"id", "event"}` (a step), `{"id", "failed"}` (a sentence)
and `{"id", "done"}`. It ends with its parent: when that goes, however it goes, stdin is at its end.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import threading
from pathlib import Path
from queue import Queue
from typing import IO, Any

from pruning.commands.console import quiet_libraries
from pruning.errors import AtlasError
from pruning.machine.resources import out_of_memory

logger = logging.getLogger(__name__)


class Inbox:
    """Requests in the order they came, and the ids that are to stop, read beside the work."""

    def __init__(self, lines: IO[str]) -> None:
        self.requests: Queue[dict[str, Any]] = Queue()
        self._stopped: set[str] = set()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def is_stopped(self, identifier: str) -> bool:
        """Whether this generation is to stop."""
        return identifier in self._stopped

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            message = json.loads(line)
            if "stop" in message:
                self._stopped.add(message["stop"])
            else:
                self.requests.put(message)
        os._exit(0)  # whoever asked is gone; nothing that is under way is of use to anybody


class Worker:
    """Answers requests with whatever model they need, holding one at a time."""

    def __init__(self, root: Path, inbox: Inbox, out: IO[str]) -> None:
        self.root = root
        self.inbox = inbox
        self.out = out
        self._engine: Any = None
        self._model: tuple[str, str] | None = None  # fingerprint, specification

    def answer(self, request: dict[str, Any]) -> None:
        """One generation, from its first step to "done", or to a sentence that says what failed."""
        identifier = request["id"]
        try:
            self._generate(identifier, request["spec"])
        except (ValueError, AtlasError) as error:
            self._send(identifier, failed=str(error))
        except Exception as error:
            logger.exception("a generation failed")
            self._send(identifier, failed=self._sentence(error))
        else:
            self._send(identifier, done=True)

    def _generate(self, identifier: str, data: dict[str, Any]) -> None:
        from analysis.playground.engine import Engine
        from analysis.playground.records import Event, GenerationSpec
        from pruning.runs.workspace import Workspace

        spec = GenerationSpec.from_json(data)
        run = Workspace(self.root).run(spec.run)
        run.require_done()
        model = (run.manifest.fingerprint, run.spec.model.content_hash())
        if model != self._model:
            self._send(identifier, event=Event(passage=0, stage="loading the model").to_json())
            self._engine = self._model = None
            gc.collect()
            self._engine, self._model = Engine.of_run(run), model

        def stop() -> bool:
            return self.inbox.is_stopped(identifier)

        for event in self._engine.generate(run, spec, stop):
            self._send(identifier, event=event.to_json())

    def _sentence(self, error: Exception) -> str:
        if out_of_memory(error):
            self._engine = self._model = None
            gc.collect()
            return "Memory ran out; choose a smaller model or write a shorter prompt."
        return (
            f"Something unexpected happened in the playground ({type(error).__name__}). Try it "
            "again; if it happens again, the server's log says where."
        )

    def _send(self, identifier: str, **what: Any) -> None:
        print(json.dumps({"id": identifier, **what}), file=self.out, flush=True)


def main() -> None:
    """Answer until stdin ends."""
    quiet_libraries()
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints spoils no answer
    inbox = Inbox(sys.stdin)
    worker = Worker(Path(sys.argv[1]), inbox, out)
    while True:
        worker.answer(inbox.requests.get())


if __name__ == "__main__":
    main()
