"""Paths that people type: made absolute, and kept inside the folders a server may show."""

from __future__ import annotations

import os
from pathlib import Path

from pruning.errors import InputError

ROOTS_VARIABLE = "SUBMODEL_ATLAS_ROOTS"
WORKSPACE_VARIABLE = "SUBMODEL_ATLAS_WORKSPACE"
PROJECT_FOLDER = Path(__file__).resolve().parents[2]


def allowed_roots() -> tuple[Path, ...] | None:
    """The folders named in SUBMODEL_ATLAS_ROOTS (separated as in PATH); None: no restriction."""
    text = os.environ.get(ROOTS_VARIABLE, "")
    roots = tuple(Path(part).expanduser().resolve() for part in text.split(os.pathsep) if part)
    return roots or None


def workspace_folder(chosen: Path | str | None = None) -> Path:
    """The workspace that is chosen, else that of SUBMODEL_ATLAS_WORKSPACE, else beside app.py."""
    folder = chosen or os.environ.get(WORKSPACE_VARIABLE) or PROJECT_FOLDER / "workspace"
    return Path(folder).expanduser().resolve()


def uploads_folder() -> Path:
    """Where the app keeps uploads."""
    return (workspace_folder() / "uploads").resolve()


def allowed_path(path: str | Path, *, uploads: bool = False) -> Path:
    """The absolute path with `~`, `..` and links resolved.

    uploads: allow what lies in `uploads_folder` too (not that folder itself, which would be
    everybody's uploads at once). Only for what is read as text: a folder of harness tasks may hold
    programs. Raises InputError for a path outside the folders of `allowed_roots`, if any are set.
    """
    try:
        resolved = Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not a path that can be used ({error}).") from error
    roots = allowed_roots()
    if roots is None or any(resolved.is_relative_to(root) for root in roots):
        return resolved
    if uploads and uploads_folder() in resolved.parents:
        return resolved
    raise InputError(
        f"{path} is outside the folders that this server may read ({', '.join(map(str, roots))}); "
        "give a path inside one of them."
    )
