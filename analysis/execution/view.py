"""Which of the machine's files a sandbox shows: the system's programs, compilers, no person's files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pruning.machine.paths import PROJECT_FOLDER, WORKSPACE_VARIABLE, is_checkout

INSIDE = Path(__file__).resolve().parent / "inside"
LAUNCHER_ROOT = "/launcher"  # in the sandbox; holds analysis/execution/inside
LAUNCHER_FOLDER = f"{LAUNCHER_ROOT}/analysis/execution/inside"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
TOOLS = ("javac", "java", "g++", "node")
Kind = Literal["show", "hide", "link"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A path that the sandbox has: shown read-only, repeated as a link, or covered with nothing."""

    path: str
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class View:
    """The files of a sandbox.

    entries: in the order in which they are put together. python: the interpreter's path in the
    sandbox. search_path: its PATH. left_out: tools that cannot be shown, with the reason.
    """

    entries: tuple[Entry, ...]
    python: str
    search_path: str
    left_out: dict[str, str]


@cache
def host_view() -> View:
    """The view of this machine: /usr and the like, this Python, and the compilers there are."""
    private = private_folders()
    shown = [Path(path) for path in (*SYSTEM, *SETTINGS) if os.path.exists(path)]
    shown += sorted(Path("/etc").glob("java*"))
    python = _python(private)
    places = {"python": python} | {
        tool: Path(found).resolve() for tool in TOOLS if (found := shutil.which(tool))
    }
    left_out: dict[str, str] = {}
    for tool, place in places.items():
        prefix = place.parent.parent
        if any(place.is_relative_to(path) for path in shown):
            continue
        if exposes(prefix, private):
            left_out[tool] = f"{place} lies in {prefix}, which holds more than programs"
        else:
            shown.append(prefix)
    folders = [str(place.parent) for tool, place in places.items() if tool not in left_out]
    search = dict.fromkeys([*folders, "/usr/local/bin", "/usr/bin", "/bin"])
    return View(
        entries=arrange(shown, private),
        python=str(python),
        search_path=os.pathsep.join(search),
        left_out=left_out,
    )


def _python(private: Sequence[Path]) -> Path:
    """This interpreter outside its virtual environment, or the system's if that cannot be shown."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    own = Path(sys.base_prefix, "bin", version).resolve()
    system = Path("/usr/bin/python3")
    return system.resolve() if exposes(own.parent.parent, private) and system.exists() else own


def private_folders() -> tuple[Path, ...]:
    """Folders of which no sandbox may show anything by accident: homes, workspace, this project."""
    workspace = os.environ.get(WORKSPACE_VARIABLE)
    folders = [Path.home(), Path("/home"), Path("/root")]
    folders += [PROJECT_FOLDER] if is_checkout() else []
    folders += [Path(workspace)] if workspace else []
    return tuple(dict.fromkeys(folder.expanduser().resolve() for folder in folders))


def exposes(folder: Path, private: Iterable[Path]) -> bool:
    """Whether a folder is, or contains, a private folder."""
    return any(each.is_relative_to(folder) for each in private)


def arrange(shown: Sequence[Path], private: Sequence[Path]) -> tuple[Entry, ...]:
    """Entries from the outer to the inner: what is private within what is shown is covered."""
    entries = {path: _entry(path) for path in shown}
    for folder in private:
        inside = any(folder.is_relative_to(path) and folder != path for path in shown)
        if inside and folder.is_dir():
            entries[folder] = Entry(path=str(folder), kind="hide")
    return tuple(entries[path] for path in sorted(entries, key=lambda path: len(path.parts)))


def _entry(path: Path) -> Entry:
    return Entry(path=str(path), kind="link" if path.is_symlink() else "show")
