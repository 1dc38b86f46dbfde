"""The notebook shows what it shows now: it is run, and its saved outputs are compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks import ROOT, code_cells, outputs_of, run_cells

pytestmark = pytest.mark.process

NOTEBOOK = ROOT / "docs" / "from-model-to-sub-model.ipynb"
NUMBER = re.compile(r"\d+\.\d+|\d+")
# Other processors round otherwise, which moves a few weights across the border of a mask.
CLOSE = {"abs": 0.02, "rel": 0.05}


def text_of(output: dict[str, Any]) -> str:
    """What an output says in plain text, with one space for any."""
    return " ".join("".join(output.get("text") or output["data"]["text/plain"]).split())


def test_the_notebook_shows_what_is_saved(tmp_path: Path) -> None:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = code_cells(notebook)
    found = outputs_of(notebook, tmp_path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for cell, now in zip(cells, found, strict=True):
        saved = cell["outputs"]
        assert [set(each.get("data", ())) for each in now] == [
            set(each.get("data", ())) for each in saved
        ]
        if cell["id"] == "generate":  # a token that is nearly as likely may win elsewhere
            assert text_of(now[0]).startswith("def scaled_if_below(n: int)")
            continue
        for after, before in zip(now, saved, strict=True):
            assert NUMBER.sub("#", text_of(after)) == NUMBER.sub("#", text_of(before))
            numbers = [
                [float(n) for n in NUMBER.findall(text_of(each))] for each in (after, before)
            ]
            assert numbers[0] == pytest.approx(numbers[1], **CLOSE)
    assert (tmp_path / "exports" / "code-50" / "submodel.json").is_file()


def test_cells_share_their_names_and_show_their_last_value() -> None:
    found = run_cells(
        [
            "a = 1\nprint(a)\na + 1",
            "b = a",
            "print('x', end='')",
            "class Shown:\n    def _repr_html_(self):\n        return f'<b>{b}</b>'\n"
            "    def __repr__(self):\n        return 'one\\nline'\nShown()",
        ]
    )
    assert found[0][0] == {"name": "stdout", "output_type": "stream", "text": ["1\n"]}
    assert found[0][1]["data"] == {"text/plain": ["2"]}
    assert found[1] == []
    assert found[2][0]["text"] == ["x"]
    assert found[3][0]["data"] == {"text/html": ["<b>1</b>"], "text/plain": ["one\n", "line"]}
