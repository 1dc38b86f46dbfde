"""Submodel Atlas as a library: from a model and domains to evidence and sub-models in five lines.

    import submodel_atlas as atlas

    run = atlas.calibrate("demo", ["python", "math"], samples=16, length=128)
    atlas.overlap(run, sparsity=0.5)
    atlas.evidence(run, sparsity=0.5)
    out = atlas.export(run, {"python": 1.0}, "exports/python-50", sparsity=0.5)
    assert atlas.verify(out).ok

Plain strings, numbers, lists and dicts are taken wherever a spec is; specs are taken too. What comes
back shows itself, in a notebook and in a terminal. The same packages do the work as in the app and
on the command line, and keep it in the same workspace. What can go wrong is in `pruning.errors`,
with the tree of exceptions; all of them are here by name.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.evidence.comparisons import EvidenceSpec as EvidenceSpec
    from pruning.errors import AtlasError as AtlasError
    from pruning.errors import Cancelled as Cancelled
    from pruning.errors import InputError as InputError
    from pruning.errors import TooFewDocumentsError as TooFewDocumentsError
    from pruning.models.hub_errors import UnreachableError as UnreachableError
    from pruning.progress import Progress as Progress
    from pruning.runs.run import Run as Run
    from pruning.runs.workspace import Workspace as Workspace
    from pruning.specs import CalibrationSpec as CalibrationSpec
    from pruning.specs import DomainSpec as DomainSpec
    from pruning.specs import ExportSpec as ExportSpec
    from pruning.specs import ModelSpec as ModelSpec
    from pruning.specs import PruneSpec as PruneSpec
    from pruning.specs import SampleSpec as SampleSpec
    from submodel_atlas.calls import calibrate as calibrate
    from submodel_atlas.calls import evidence as evidence
    from submodel_atlas.calls import export as export
    from submodel_atlas.calls import overlap as overlap
    from submodel_atlas.calls import verify as verify
    from submodel_atlas.results import Evidence as Evidence
    from submodel_atlas.results import Export as Export
    from submodel_atlas.results import Overlap as Overlap
    from submodel_atlas.results import Verification as Verification

# public name -> the module that defines it
_HOMES = {
    "AtlasError": "pruning.errors",
    "CalibrationSpec": "pruning.specs",
    "Cancelled": "pruning.errors",
    "DomainSpec": "pruning.specs",
    "Evidence": "submodel_atlas.results",
    "EvidenceSpec": "analysis.evidence.comparisons",
    "Export": "submodel_atlas.results",
    "ExportSpec": "pruning.specs",
    "InputError": "pruning.errors",
    "ModelSpec": "pruning.specs",
    "Overlap": "submodel_atlas.results",
    "Progress": "pruning.progress",
    "PruneSpec": "pruning.specs",
    "Run": "pruning.runs.run",
    "SampleSpec": "pruning.specs",
    "TooFewDocumentsError": "pruning.errors",
    "UnreachableError": "pruning.models.hub_errors",
    "Verification": "submodel_atlas.results",
    "Workspace": "pruning.runs.workspace",
    "calibrate": "submodel_atlas.calls",
    "evidence": "submodel_atlas.calls",
    "export": "submodel_atlas.calls",
    "overlap": "submodel_atlas.calls",
    "verify": "submodel_atlas.calls",
}
__all__ = [
    "AtlasError",
    "CalibrationSpec",
    "Cancelled",
    "DomainSpec",
    "Evidence",
    "EvidenceSpec",
    "Export",
    "ExportSpec",
    "InputError",
    "ModelSpec",
    "Overlap",
    "Progress",
    "PruneSpec",
    "Run",
    "SampleSpec",
    "TooFewDocumentsError",
    "UnreachableError",
    "Verification",
    "Workspace",
    "calibrate",
    "evidence",
    "export",
    "overlap",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
