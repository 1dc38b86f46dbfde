"""Where measured cells and tables are kept: run/evaluation/cell-*.json and table-*.json."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from analysis.evaluation.measures import Measured
from pruning.runs.kept import Kept

if TYPE_CHECKING:
    from pruning.runs.run import Run

FOLDER = "evaluation"


def has_cell(run: Run, name: str) -> bool:
    """Whether a cell has been measured."""
    return _cell(run, name).is_there()


def write_cell(run: Run, name: str, measured: Measured, *, seconds: float, device: str) -> None:
    """Keep what was measured."""
    record = {"seconds": seconds, "device": device, **measured.to_json()}
    _cell(run, name).write(record)


def read_cell(run: Run, name: str) -> Measured:
    """What was measured."""
    return _cell(run, name).read(Measured.from_json)


def seconds_per_cell(run: Run) -> float | None:
    """Median time that a cell of this run took; None if none was measured."""
    taken = sorted(
        Kept(path).read(lambda record: record["seconds"])
        for path in (run.folder / FOLDER).glob("cell-*.json")
    )
    return taken[len(taken) // 2] if taken else None


def write_table(run: Run, spec: dict[str, Any], cells: Sequence[dict[str, Any]]) -> None:
    """Note which cells make up the table of a spec."""
    _table(run, spec).write({"spec": spec, "created": time.time(), "cells": list(cells)})


def read_table(run: Run, spec: dict[str, Any]) -> dict[str, Any] | None:
    """The record of a table; None if it was not measured to its end, or a cell is gone."""
    return _table(run, spec).find(partial(_whole, run))


def tables(run: Run) -> list[dict[str, Any]]:
    """The records of all tables, the newest first."""
    paths = (run.folder / FOLDER).glob("table-*.json")
    records = [Kept(path).read(partial(_whole, run)) for path in paths]
    return sorted(
        (record for record in records if record), key=lambda record: -float(record["created"])
    )


def _whole(run: Run, record: dict[str, Any]) -> dict[str, Any] | None:
    return record if all(has_cell(run, cell["cell"]) for cell in record["cells"]) else None


def _cell(run: Run, name: str) -> Kept:
    return Kept(run.folder / FOLDER / f"cell-{name}.json")


def _table(run: Run, spec: dict[str, Any]) -> Kept:
    return Kept.of(run.folder / FOLDER, spec, "table-")
