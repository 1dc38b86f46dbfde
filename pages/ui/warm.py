"""Libraries that take seconds to import: imported once the server has started, and waited for.

In one thread and no other, as two threads that import the same library at once may find it half
made. A page says what it waits for; where nothing is being imported, as in tests, it goes on.
"""

from __future__ import annotations

import gc
import importlib
import threading
from dataclasses import dataclass, field

import streamlit as st


@dataclass(frozen=True)
class Stage:
    """Modules, and how many seconds nothing is imported before them, unless somebody asks."""

    modules: tuple[str, ...]
    pause: float
    asked: threading.Event = field(default_factory=threading.Event)
    ready: threading.Event = field(default_factory=threading.Event)


_stages: dict[str, Stage] = {}


def warm_up() -> None:
    """Begin to import; returns at once."""
    importlib.import_module("pruning.runs.workspace")  # the first page needs no more than this
    most_pages = ("analysis.overlap.table", "analysis.structure.families", "pandas")
    _stages["pages"] = Stage(most_pages, pause=0.0)
    _stages["models"] = Stage(
        ("pruning.models.loading",), pause=5.0
    )  # in which a page can be drawn
    threading.Thread(target=_import, name="warm-up", daemon=True).start()


def wait_for(stage: str) -> None:
    """Wait until what "pages" draw with, or what "models" are looked at with, has been imported."""
    wanted = _stages.get(stage)
    if wanted is not None and not wanted.ready.is_set():
        wanted.asked.set()
        with st.spinner("The server has just started and is still reading its libraries"):
            wanted.ready.wait()


def _import() -> None:
    try:
        for stage in _stages.values():
            stage.asked.wait(stage.pause)
            gc.disable()  # it would look through the libraries again and again
            for module in stage.modules:
                importlib.import_module(module)
            gc.freeze()  # and never will
            gc.enable()
            stage.ready.set()
    finally:
        gc.enable()
        for stage in _stages.values():  # a page that needs what is not there says so itself
            stage.ready.set()
