"""The report's section on experts: the router's shares, in words and numbers, of mixtures only."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.figures.domains import label
from analysis.report.commands import reproduction
from analysis.report.html import Figure
from analysis.report.methods import methods
from analysis.report.page import report_page
from analysis.report.routing import distances, routing
from analysis.report.sections import findings, sections
from analysis.report.source import Source, gather
from analysis.report.written_tables import write_tables
from analysis.structure.routing import distance_sentence, routing_sentence, routing_table
from pruning.masks.starved import count_experts, starved_sentence
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.analysis.structure.test_routing import TABLE
from tests.pruning.finished_run import finished_run

NAME = "Which experts each domain uses"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    run = finished_run("qwen3_moe", tmp_path_factory.mktemp("experts"))
    return gather(run, PruneSpec(), compute=False)


def test_the_section_says_and_shows_what_the_router_does(source: Source) -> None:
    section = routing(source)
    assert section is not None
    table, run = routing_table(source.run), source.run
    for domain in table.domains:
        assert f"<li>{routing_sentence(table, domain, label)}</li>" in section.html
    assert f"<li>{distance_sentence(table, label)}</li>" in section.html
    few = {name: count_experts(run.stats(name).starved) for name in run.domains}
    starved = starved_sentence(few, label)
    assert f"<p>{starved}</p>" in section.html
    figures = [part for part in section.parts if isinstance(part, Figure)]
    assert [figure.name for figure in figures] == ["routing-code", "routing-prose"]
    for number, figure in enumerate(figures):
        assert np.allclose(figure.chart.figure.data[0].z, table.shares()[number])
        assert f"Run: {run.id}." in figure.caption


def test_it_stands_in_the_page_with_its_finding_its_method_and_its_command(source: Source) -> None:
    page = report_page(source)
    assert f"<h2>{NAME}</h2>" in page
    assert (
        f"Experts: {distance_sentence(routing_table(source.run), label)}" in findings(source).html
    )
    assert "fewer than 32 tokens of a text is starved" in methods(source).html
    assert f"python -m analysis routing --run {source.run.id}\n" in reproduction(source).html
    names = [part.name for each in sections(source) for part in each.parts if hasattr(part, "name")]
    assert len(set(names)) == len(names)


def test_distances_by_hand() -> None:
    """As in the table's own test: 0.6 in layer 1 and 0.3 in layer 3."""
    columns = distances(TABLE)
    assert columns["mean over layers"] == pytest.approx([0.45])
    assert columns["largest"] == pytest.approx([0.6])
    assert columns["in layer"] == [1]


def test_its_tables_are_written_for_papers(source: Source, tmp_path: Path) -> None:
    names = {path.name for path in write_tables(source, tmp_path / "tables")}
    assert {"routing-distance.csv", "routing-distance.tex", "routing.csv"} <= names
    assert {"routing-code.csv", "routing-prose.csv"} <= names
    with (tmp_path / "tables" / "routing.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    expected = list(routing_table(source.run).rows())
    assert [int(row["tokens"]) for row in rows] == [row["tokens"] for row in expected]
    assert "in layer" in (tmp_path / "tables" / "routing-distance.tex").read_text("utf-8")


def test_masks_that_leave_experts_dense_say_so_and_why_nothing_was_tested(source: Source) -> None:
    dense = gather(source.run, replace(source.prune, starved="dense"), compute=True)
    assert dense.tested is None
    assert "starved experts left dense" in dense.caption
    said = findings(dense).html
    assert "The differences were not tested. Evidence compares masks of parts of the text" in said
    assert "not tested" not in findings(source).html


def test_a_dense_model_has_none_of_it(tiny_run: Run) -> None:
    source = gather(tiny_run, PruneSpec(sparsity=0.37), compute=False)
    assert routing(source) is None
    assert "Experts" not in findings(source).html
    assert "Experts" not in methods(source).html
    assert not re.search("analysis routing", reproduction(source).html)
