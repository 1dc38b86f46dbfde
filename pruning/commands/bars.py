"""Where reports of progress go: a job's file, a bar on a terminal, or lines in a log."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from pruning.errors import TooFewDocumentsError
from pruning.progress import Progress, Report

PROGRESS_VARIABLE = "SUBMODEL_ATLAS_PROGRESS"
FILE_SECONDS = 0.2  # between two writes of the job's file
LINE_SECONDS = 30.0  # between two lines in a log


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


@contextlib.contextmanager
def progress_bar(console: Console) -> Iterator[Report]:
    """One bar for the whole of each stage, with the time left."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[detail]}", style="dim", markup=False),
    )
    tasks: dict[str, Any] = {}
    with Bar(*columns, console=console) as bar:

        def report(progress: Progress) -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = bar.add_task(progress.stage, left="", detail="")
            bar.update(
                tasks[progress.stage],
                completed=progress.done,
                total=progress.total,
                detail=progress.detail,
                left=time_left(progress.seconds_left),
            )

        yield report


def plain_lines(stream: TextIO) -> Report:
    """A line at the beginning of each stage, and one every half minute."""
    stage: str | None = None
    written = 0.0

    def report(progress: Progress) -> None:
        nonlocal stage, written
        now = time.monotonic()
        if progress.stage == stage and now - written < LINE_SECONDS:
            return
        stage, written = progress.stage, now
        parts = (progress.detail, time_left(progress.seconds_left))
        words = ", ".join(part for part in parts if part)
        count = f"{progress.done}/{progress.total}"
        print(f"{stage}: {count}{f' ({words})' if words else ''}", file=stream, flush=True)

    return report


def time_left(seconds: float | None) -> str:
    """ "about 3 min left"; empty when nobody knows."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min left"
    return f"about {seconds / 3600:.1f} h left"
