"""Paths that people type: made absolute, and kept inside the folders a server may show."""

from __future__ import annotations

import os
from pathlib import Path

from pruning.errors import InputError

ROOTS_VARIABLE = "SUBMODEL_ATLAS_ROOTS"
WORKSPACE_VARIABLE = "SUBMODEL_ATLAS_WORKSPACE"
PROJECT_FOLDER = Path(__file__).resolve().parents[2]  # the checkout, or where packages lie


def allowed_roots() -> tuple[Path, ...] | None:
    """The folders named in SUBMODEL_ATLAS_ROOTS (separated as in PATH); None: no restriction."""
    text = os.environ.get(ROOTS_VARIABLE, "")
    roots = tuple(Path(part).expanduser().resolve() for part in text.split(os.pathsep) if part)
    return roots or None


def is_checkout() -> bool:
    """Whether these packages lie in the project's own folder, and not where pip installs."""
    return all((PROJECT_FOLDER / name).is_file() for name in ("app.py", "pyproject.toml"))


def workspace_folder(chosen: Path | str | None = None) -> Path:
    """The workspace that is chosen, else that of SUBMODEL_ATLAS_WORKSPACE, else the usual one."""
    folder = chosen or os.environ.get(WORKSPACE_VARIABLE) or usual_workspace()
    return Path(folder).expanduser().resolve()


def usual_workspace() -> Path:
    """Beside app.py in a checkout; of an installation, in the user's data folder."""
    if is_checkout():
        return PROJECT_FOLDER / "workspace"
    from platformdirs import user_data_path

    return user_data_path("submodel-atlas", appauthor=False) / "workspace"


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
