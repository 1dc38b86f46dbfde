"""Paths that people type: made absolute, and kept inside the folders a server may show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pruning.errors import InputError

ROOTS_VARIABLE = "SUBMODEL_ATLAS_ROOTS"


def allowed_roots() -> tuple[Path, ...] | None:
    """The folders named in SUBMODEL_ATLAS_ROOTS (separated as in PATH); None: no restriction."""
    text = os.environ.get(ROOTS_VARIABLE, "")
    roots = tuple(Path(part).expanduser().resolve() for part in text.split(os.pathsep) if part)
    return roots or None


def allowed_path(path: str | Path, roots: Sequence[Path] | None = None) -> Path:
    """The absolute path with `~`, `..` and links resolved.

    roots: folders that it must lie in; None: those of `allowed_roots`, if any are set. Raises
    InputError for a path outside.
    """
    try:
        resolved = Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not a path that can be used ({error}).") from error
    roots = allowed_roots() if roots is None else roots
    if roots is not None and not any(resolved.is_relative_to(root.resolve()) for root in roots):
        raise InputError(
            f"{path} is outside the folders that this server may read "
            f"({', '.join(map(str, roots))})."
        )
    return resolved
