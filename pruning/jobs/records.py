"""What is known of one job, and the `progress.json` that its command writes."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pruning.progress import Progress

Status = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
ACTIVE: tuple[Status, ...] = ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job as it was when asked for; times are seconds since 1970.

    argv: what follows `python`. position: how many jobs run or wait before it, 0 when it runs,
    None when it has ended. result: what the command printed as JSON. error: one sentence;
    error_details: {"kind": the exception's name, "message": ...} and, for a TooFewDocumentsError,
    "available" and "needed", if the command noted them.
    """

    id: str
    kind: str
    title: str
    argv: tuple[str, ...]
    status: Status
    progress: Progress | None
    result: dict[str, Any] | None
    error: str | None
    error_details: dict[str, Any] | None
    created: float
    started: float | None
    finished: float | None
    position: int | None
    cancel_asked: float | None
    folder: Path

    @property
    def active(self) -> bool:
        """Whether it still waits or runs."""
        return self.status in ACTIVE


def read_progress(file: Path) -> Progress | None:
    """The last progress that a command wrote; None if there is none."""
    data = _read_json(file)
    names = [field.name for field in dataclasses.fields(Progress)]
    return Progress(**{name: data[name] for name in names}) if data.keys() >= set(names) else None


def read_error(file: Path) -> dict[str, Any] | None:
    """What a command noted about its failure; None if there is none."""
    return _read_json(file).get("error")


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
