"""The workspace folder is the only state: calibration runs, exported sub-models, jobs, uploads.

workspace/runs/<run id>/run.json                    the manifest
workspace/runs/<run id>/tokens/<domain>.safetensors the exact token ids
workspace/runs/<run id>/stats/<domain>.safetensors  the sums, per group
workspace/exports/<name>/                           a model folder that transformers loads
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pruning.checkpoints.headers import fingerprint
from pruning.checkpoints.weights import PrunableWeight, WeightReader
from pruning.domains import DomainOrigin
from pruning.domains.packing import TokenSample
from pruning.errors import AtlasError, InputError
from pruning.machine.paths import workspace_folder
from pruning.machine.storage import atomic_json, storage_errors
from pruning.models.sources import model_folder
from pruning.runs.statistics import ChannelStats
from pruning.specs import CalibrationSpec, WeightKey

SCHEMA_VERSION = 1


class Workspace:
    """The folder that holds everything; made when first used."""

    def __init__(self, root: Path | str | None = None) -> None:
        """root None: as `paths.workspace_folder` says."""
        self.root = workspace_folder(root)
        self.runs_folder = self.root / "runs"
        self.exports_folder = self.root / "exports"
        if self.root.exists() and not self.root.is_dir():
            raise InputError(f"The workspace {self.root} is a file; name a folder.")
        with storage_errors(self.runs_folder / "run"):
            self.runs_folder.mkdir(parents=True, exist_ok=True)
            self.exports_folder.mkdir(exist_ok=True)
        if not os.access(self.root, os.W_OK):
            raise AtlasError(
                f"{self.root} cannot be written; choose a folder you may write to (--workspace)."
            )

    def runs(self) -> list[Run]:
        """Every readable run, the newest first; `problems` tells of the others."""
        return sorted(self._read()[0], key=lambda run: run.manifest["created"], reverse=True)

    def problems(self) -> list[str]:
        """One sentence for each run that cannot be read: damaged, or of a newer version."""
        return self._read()[1]

    def _read(self) -> tuple[list[Run], list[str]]:
        runs, problems = [], []
        for folder in sorted(self.runs_folder.iterdir()):
            if folder.is_dir() and not folder.name.startswith("."):
                try:
                    runs.append(Run(folder))
                except (AtlasError, InputError) as error:
                    problems.append(str(error))
        return runs, problems

    def run(self, run_id: str) -> Run:
        """One run by its id, or by the beginning of it that names no other."""
        if not re.fullmatch(r"[0-9a-f]{1,64}", run_id):
            raise InputError(f"{run_id!r} is no run id; `python -m pruning runs` lists them.")
        matches = sorted(self.runs_folder.glob(f"{run_id}*/run.json"))
        if not matches:
            raise InputError(
                f"There is no run {run_id} in {self.runs_folder}; "
                "`python -m pruning runs` lists those there are."
            )
        if len(matches) > 1:
            raise InputError(f"{run_id} begins the id of {len(matches)} runs; write more of it.")
        return Run(matches[0].parent)

    def delete_run(self, run_id: str) -> None:
        """Remove a run. AtlasError while it is being calibrated."""
        run = self.run(run_id)
        with run.lock():
            hidden = self.runs_folder / f".deleted-{run.id}-{os.getpid()}"
            with storage_errors(hidden):
                run.folder.rename(hidden)
                shutil.rmtree(hidden)

    def exports(self) -> list[Path]:
        """The folders of finished exports, the newest first."""
        folders = [f.parent for f in self.exports_folder.glob("*/submodel.json")]
        shown = [folder for folder in folders if not folder.name.startswith(".")]
        return sorted(shown, key=lambda folder: folder.stat().st_mtime, reverse=True)


class Run:
    """One calibration run on disk. Only small files are read until statistics are asked for."""

    def __init__(self, folder: Path, inputs: Collection[WeightKey] | None = None) -> None:
        """Raises AtlasError where the manifest is missing, damaged or of a newer schema.

        inputs: the layer inputs whose sums `stats` reads, for a look at a few weights of a large
        model; None: all.
        """
        self.folder, self.inputs = folder, inputs
        self.id = folder.name
        path = folder / "run.json"
        try:
            self.manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            schema = self.manifest["schema"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AtlasError(f"{path} is missing or damaged; delete the run's folder.") from error
        if schema > SCHEMA_VERSION:
            raise AtlasError(
                f"Run {self.id} was written by a newer version (schema {schema}, this one reads "
                f"up to {SCHEMA_VERSION}); update Submodel Atlas to open it."
            )
        try:
            self._read_manifest()
        except (InputError, LookupError, TypeError, ValueError) as error:
            raise AtlasError(f"{path} is damaged ({error}); delete the run's folder.") from error

    def _read_manifest(self) -> None:
        self.spec = CalibrationSpec.from_json(self.manifest["spec"])
        self.status: str = self.manifest["status"]
        self.domains: tuple[str, ...] = tuple(domain.name for domain in self.spec.domains)
        self.weights: tuple[PrunableWeight, ...] = tuple(
            PrunableWeight.from_json(entry) for entry in self.manifest["weights"]
        )

    @property
    def layers(self) -> tuple[int, ...]:
        """The decoder layers that were calibrated."""
        return tuple(sorted({weight.key.layer for weight in self.weights}))

    @property
    def has_experts(self) -> bool:
        """Whether the model is a mixture of experts, of which some were calibrated."""
        return any(weight.key.expert is not None for weight in self.weights)

    @property
    def projections(self) -> tuple[str, ...]:
        """The projections that were calibrated, in the order of the model."""
        return tuple(dict.fromkeys(weight.key.projection for weight in self.weights))

    def require_done(self) -> None:
        """AtlasError unless calibration has finished."""
        if self.status != "done":
            raise AtlasError(
                f"Run {self.id} is not finished ({self.status}); start the same calibration "
                "again and it goes on where it stopped."
            )

    def check_domain(self, domain: str) -> None:
        """InputError for a domain that this run does not have."""
        if domain not in self.domains:
            raise InputError(
                f"Run {self.id} has no domain {domain!r}; it has {', '.join(self.domains)}."
            )

    def tokens_path(self, domain: str) -> Path:
        """Where a domain's token ids are."""
        return self.folder / "tokens" / f"{domain}.safetensors"

    def stats_path(self, domain: str) -> Path:
        """Where a domain's sums are."""
        return self.folder / "stats" / f"{domain}.safetensors"

    def tokens(self, domain: str) -> TokenSample:
        """The exact calibration tokens of a domain."""
        self.check_domain(domain)
        return TokenSample.load(self.tokens_path(domain))

    def stats(self, domain: str) -> ChannelStats:
        """The calibration statistics of a domain."""
        self.check_domain(domain)
        self.require_done()
        return ChannelStats.load(self.stats_path(domain), self.inputs)

    def origin(self, domain: str) -> DomainOrigin:
        """Where a domain's text came from when it was calibrated."""
        self.check_domain(domain)
        return DomainOrigin.from_json(self.manifest["domains"][domain]["origin"])

    def model_folder(self) -> Path:
        """The folder of the dense model; AtlasError if it is gone or has other weights now."""
        folder = model_folder(self.spec.model)
        if fingerprint(folder) != self.manifest["fingerprint"]:
            raise AtlasError(
                f"The model in {folder} is not the one that run {self.id} was calibrated on; "
                "bring that model back, or calibrate again."
            )
        return folder

    def weight_reader(self) -> WeightReader:
        """The dense weights, read one matrix at a time."""
        return WeightReader(self.model_folder(), self.weights)

    def refresh(self) -> None:
        """Read the manifest again, as another process may have written it meanwhile."""
        self.manifest = Run(self.folder).manifest
        self._read_manifest()

    def write_manifest(self, **changes: Any) -> None:
        """Change fields of the manifest on disk."""
        self.manifest.update(changes, updated=time.time())
        self._read_manifest()
        atomic_json(self.folder / "run.json", self.manifest)

    @contextlib.contextmanager
    def lock(self, *, shared: bool = False) -> Iterator[None]:
        """Hold the run for writing; AtlasError at once if another process holds it.

        shared: together with other processes that hold it in the same way.
        """
        with folder_lock(self.folder, f"Run {self.id}", shared=shared):
            yield


@contextlib.contextmanager
def folder_lock(folder: Path, what: str, *, shared: bool = False) -> Iterator[None]:
    """A lock that vanishes with the process that holds it; exclusive, or shared by several."""
    with storage_errors(folder / ".lock"):
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("w+")  # NFS wants what is shared to be readable
    with handle:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AtlasError(
                f"{what} is in use by another process; wait until that has finished, or cancel it."
            ) from None
        yield
