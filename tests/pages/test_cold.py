"""Every page opens by its own address in a fresh server, with or without anything to show."""

from pathlib import Path

import pytest

from pruning.runs.run import Run
from tests.pages.conftest import PAGES, Open, healthy

TITLES = {
    "home": "An atlas of a language model",
    "calibrate": "Calibrate",
    "overlap": "Overlap",
    "structure": "Structure",
    "masks": "Masks",
    "evaluate": "Evaluate",
    "cause": "Cause",
    "playground": "Playground",
    "export": "Export",
    "savings": "Savings",
}


@pytest.mark.parametrize("page", PAGES)
def test_with_an_empty_workspace(page: str, empty: Path, open_page: Open) -> None:
    app = open_page(page)
    assert not app.exception
    assert app.title[0].value == TITLES[page]
    assert [link.label for link in app.sidebar.page_link] == [
        "Home", "Calibrate", "Overlap", "Structure", "Masks", "Evaluate", "Cause",
        "Playground", "Export", "Savings",
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_with_a_finished_run(page: str, run: Run, open_page: Open) -> None:
    app = open_page(page)
    assert not app.exception
    assert app.title[0].value == TITLES[page]
    if page != "calibrate":  # whose demo model may not be there
        healthy(app)


@pytest.mark.parametrize("page", ["overlap", "structure", "masks", "evaluate", "cause", "export"])
def test_an_empty_workspace_shows_the_way(page: str, empty: Path, open_page: Open) -> None:
    app = open_page(page)
    assert "Calibrate a model" in app.info[0].value
    assert "Go to Calibrate" in [link.label for link in app.main.page_link]


@pytest.mark.parametrize("page", PAGES)
def test_a_workspace_that_cannot_be_made_is_a_sentence(
    page: str, tmp_path: Path, empty: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SUBMODEL_ATLAS_WORKSPACE", str(tmp_path / "file" / "workspace"))
    app = open_page(page)
    assert not app.exception
    assert app.error
    assert "Traceback" not in app.error[0].value


def test_a_link_to_a_run_that_is_gone_says_so(run: Run, open_page: Open) -> None:
    app = open_page("overlap", run="0123456789ab")
    assert "0123456789ab" in app.warning[0].value
    assert run.id in app.query_params["run"]
