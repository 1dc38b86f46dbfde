"""The Cause page: offered as a job for what is chosen, then shown from what is stored."""

from __future__ import annotations

import json

import pytest

from analysis.cause import results
from analysis.cause.findings import quality, verdict
from analysis.cause.spec import CauseSpec, steps
from pruning.jobs.queue import JobQueue
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec
from tests.analysis.cause.test_figures import FOUND
from tests.pages.conftest import Open, chart_names, healthy

START = "Take them out and measure"


def labels(app: object) -> list[str]:
    return [button.label for button in app.button]  # type: ignore[attr-defined]


def test_it_is_offered_and_started_for_what_is_chosen(run: Run, open_page: Open) -> None:
    link = {"sparsity": "0.6", "layers": "1", "projections": ["q_proj"], "bytes": "2000"}
    app = healthy(open_page("cause", draws="3", top="0.1", **link))
    readings = sum(
        len(step.evaluated) for step in steps(run.domains, CauseSpec(size=2000, draws=3))
    )
    assert any(f"{readings} times, 2,000 bytes" in info.value for info in app.info)
    [start] = [button for button in app.button if button.label == START]
    app = healthy(start.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    assert job.argv[:4] == ("-m", "analysis", "cause", "--run")
    for flag, value in (
        ("--sparsity", "0.6"),
        ("--layers", "1"),
        ("--projections", "q_proj"),
        ("--region", "exclusive"),
        ("--bytes", "2000"),
        ("--draws", "3"),
    ):
        assert job.argv[job.argv.index(flag) + 1] == value
    assert START not in labels(app)


def test_what_is_known_is_shown(run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def stored(run: Run, prune: PruneSpec, spec: CauseSpec) -> object:
        asked.append((prune, spec))
        return FOUND

    monkeypatch.setattr(results, "stored_cause", stored)
    app = healthy(open_page("cause", sparsity="0.7", region="score top for it alone", top="0.1"))
    assert asked[-1] == (PruneSpec(sparsity=0.7), CauseSpec(region="sharp", top=0.1))
    assert START not in labels(app)
    words = " ".join(text.value for text in app.markdown)
    for row in FOUND.domains:
        assert (
            verdict(row, lambda name: {"python": "Python", "java": "Java"}.get(name, name)) in words
        )
    assert quality(FOUND) in words
    assert "3 of 3** regions" in words
    assert len(chart_names(app)) == len(app.get("plotly_chart")) == 3
    drawn = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]
    assert drawn["y"][:3] == ["Python", "Java", "mine"]
    assert any("Compared, so that" in text.value for text in app.markdown)


def test_what_was_measured_otherwise_is_shown_beside_the_offer(
    run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "measure", lambda *_: None)
    monkeypatch.setattr(results, "answer", lambda *_: FOUND)
    for sparsity in (0.5, 0.7):
        results.cause(run, PruneSpec(sparsity=sparsity), CauseSpec(size=7000, draws=3))
    app = healthy(open_page("cause", sparsity="0.7"))
    assert START in labels(app)
    said = [text.value for text in app.caption]
    assert any(
        "was measured on 7,000 bytes of every domain, with 3 random draws" in s for s in said
    )
    keys = {button.key for button in app.download_button}
    assert {"damage-latex", "damage-sparsity-csv", "borrowed-sparsity-latex"} <= keys
    [more] = [button for button in app.button if button.label == "Measure at these sparsities too"]
    healthy(more.click().run())
    [job] = JobQueue(Workspace(run.folder.parents[1])).list()
    for flag, value in (("--sparsity", "0.3"), ("--bytes", "7000"), ("--draws", "3")):
        assert job.argv[job.argv.index(flag) + 1] == value
    assert "--more-sparsities" not in job.argv  # 50% and 70% are there


def test_scores_that_ignore_the_text_have_no_regions(run: Run, open_page: Open) -> None:
    app = healthy(open_page("cause", score="Magnitude"))
    assert START not in labels(app)
    assert any("ignores the text" in info.value for info in app.info)
