"""Where a person sees progress: a bar on a terminal, or lines in a log."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from pruning.progress import Progress, Report

LINE_SECONDS = 30.0  # between two lines in a log


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
