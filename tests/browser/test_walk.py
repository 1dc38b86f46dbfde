"""The whole path in a browser: model, domains, calibrate, overlap, masks, export, download, reload."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from pruning.models.sources import DEMO_FOLDER
from tests.browser.conftest import PATIENCE, Server, settled
from tests.pruning import zoo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def model(tmp_path: Path) -> dict[str, str]:
    """The demo model, as a part of a link; a tiny one in its place where it is not there."""
    if (DEMO_FOLDER / "config.json").is_file():
        return {"from": "Demo model"}
    folder = zoo.build("llama", tmp_path / "model")
    return {"from": "Folder", "folder": str(folder)}


def wait(page: Page, text: str) -> None:
    page.locator(f"text={text}").first.wait_for(timeout=PATIENCE)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def download(page: Page, name: str, target: Path) -> Path:
    with page.expect_download(timeout=PATIENCE) as caught:
        page.get_by_role("button", name=name).first.click()
    caught.value.save_as(target)
    return target


def test_from_a_model_to_a_sub_model(
    serve: Callable[..., Server],
    visit: Callable[..., Page],
    model: dict[str, str],
    tmp_path: Path,
) -> None:
    server = serve()
    page = visit(server.url)
    page.get_by_role("link", name="Calibrate the demo model").click()
    page.wait_for_selector('h1:has-text("Calibrate")')

    choices = model | {"samples": "8", "length": "64", "groups": "4"}
    page.goto(
        f"{server.url}/calibrate?texts=Python&texts=Java&"
        + "&".join(f"{name}={value}" for name, value in choices.items())
    )
    wait(page, "decoder layers")
    press(page, "Start calibration")
    page.wait_for_function("location.search.includes('job=')", timeout=PATIENCE)
    page.reload()  # the work does not mind
    wait(page, "done in")

    page.locator('[class*="st-key-go-first-overlap"] a').click()
    page.wait_for_selector('h1:has-text("Overlap")')
    wait(page, "Most alike")
    settled(page)  # a button that is still moving up is another's when it is pressed
    table = download(page, "CSV", tmp_path / "overlap.csv")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["domain_a"] for row in rows} == {"python", "java"}
    assert all(0 < float(row["jaccard_kept"]) <= 1 for row in rows)

    page.locator('[data-testid="stSidebar"] >> text=Masks').click()
    page.wait_for_selector('h1:has-text("Masks")')
    wait(page, "Decided differently")
    page.wait_for_selector(".js-plotly-plot")

    page.locator('[data-testid="stSidebar"] >> text=Export').click()
    page.wait_for_selector('h1:has-text("Export")')
    press(page, "Build the sub-model")
    wait(page, "checks passed")

    with page.expect_download(timeout=PATIENCE) as caught:
        page.get_by_role("link", name="Download").first.click()
    archive = tmp_path / "sub-model.zip"
    caught.value.save_as(archive)
    loads_and_is_pruned(archive, tmp_path / "unpacked")


def loads_and_is_pruned(archive: Path, target: Path) -> None:
    """transformers loads what came down, and half of every pruned matrix is zero."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with zipfile.ZipFile(archive) as packed:
        packed.extractall(target)
    (folder,) = target.iterdir()
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    record = json.loads((folder / "submodel.json").read_text())
    assert record["export"]["mixture"] == [["python", 1.0]]
    matrix = model.model.layers[0].self_attn.q_proj.weight
    assert (matrix == 0).sum() == matrix.shape[0] * (matrix.shape[1] // 2)
    ids = tokenizer("def add(a, b):", return_tensors="pt").input_ids
    assert torch.isfinite(model(ids).logits).all()
