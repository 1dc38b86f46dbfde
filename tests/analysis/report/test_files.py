"""The files of a report: the page from the command line, tables for papers, pictures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.testing import evidence
from analysis.report import pictures
from analysis.report.source import Source, gather
from pruning.errors import InputError
from pruning.runs.run import Run
from pruning.specs import PruneSpec


@pytest.fixture(scope="module")
def source(tiny_run: Run) -> Source:
    return gather(tiny_run, PruneSpec(sparsity=0.36), compute=False)


def test_the_command_writes_the_page(
    tiny_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "report.html"
    ask = ["report", "--run", tiny_run.id, "--workspace", str(tiny_run.folder.parents[1])]
    assert main([*ask, "--out", str(out), "--stored-only", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["files"] == [str(out)]
    assert data["prune"]["sparsity"] == 0.5
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_command_writes_tables_and_looks_as_hard_as_it_is_told(
    tiny_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "tables"
    ask = ["report", "--run", tiny_run.id, "--workspace", str(tiny_run.folder.parents[1])]
    ask += ["--sparsity", "0.44", "--out", str(tmp_path / "report.html")]
    few = ["--permutations", "9", "--bootstraps", "3", "--splits", "2", "--rows", "0"]
    assert main([*ask, *few, "--tables", str(folder), "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert sorted(files[1:]) == sorted(str(path) for path in folder.iterdir())
    with (folder / "yardsticks.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    spec = EvidenceSpec(permutations=9, bootstraps=3, splits=2, rows=0)
    tested = evidence(tiny_run, PruneSpec(sparsity=0.44), spec)
    assert [float(row["ceiling"]) for row in rows] == [pair.whole.ceiling for pair in tested]
    latex = (folder / "yardsticks.tex").read_text(encoding="utf-8")
    assert r"\begin{tabular}" in latex
    assert f"{tested[0].whole.ceiling:.4f}" in latex
    assert (folder / "overlap.csv").exists()
    assert (folder / "all-yardsticks-by-projection.csv").exists()
    assert main([*ask, "--stored-only"]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "--permutations 9 --bootstraps 3 --splits 2 --rows 0" in page  # the best that is stored


def test_pictures_need_a_browser(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from choreographer.browsers.chromium import Chromium

    monkeypatch.setattr(Chromium, "find_browser", lambda **_: None)
    with pytest.raises(InputError, match="Chrome or Chromium"):
        pictures.check_pictures()


def test_pictures_are_asked_for_in_both_formats(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kaleido

    asked = []
    monkeypatch.setattr(
        kaleido,
        "write_fig_from_object_sync",
        lambda figures, **options: asked.append((figures, options)),
    )
    paths = pictures.write_pictures(source, tmp_path / "figures", lambda _: None)
    [(figures, options)] = asked
    assert options["kopts"] == {"mathjax": False}  # nothing is fetched
    assert [each["path"] for each in figures] == paths
    assert {path.suffix for path in paths} == {".svg", ".png"}
    assert all(each["opts"]["width"] == 700 for each in figures)
