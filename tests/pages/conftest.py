"""The app run in this process, on a workspace of the test's own."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from tests.pruning.finished_run import finished_run
from tests.waiting import PATIENCE

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = (
    "home",
    "calibrate",
    "overlap",
    "structure",
    "masks",
    "evaluate",
    "cause",
    "playground",
    "export",
    "savings",
)

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def pages_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a real server, where app.py registers its pages before the first visitor comes.

    AppTest forgets that before each run, and would take `pages/` for pages without a frame.
    """
    begin = PagesManager.__init__

    def registered(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        begin(self, *args, **kwargs)

    monkeypatch.setattr(PagesManager, "__init__", registered)


@pytest.fixture(scope="session", autouse=True)
def components_are_looked_for_once() -> Iterator[None]:
    """As in a real server. AppTest reads the metadata of every installed package for each run."""
    with pytest.MonkeyPatch.context() as patch:
        found = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", found)
        yield


@pytest.fixture(autouse=True)
def the_program_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest leaves its script as `__main__`, which processes that are spawned later would run."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model in `base` and a finished run in `workspace`; not to be changed."""
    folder = tmp_path_factory.mktemp("calibrated")
    finished_run("llama", folder)
    return folder


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace that the app uses."""
    monkeypatch.setenv("SUBMODEL_ATLAS_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    st.cache_resource.clear()
    return tmp_path / "workspace"


@pytest.fixture
def run(empty: Path, calibrated: Path) -> Run:
    """A finished run in the workspace that the app uses."""
    shutil.copytree(calibrated / "workspace", empty)
    return Workspace(empty).runs()[0]


@pytest.fixture
def open_page() -> Open:
    """open_page("overlap", sparsity="0.6"): the page as a fresh visitor with that link sees it."""

    def visit(page: str, **query: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(REPOSITORY / "app.py"), default_timeout=PATIENCE).run()
        app.switch_page(f"pages/{page}.py")  # AppTest cannot begin at a page; the browser tests do
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return visit


def healthy(app: AppTest) -> AppTest:
    """Nothing on the page is an exception or an error."""
    assert not app.exception
    assert [error.value for error in app.error] == []
    return app


def chart_names(app: AppTest) -> list[str]:
    """Keys of the CSV buttons, one below each chart."""
    return [b.key for b in app.download_button if b.key and b.key.endswith("-csv")]
