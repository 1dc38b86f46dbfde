"""The library as pages use it: the workspace, and results kept by run and spec.

Imports that bring torch along wait until something is really computed, so that a first page is
quick. What is kept between clicks is keyed by ids and hashes, never by arrays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pruning.errors import AtlasError
from pruning.jobs.queue import JobQueue
from pruning.machine.paths import workspace_folder
from pruning.specs import PruneSpec, WeightKey

if TYPE_CHECKING:
    from analysis.evaluation.spec import EvaluationSpec
    from analysis.evaluation.table import EvaluationTable
    from analysis.overlap.owners import Owners
    from analysis.overlap.table import OverlapTable
    from pruning.masks.mask import Mask
    from pruning.runs.run import Run
    from pruning.runs.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class _Root:
    root: Path


def workspace_root() -> Path:
    """The workspace folder of this server; made if it is not there."""
    root = workspace_folder()
    root.mkdir(parents=True, exist_ok=True)
    return root


def workspace() -> Workspace:
    """The workspace of this server."""
    from pruning.runs.workspace import Workspace

    return Workspace(workspace_root())


def queue() -> JobQueue:
    """The queue of this workspace."""
    return JobQueue(_Root(root=workspace_root()))


def finished_runs() -> list[Run]:
    """Runs that can be looked at, the newest first."""
    return [run for run in workspace().runs() if run.status == "done"]


def overlap(run: Run, prune: PruneSpec) -> OverlapTable:
    """The overlap table of a run, computed once for a spec."""
    return _overlap(str(run.folder), run.manifest.updated, _text(prune))


def parts(run: Run, prune: PruneSpec, of: str) -> tuple[OverlapTable, Owners]:
    """The overlap table of whole parts, and whose they are, computed once for a spec."""
    return _parts(str(run.folder), run.manifest.updated, _text(prune), of)


def masks(run: Run, prune: PruneSpec, key: WeightKey) -> dict[str, Mask]:
    """Domain -> mask of one weight matrix."""
    return _masks(str(run.folder), run.manifest.updated, _text(prune), str(key))


def evaluation(run: Run, spec: EvaluationSpec, created: float) -> EvaluationTable:
    """A stored evaluation, made at `created`, with its intervals computed once."""
    return _evaluation(str(run.folder), created, json.dumps(spec.to_json()))


def _text(prune: PruneSpec) -> str:
    return json.dumps(prune.to_json())


def _prune(text: str) -> PruneSpec:
    return PruneSpec.from_json(json.loads(text))


@st.cache_resource(max_entries=64, show_spinner=False)
def _overlap(folder: str, updated: float, prune: str) -> OverlapTable:
    from analysis.overlap.table import overlap_table
    from pruning.runs.run import Run

    return overlap_table(Run(Path(folder)), _prune(prune))


@st.cache_resource(max_entries=32, show_spinner=False)
def _parts(folder: str, updated: float, prune: str, of: str) -> tuple[OverlapTable, Owners]:
    from analysis.overlap.owners import owners
    from analysis.overlap.part_scores import overlap_of_parts, part_scores
    from pruning.runs.run import Run

    spec = _prune(prune)
    scores = part_scores(Run(Path(folder)), of, spec)
    return overlap_of_parts(scores, spec), owners(scores, spec)


@st.cache_resource(max_entries=8, show_spinner=False)
def _masks(folder: str, updated: float, prune: str, key: str) -> dict[str, Mask]:
    from pruning.masks.making import run_masks
    from pruning.runs.run import Run

    run, spec = Run(Path(folder)), _prune(prune)
    wanted = [weight for weight in run.weights if str(weight.key) == key]
    if spec.allocation == "uniform":  # no other weight has a say in it
        run = Run(Path(folder), inputs={weight.input_key for weight in wanted})
    (_, found), *_ = run_masks(run, spec, weights=wanted)
    return found


@st.cache_resource(max_entries=16, show_spinner="Reading what was measured")
def _evaluation(folder: str, created: float, spec: str) -> EvaluationTable:
    from analysis.evaluation.spec import EvaluationSpec
    from analysis.evaluation.table import stored_table
    from pruning.runs.run import Run

    table = stored_table(Run(Path(folder)), EvaluationSpec.from_json(json.loads(spec)))
    if table is None:
        raise AtlasError("This evaluation is not there any more; reload the page.")
    return table
