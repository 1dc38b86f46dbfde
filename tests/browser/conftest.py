"""A real server and a real browser, with a workspace of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench.visitors import Server as AppServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 120_000  # milliseconds that a step may take on a busy machine


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"there is no Chromium on this machine (looked for {', '.join(BROWSERS)})")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield launched
        launched.close()


class Server(AppServer):
    """The app on a test's workspace, with no network; its output is in a file beside that."""

    def __init__(self, workspace: Path) -> None:
        workspace.parent.mkdir(parents=True, exist_ok=True)
        log = workspace.parent / f"server-{uuid4().hex}.log"
        super().__init__(workspace, log, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="2")
        self.url = f"http://{self.address}"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """serve() starts a fresh server on the test's workspace."""
    started: list[Server] = []

    def start(workspace: Path | None = None) -> Server:
        started.append(Server(workspace or tmp_path / "workspace"))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """visit(url): a new visitor's page there, once the script has run."""
    contexts = []

    def go(url: str, width: int = 1400, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        settled(page)
        return page

    yield go
    for context in contexts:
        context.close()


def settled(page: Page) -> None:
    """Wait until the page's script has run and its heading is there."""
    page.wait_for_selector("h1", timeout=PATIENCE)
    page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=PATIENCE)
