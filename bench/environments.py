"""Environments of their own for programs that this project is compared with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pruning.errors import AtlasError

MADE = "requirements.txt"  # in the environment, once everything in it is installed


def default_cache() -> Path:
    """Where environments are kept from one benchmark to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "submodel-atlas" / "environments"


def python_of(name: str, requirements: Sequence[str], cache: Path) -> Path:
    """The Python of an environment that holds these packages, made if it is not there.

    AtlasError with what pip says last, if they cannot be installed.
    """
    folder, wanted = cache / name, "\n".join(requirements)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    made = folder / MADE
    if made.exists() and made.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(folder)], [*install, *requirements]):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise AtlasError(f"{name} cannot be installed: {last_line(done.stderr)}")
    made.write_text(wanted, encoding="utf-8")
    return python


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
