"""The Evaluate page: offered as a job, then drawn from what is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.evaluation.captions import NOT_COMPARED
from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.findings import specialisation_sentences
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.specialisation import specialisation
from analysis.evaluation.table import EvaluationTable
from analysis.evaluation.tasks import TaskSpec
from analysis.figures.domains import label
from analysis.figures.evaluation import evaluation_matrix, over_sparsities
from analysis.figures.look import LIGHT
from pruning.jobs.queue import JobQueue
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec
from tests.pages.conftest import Open, chart_names, healthy

SPEC = EvaluationSpec(sparsities=(0.5, 0.7), text_bytes=1000)


@pytest.fixture
def table(run: Run) -> EvaluationTable:
    return evaluate(run, SPEC, device="cpu")


def test_measuring_is_offered_and_started_as_a_job(run: Run, open_page: Open) -> None:
    app = healthy(open_page("evaluate", sparsities=["60%", "70%"], text="3"))
    assert "Nothing of this run has been measured" in app.info[0].value
    assert not chart_names(app)
    [start] = [button for button in app.button if button.label == "Start measuring"]
    healthy(start.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    assert job.argv[:4] == ("-m", "analysis", "evaluate", "--run")
    first = job.argv.index("--sparsity")
    assert job.argv[first + 1 : first + 3] == ("0.6", "0.7")
    assert job.argv[job.argv.index("--text") + 1] == "3000"


def test_what_is_stored_is_drawn(run: Run, table: EvaluationTable, open_page: Open) -> None:
    app = healthy(open_page("evaluate", measured="70%"))
    drawn = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][1]
    results = table.select(measure="bits per byte", sparsity=0.7)
    expected = evaluation_matrix(results, "values", LIGHT)
    assert drawn["text"] == list(expected.figure.data[1].text)
    assert {"matrix-bits-per-byte-csv", "sparsities-code-csv"} <= set(chart_names(app))
    said = " ".join(caption.value for caption in app.caption)
    assert "no domain of this run was calibrated on" in said
    own = sum(r.leads and r.is_own for r in results)
    words = [text.value for text in app.markdown]
    assert any(f"best value of its column in {own} of 2 domains" in text for text in words)
    special = specialisation(table, 0.7)
    assert special is not None
    assert specialisation_sentences(special, label)[0] in words
    healthy(app.segmented_control(key="view").set_value("against-own").run())
    assert "+" in app.get("plotly_chart")[0].proto.spec


def test_own_tasks_are_not_said_to_be_held_out(run: Run, tmp_path: Path, open_page: Open) -> None:
    path = tmp_path / "pets.jsonl"
    path.write_text(json.dumps({"prompt": "the", "choices": [" fox", " dog"], "label": 0}))
    own = TaskSpec(name="pets", kind="choices", source=str(path))
    evaluate(run, EvaluationSpec(text_bytes=0, task_sets=(own,), yardsticks=False), device="cpu")
    app = healthy(open_page("evaluate"))
    [said] = [each.value for each in app.caption if each.value.startswith("Higher is better")]
    assert said.endswith(NOT_COMPARED)
    assert "held out" not in said


def test_tables_are_told_apart_by_how_their_masks_were_made(run: Run, open_page: Open) -> None:
    other = PruneSpec(
        comparison_group="matrix", allocation="owl", layers=(0, 1), projections=("up_proj",)
    )
    for prune in (PruneSpec(), other):
        spec = EvaluationSpec(prune=prune, text_bytes=1000, yardsticks=False)
        evaluate(run, spec, device="cpu")
    app = healthy(open_page("evaluate"))
    named = app.selectbox(key="evaluation").options
    assert {name.rpartition(" · ")[0] for name in named} == {
        "50% · 1 kB of text a domain",
        "50% · Wanda score within each matrix · layers pruned by their outliers (OWL) · layers 0, 1 · up_proj · "
        "1 kB of text a domain",
    }


def test_the_matrix_says_what_the_table_does(table: EvaluationTable) -> None:
    results = table.select(measure="perplexity", sparsity=0.5)
    chart = evaluation_matrix(results, "values", LIGHT)
    heat = chart.figure.data[0]
    assert len(heat.y) == 8  # dense, two domains, mixture, magnitude, random, two draws
    assert len(chart.table["value"]) == len(results) == 6 * 2 + 2 * 2
    best = sum(result.best for result in results)
    assert len(chart.figure.layout.shapes) == best  # framed: the clearly best of a column
    shade = dict(zip(heat.y, heat.z, strict=True))
    assert list(shade["dense"]) == [0.0, 0.0]
    random = next(r for r in results if r.source.kind == "random")
    assert random.to_dense is not None
    before = random.estimate.value - random.to_dense.value
    assert shade["random"][0] == pytest.approx(random.to_dense.value / before)
    against = evaluation_matrix(results, "against-own", LIGHT).figure.data[1]
    texts = dict(zip(zip(against.y, against.x, strict=True), against.text, strict=True))
    assert texts["code", "code"] == "own"
    assert texts["code", "prose"].startswith(("+", "-"))
    assert chart.csv().startswith(b"calibrated_on,measured_on,content,sparsity,measure,value,")


def test_the_curve_has_a_line_for_each_mask(table: EvaluationTable) -> None:
    results = table.select(measure="bits per byte", where=lambda r: r.column.name == "code")
    chart = over_sparsities(results, LIGHT)
    assert [line.name for line in chart.figure.data] == [
        "code", "prose", "all domains", "magnitude",
    ]  # fmt: skip
    assert list(chart.figure.data[0].x) == [0.5, 0.7]
    assert chart.figure.data[0].line.width > chart.figure.data[1].line.width
