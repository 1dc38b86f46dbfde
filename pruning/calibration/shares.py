"""The groups of a run as units of work: which are one process's share, and which are done."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pruning.errors import InputError
from pruning.machine.locks import claim, turn
from pruning.machine.storage import storage_errors
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats


@dataclass(frozen=True, kw_only=True)
class Share:
    """Part `number` (from 1) of `count` equal parts of a run's groups."""

    number: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise InputError(
                f"There is no share {self.number} of {self.count}; they are numbered from 1."
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @classmethod
    def parse(cls, text: str) -> Share:
        """ "2/5" -> the second of five shares."""
        match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if match is None:
            raise InputError(f"A share is written like 2/5, the second of five, not {text!r}.")
        return cls(number=int(match[1]), count=int(match[2]))


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One group of one domain's documents; sequences: its rows in the domain's tokens."""

    domain: str
    group: int
    of: int
    sequences: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.domain}, group {self.group + 1} of {self.of}"


class Work:
    """All units of a run, whoever does them, in the order of domains and groups."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.folder = run.folder / "partial"
        self.units = tuple(unit for domain in run.domains for unit in _units(run, domain))

    def share(self, share: Share) -> tuple[Unit, ...]:
        """The units of one share; all shares together have each unit once."""
        return self.units[share.number - 1 :: share.count]

    def path(self, unit: Unit) -> Path:
        """Where the unit's sums are until those of the whole domain are there."""
        return self.folder / unit.domain / f"{unit.group}.safetensors"

    def parked_path(self, unit: Unit) -> Path:
        """Where its hidden states are between two layers of a model that is streamed."""
        return self.folder / unit.domain / f"{unit.group}.parked"

    def is_done(self, unit: Unit) -> bool:
        """Whether its sums are on disk."""
        return self.run.stats_path(unit.domain).exists() or self.path(unit).exists()

    def left(self, units: Sequence[Unit]) -> list[Unit]:
        """Those that are not done."""
        return [unit for unit in units if not self.is_done(unit)]

    def sums(self, unit: Unit) -> ChannelStats:
        """The sums of a unit that is done: one group."""
        if self.path(unit).exists():
            return ChannelStats.load(self.path(unit))
        groups = [each.group for each in self.units if each.domain == unit.domain]
        stats = ChannelStats.load(self.run.stats_path(unit.domain))
        return stats.subset([groups.index(unit.group)])

    @contextlib.contextmanager
    def claimed(self, units: Sequence[Unit], most: int | None) -> Iterator[list[Unit]]:
        """Inside, up to `most` of the units (None: all) that no other process is at work on."""
        with contextlib.ExitStack() as held:
            mine: list[Unit] = []
            for unit in units:
                lock = self.folder / unit.domain / f"{unit.group}.lock"
                if len(mine) == most or self.is_done(unit) or not claim(lock, held):
                    continue
                if not self.is_done(unit):  # by one who has just let go of it
                    mine.append(unit)
            yield mine

    def finish(self, **facts: object) -> bool:
        """If every group is done, put each domain's sums in one file and call the run done.

        facts: further entries of the manifest, such as the seconds it took. Returns whether the
        run is done.
        """
        with turn(self.folder / "finish.lock"):
            for domain in self.run.domains:
                units = [unit for unit in self.units if unit.domain == domain]
                if not self.run.stats_path(domain).exists() and not self.left(units):
                    parts = [ChannelStats.load(self.path(unit)) for unit in units]
                    ChannelStats.stack(parts).save(self.run.stats_path(domain))
            if self.left(self.units):
                return False
            note(self.run, status="done", **facts)
            with storage_errors(self.folder):
                shutil.rmtree(self.folder, ignore_errors=True)
        return True


def note(run: Run, **changes: object) -> None:
    """Change the manifest, which other processes may change as well; a finished run stays so."""
    with turn(run.folder / "partial" / "manifest.lock"):
        run.refresh()
        if run.status != "done":
            run.write_manifest(**changes)


def _units(run: Run, domain: str) -> Iterator[Unit]:
    groups = run.tokens(domain).group
    numbers = [int(group) for group in np.unique(groups)]
    for group in numbers:
        rows = tuple(int(row) for row in np.flatnonzero(groups == group))
        yield Unit(domain=domain, group=group, of=len(numbers), sequences=rows)
