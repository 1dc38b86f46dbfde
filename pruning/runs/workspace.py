"""The workspace folder is the only state: calibration runs, exported sub-models, jobs, uploads.

workspace/runs/<run id>/run.json                    the manifest
workspace/runs/<run id>/tokens/<domain>.safetensors the exact token ids
workspace/runs/<run id>/stats/<domain>.safetensors  the sums, per group
workspace/exports/<name>/                           a model folder that transformers loads
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from pruning.errors import AtlasError, InputError
from pruning.machine.paths import workspace_folder
from pruning.machine.storage import storage_errors
from pruning.runs.run import Run


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
        return sorted(self._read()[0], key=lambda run: run.manifest.created, reverse=True)

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
