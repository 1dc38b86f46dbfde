"""Progress as data: what is being done, how far it is, how long it may still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One report. done/total count the whole job's steps; detail says where it is, in words."""

    stage: str
    done: int
    total: int
    detail: str = ""
    seconds_left: float | None = None


Report = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """The report of somebody who does not want any."""


@dataclass
class Meter:
    """Counts equal steps and reports each, with the time left estimated from the steps so far."""

    report: Report
    stage: str
    total: int
    done: int = 0
    started: float = field(default_factory=time.monotonic)
    _counted_from: int = 0

    def skip(self, steps: int) -> None:
        """Steps that were already done before: they do not enter the time estimate."""
        self.done += steps
        self._counted_from += steps

    def step(self, detail: str = "", steps: int = 1) -> None:
        """Report `steps` more done."""
        self.done += steps
        counted = self.done - self._counted_from
        elapsed = time.monotonic() - self.started
        left = elapsed / counted * (self.total - self.done) if counted else None
        self.report(
            Progress(
                stage=self.stage,
                done=self.done,
                total=self.total,
                detail=detail,
                seconds_left=left,
            )
        )
