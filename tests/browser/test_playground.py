"""The playground in a browser: an example at a click, dense and a sub-model, where they part."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from analysis.playground.prompts import prompts
from tests.browser.conftest import PATIENCE, Server
from tests.pruning.finished_run import finished_run

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


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


def press(page: Page, key: str) -> None:
    page.locator(f".st-key-{key} button").first.click()


def wait(page: Page, text: str) -> None:
    page.locator(f"text={text}").first.wait_for(timeout=PATIENCE)


def test_a_prompt_answered_side_by_side(
    serve: Callable[..., Server], visit: Callable[..., Page], workspace: Path, tmp_path: Path
) -> None:
    url = serve(workspace).url
    page = visit(
        f"{url}/playground?prompts=Math&for1=code&sparsity1=0.8&for2=prose&sparsity2=0&answer-length=12"
    )
    press(page, "example-1")
    title = prompts("math", count=2)[1].title
    page.wait_for_function(
        "text => document.querySelector('textarea').value.includes(text)", arg=title
    )
    press(page, "write")
    page.locator(".pg-card").nth(2).wait_for(timeout=PATIENCE)
    wait(page, "Rest the pointer")
    assert page.locator(".pg-name").all_inner_texts() == ["Dense", "code", "prose"]
    # Of random weights at 80% nothing is left; at 0% the sub-model is the dense one.
    assert page.locator(".pg-tag.parts").count() == page.locator(".pg-fork").count() - 1 == 1
    assert page.locator(".pg-tag").last.inner_text() == "identical to dense"
    dense, code, prose = page.locator(".pg-text").all_inner_texts()
    assert dense == prose != code
    assert dense.startswith("Answer:")

    with page.expect_download(timeout=PATIENCE) as caught:
        press(page, "tokens-csv")
    caught.value.save_as(tmp_path / "tokens.csv")
    with (tmp_path / "tokens.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} == {"Dense", "code", "prose"}
    assert all(0 < float(row["probability"]) <= 1 for row in rows)

    page.reload()  # a visitor who comes back finds it by the address
    wait(page, "identical to dense")
    assert page.locator(".pg-text").first.inner_text() == dense


def test_stop_stops(
    serve: Callable[..., Server], visit: Callable[..., Page], tmp_path: Path
) -> None:
    """Of a model so deep that it has not written its answer before the button can be pressed."""
    run = finished_run("llama", tmp_path, layers=60)
    url = f"{serve(tmp_path / 'workspace').url}/playground?run={run.id}&answer-length=230"
    page = visit(f"{url}&choice=drawn+at+random&temperature=2.0")
    press(page, "write")
    stop = page.locator('[class*="st-key-stop-"] button')
    stop.click()
    wait(page, "Rest the pointer")
    assert stop.count() == 0
    assert "stopped" in page.locator(".pg-foot").last.inner_text()
