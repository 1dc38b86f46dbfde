"""The frame in a real browser: cold deep links, no request to the outside, wide and narrow."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from pages.ui.frame import SECTIONS
from tests.browser.conftest import PATIENCE, Server, settled
from tests.pruning.finished_run import finished_run

pytestmark = pytest.mark.browser

PAGES = {
    "": "An atlas of a language model",
    "calibrate": "Calibrate",
    "overlap": "Overlap",
    "masks": "Masks",
    "playground": "Playground",
    "export": "Export",
    "savings": "Savings",
}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model in `base` and a finished run in `workspace`."""
    folder = tmp_path_factory.mktemp("calibrated")
    finished_run("llama", folder)
    return folder


@pytest.fixture
def workspace(calibrated: Path, tmp_path: Path) -> Path:
    """A copy of the workspace with the finished run."""
    return Path(shutil.copytree(calibrated / "workspace", tmp_path / "workspace"))


def test_a_fresh_server_shows_the_frame_on_a_first_deep_link(
    serve: Callable[..., Server], visit: Callable[..., Page], workspace: Path
) -> None:
    page = visit(f"{serve(workspace).url}/masks?sparsity=0.7")
    assert page.locator("h1").inner_text() == "Masks"
    links = page.locator('[data-testid="stSidebar"] [data-testid="stPageLink"]')
    names = [text.split()[-1] for text in links.all_inner_texts()]  # before it, the icon's name
    entries = [entry for section in SECTIONS.values() for entry in section]
    assert names == [name.split()[-1] for _, name, _ in entries]
    assert page.title() == "Masks · Submodel Atlas"
    sparsity_is(page, "70%")


def test_nothing_leaves_the_machine_and_nothing_sticks_out(
    serve: Callable[..., Server], visit: Callable[..., Page], workspace: Path
) -> None:
    server = serve(workspace)
    asked: list[str] = []
    page = visit(server.url)
    page.on("request", lambda request: asked.append(request.url))
    for width, scheme in ((1400, "light"), (420, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for name, heading in PAGES.items():
            page.goto(f"{server.url}/{name}")
            settled(page)
            assert page.locator("h1").inner_text() == heading
            assert page.locator('[data-testid="stException"]').count() == 0
            main = page.locator(".stMain")
            assert main.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    outside = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert outside == []


def test_the_address_keeps_choices_from_page_to_page(
    serve: Callable[..., Server], visit: Callable[..., Page], workspace: Path
) -> None:
    page = visit(f"{serve(workspace).url}/overlap?sparsity=0.8&score=Magnitude")
    page.locator('[data-testid="stSidebar"] >> text=Masks').click()
    page.wait_for_selector('h1:has-text("Masks")', timeout=PATIENCE)
    page.wait_for_function("location.search.includes('sparsity=0.8')", timeout=PATIENCE)
    assert "score=Magnitude" in page.url
    link = page.url
    other = visit(link)
    sparsity_is(other, "80%")


def sparsity_is(page: Page, text: str) -> None:
    """Wait until the first slider says so."""
    thumb = page.get_by_test_id("stSliderThumbValue").first
    thumb.filter(has_text=text).wait_for(timeout=PATIENCE)
