"""The report: whole, self-contained, its numbers those that are stored; and its command."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from analysis.__main__ import main
from analysis.comparisons import EvidenceSpec
from analysis.evidence import evidence
from analysis.figures.domains import label
from analysis.findings import sentence
from analysis.report import pictures
from analysis.report.html import Figure
from analysis.report.methods import methods
from analysis.report.page import report_page
from analysis.report.provenance import domain_text
from analysis.report.sections import sections
from analysis.report.source import Source, gather
from pruning.domains import parse_domain
from pruning.errors import InputError
from pruning.specs import PruneSpec
from pruning.workspace import Run

SPEC = EvidenceSpec(splits=2, permutations=9, bootstraps=3, rows=4)


@pytest.fixture(scope="module")
def source(tiny_run: Run) -> Source:
    evidence(tiny_run, PruneSpec(sparsity=0.3), SPEC)
    return gather(tiny_run, PruneSpec(), SPEC, compute=True)


@pytest.fixture(scope="module")
def page(source: Source) -> str:
    return report_page(source)


def own_part(page: str) -> str:
    """The page without the figures' library."""
    return re.sub(r"<script>/\*\*.*?</script>", "", page, count=1, flags=re.DOTALL)


def test_it_asks_no_other_machine_for_anything(page: str) -> None:
    own = own_part(page)
    assert len(own) < 400_000 < len(page)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', own) == []
    assert "@import" not in own
    assert "url(" not in own


def test_it_has_every_section_and_links_to_it(page: str) -> None:
    names = re.findall(r"<h2>(.*?)</h2>", page)
    assert names == [
        "Findings",
        "Overlap",
        "Are the differences real?",
        "Where they differ",
        "How the domains are related",
        "At other sparsities",
        "Was there enough text?",
        "Methods",
        "Provenance",
        "How to reproduce it",
    ]
    for anchor in re.findall(r'<a href="#(.*?)"', page):
        assert f'<section id="{anchor}">' in page


def test_it_says_every_pair_in_words(page: str, source: Source) -> None:
    assert source.tested is not None
    for pair in source.tested:
        assert f"<li>{sentence(pair, label)}</li>" in page


def test_the_figures_are_the_library_s(page: str, source: Source) -> None:
    drawn = re.findall(r'<script type="application/json">(.*?)</script>', page)
    figures = [part for each in sections(source) for part in each.parts if isinstance(part, Figure)]
    assert len(drawn) == len(figures) == 10
    matrix = json.loads(drawn[0])["data"][0]
    assert matrix["x"] == [label(domain) for domain in source.run.domains]
    assert "index " in matrix["text"][0][1]


def test_tables_carry_their_numbers(page: str, source: Source) -> None:
    assert source.tested is not None
    link = re.search(r'download="yardsticks.csv" href="data:text/csv;base64,(.*?)"', page)
    assert link
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(link[1]).decode())))
    assert [float(row["index"]) for row in rows] == [pair.whole.index for pair in source.tested]


def test_formulas_are_well_formed(source: Source) -> None:
    found = re.findall(r"<math.*?</math>", methods(source).html)
    assert len(found) == 6
    for formula in found:
        ElementTree.fromstring(formula)


def test_without_evidence_it_leaves_those_sections_out(tiny_run: Run) -> None:
    source = gather(tiny_run, PruneSpec(score="magnitude"), SPEC, compute=True)
    names = [section.name for section in sections(source)]
    assert "Are the differences real?" not in names
    assert names[-1] == "How to reproduce it"
    stored = gather(tiny_run, PruneSpec(sparsity=0.77), SPEC, compute=False)
    assert stored.tested is None


def test_a_name_cannot_break_the_page(source: Source) -> None:
    run = source.run
    spec = replace(run.spec, model=replace(run.spec.model, source="/secret/<b>x</b>&"))
    harmful = Run(run.folder)
    harmful.spec = spec
    own = own_part(report_page(replace(source, run=harmful)))
    assert "<b>" not in own
    assert "/secret" not in own


def test_the_commands_make_the_same_run(page: str, source: Source) -> None:
    commands = re.search(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    assert commands
    calibrate = shlex.split(commands[1].split("python -m analysis")[0].replace("\\\n", " "))
    assert calibrate[:4] == ["python", "-m", "pruning", "calibrate"]
    sample = source.run.spec.sample
    for flag, value in (("--groups", sample.groups), ("--seq-len", sample.seq_len)):
        assert calibrate[calibrate.index(flag) + 1] == str(value)
    assert "--more-sparsities 0.3" in commands[1]
    assert str(source.run.folder) not in page


@pytest.mark.parametrize(
    "text",
    [
        "python",
        "notes=notes.zip",
        "code=src/*.py,*.pyi",
        "chat=chats.jsonl::answer",
        r"qa=qa.csv::{question}\n{answer}",
        "math=hf:openai/gsm8k@0123:main:train:question",
        "math=hf:openai/gsm8k",
        "math=hf:openai/gsm8k:::question",
    ],
)
def test_domains_are_written_as_they_are_read(text: str) -> None:
    assert domain_text(parse_domain(text)) == text


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
