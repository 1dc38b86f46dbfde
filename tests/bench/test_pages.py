"""The benchmark of pages, on a tiny run: real servers answer a visitor, and what they took is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Element_pb2 import Element

from bench import pages
from bench.__main__ import main
from bench.visitors import Drawn, check
from pages.ui.frame import SECTIONS
from pruning.errors import AtlasError


def drawn(element: Element) -> Drawn:
    return Drawn(wall=0.0, processor=0.0, size=0, largest=0, elements=(element,))


def test_every_page_is_visited() -> None:
    names = {name for section in SECTIONS.values() for _, name, _ in section}
    assert {each.name for each in pages.VISITS} == names


@pytest.mark.process
def test_a_result_has_a_row_for_each_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "JOBS", {"overlap": ()})
    ask = ["pages", "--shape", "tiny", "--page", "masks", "--results", str(tmp_path)]
    assert main(ask) == 0
    text = (tmp_path / "pages-tiny.txt").read_text()
    assert text.startswith("python -m bench pages --shape tiny --page Masks\n")
    assert "2 layers, 14 matrices" in text
    time = r"\s+\d+\.\d\d s \(\d+\.\d\d\)"
    [row] = re.findall(rf"^Masks({time}){{3}}\s+(\d+) kB$", text, re.MULTILINE)
    assert 10 < int(row[1]) < 3000
    assert "the largest single message" in text


def test_a_page_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pages", "--shape", "tiny", "--page", "weather"]) == 2
    assert "The pages are Home, Calibrate" in capsys.readouterr().err


def test_an_error_on_a_page_is_no_result() -> None:
    element = Element()
    element.alert.format = Alert.INFO
    element.alert.body = "nothing yet"
    check("masks", drawn(element))
    element.alert.format = Alert.ERROR
    element.alert.body = "the model is gone"
    with pytest.raises(AtlasError, match="the model is gone"):
        check("masks", drawn(element))
    element = Element()
    element.exception.message = "it broke"
    with pytest.raises(AtlasError, match="'masks' failed: it broke"):
        check("masks", drawn(element))
