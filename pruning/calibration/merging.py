"""Bringing together what several workspaces hold of one run, in any order, any number of times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pruning.calibration.shares import Work, note
from pruning.errors import InputError
from pruning.machine.locks import CREATING, turn
from pruning.machine.storage import atomic_json, storage_errors
from pruning.progress import Meter, Report, ignore
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.runs.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What became of one run. added: groups that were not there before; missing: that still are."""

    run: Run
    added: int
    missing: int


def merge(
    sources: Sequence[Path], workspace: Workspace, report: Report = ignore
) -> tuple[Merged, ...]:
    """Take over the sums of every run in other workspaces; a run that is complete is finished.

    sources: workspace folders, or folders of single runs, which are only read. A run's id stands
    for weights, choices and tokens, so what has one id belongs together. Raises InputError for a
    source without a run, AtlasError for files that are damaged.
    """
    found = [(run, source) for source in sources for run in _runs_in(source, workspace)]
    meter = Meter(report, "Merging", len(found))
    before: dict[str, int] = {}
    for run, source in found:
        target = _counterpart(run, workspace)
        with target.lock(shared=True):
            work = Work(target)
            before.setdefault(target.id, len(work.left(work.units)))
            _take_over(Work(run), work)
            if target.weights:
                work.finish()
        meter.step(f"run {run.id} of {source}")
    merged = []
    for run_id, missing_before in before.items():
        work = Work(workspace.run(run_id))
        missing = len(work.left(work.units))
        merged.append(Merged(run=work.run, added=missing_before - missing, missing=missing))
    return tuple(merged)


def _runs_in(source: Path, workspace: Workspace) -> Iterator[Run]:
    folder = source.expanduser().resolve()
    found = [folder] if (folder / "run.json").is_file() else []
    found += sorted(path.parent for path in folder.glob("runs/*/run.json"))
    if not found:
        raise InputError(f"{source} holds no run; name a workspace, or the folder of a run in one.")
    if workspace.runs_folder in (folder / "runs", folder.parent):
        raise InputError(f"{source} is the workspace to merge into; name another one.")
    return (Run(each) for each in found)


def _counterpart(run: Run, workspace: Workspace) -> Run:
    """The run of the same id in the workspace, made if it is not there."""
    folder = workspace.runs_folder / run.id
    with turn(workspace.root / CREATING):
        if not (folder / "run.json").exists():
            with storage_errors(folder / "run.json"):
                for domain in run.domains:
                    run.tokens(domain).save(folder / "tokens" / f"{domain}.safetensors")
            atomic_json(folder / "run.json", {**run.manifest.to_json(), "status": "running"})
    return Run(folder)


def _take_over(source: Work, target: Work) -> None:
    """Copy what the target lacks: the sums of groups and of whole domains, and the weights' list."""
    for domain in source.run.domains:
        theirs, ours = source.run.stats_path(domain), target.run.stats_path(domain)
        if theirs.exists() and not ours.exists():
            ChannelStats.load(theirs).save(ours)
    for unit in target.left(target.units):
        if source.path(unit).exists():
            ChannelStats.load(source.path(unit)).save(target.path(unit))
    if source.run.weights and not target.run.weights:
        note(target.run, weights=source.run.manifest.weights)
