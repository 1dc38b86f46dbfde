"""A job's `progress.json`: how far its command is, written by the command and read by the app."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any

from pruning.errors import TooFewDocumentsError
from pruning.progress import Progress

PROGRESS_VARIABLE = "SUBMODEL_ATLAS_PROGRESS"
FILE_SECONDS = 0.2  # between two writes of the job's file


class ProgressFile:
    """A job's `progress.json`: the last progress and, in the end, what kind of error there was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last: Progress | None = None
        self._written = 0.0

    @classmethod
    def from_environment(cls) -> ProgressFile | None:
        """The file that the supervisor asked for; None where nobody did."""
        path = os.environ.get(PROGRESS_VARIABLE)
        return cls(Path(path)) if path else None

    def write(self, progress: Progress) -> None:
        """Note progress: every new stage and last step, else at most five times a second."""
        now = time.monotonic()
        same_stage = self._last is not None and self._last.stage == progress.stage
        self._last = progress
        if same_stage and progress.done < progress.total and now - self._written < FILE_SECONDS:
            return
        self._written = now
        self._replace(dataclasses.asdict(progress))

    def write_error(self, sentence: str, error: BaseException) -> None:
        """Note what went wrong, with the numbers of a TooFewDocumentsError."""
        data: dict[str, Any] = {"kind": type(error).__name__, "message": sentence}
        if isinstance(error, TooFewDocumentsError):
            data |= {"available": error.available, "needed": error.needed}
        progress = dataclasses.asdict(self._last) if self._last else {}
        self._replace(progress | {"error": data})

    def _replace(self, data: dict[str, Any]) -> None:
        """Whole or not at all. A full disk must not stop the work for the sake of its progress."""
        partial = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            partial.write_text(json.dumps(data), encoding="utf-8")
            partial.replace(self.path)
