"""What tests ask about processes and threads: wait until something is so, and whether one lives."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import psutil
import pytest

PATIENCE = 120.0  # seconds; only a test that fails waits so long
PAUSE = 0.02
T = TypeVar("T")


def until(happened: Callable[[], T], patience: float = PATIENCE) -> T:
    """Wait until this returns something true, and return that; the test fails if it never does."""
    end = time.monotonic() + patience
    while not (found := happened()):
        if time.monotonic() > end:
            pytest.fail(f"waited {patience:.0f} s in vain")
        time.sleep(PAUSE)
    return found


def alive(process: int) -> bool:
    """Whether a process runs. One that has ended but has not been waited for (a zombie) does not.

    psutil asks once and takes "it has gone meanwhile" for an answer at every step, which looking
    first and reading `/proc` then does not.
    """
    try:
        return psutil.Process(process).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
