"""Locks between processes, as files; they vanish with the process that holds them.

They are the kernel's (flock), which NFS passes on to the server. Where a file system does not, two
processes may do the same work twice; they write the same bytes, so no result depends on a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pruning.errors import AtlasError
from pruning.machine.storage import storage_errors

CREATING = ".create.lock"  # of a workspace, while the manifest of a run is first written


def try_lock(file: IO[Any], *, shared: bool = False) -> bool:
    """Lock an open file until its last descriptor closes; False at once if another one has it.

    A process that inherits the descriptor holds the lock too.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Inside, no other process is inside; waits until that is so. path: a file to lock."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def claim(path: Path, held: contextlib.ExitStack) -> bool:
    """Take the lock of a file, until `held` closes; False at once if another process has it."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    if not try_lock(handle):
        handle.close()
        return False
    held.enter_context(handle)
    return True


@contextlib.contextmanager
def folder_lock(folder: Path, what: str, *, shared: bool = False) -> Iterator[None]:
    """A lock that vanishes with the process that holds it; exclusive, or shared by several."""
    with storage_errors(folder / ".lock"):
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / ".lock").open("w+")  # NFS wants what is shared to be readable
    with handle:
        if not try_lock(handle, shared=shared):
            raise AtlasError(
                f"{what} is in use by another process; wait until that has finished, or cancel it."
            )
        yield
