"""The section on experts, the choice for starved ones, and one expert's mask."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.figures.domains import label
from analysis.structure.routing import (
    RoutingTable,
    distance_sentence,
    routing_sentence,
    routing_table,
)
from pages.ui.library import queue
from pages.ui.words import GLOSSARY
from pruning.runs.run import Run
from pruning.runs.statistics import ENOUGH_TOKENS
from pruning.runs.workspace import Workspace
from tests.pages.conftest import Open, chart_names, healthy
from tests.pruning.finished_run import finished_run


@pytest.fixture(scope="module")
def with_experts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experts")
    finished_run("qwen3_moe", folder)
    return folder


@pytest.fixture
def routed(empty: Path, with_experts: Path) -> Run:
    """A finished run of a mixture of experts in the workspace that the app uses."""
    shutil.copytree(with_experts / "workspace", empty)
    return Workspace(empty).runs()[0]


def test_the_structure_page_shows_which_experts_a_domain_uses(routed: Run, open_page: Open) -> None:
    app = healthy(open_page("structure", experts="prose", routing="against the others"))
    table = routing_table(routed)
    words = "\n".join(text.value for text in app.markdown)
    assert distance_sentence(table, label) in words
    assert routing_sentence(table, "prose", label) in words
    place = chart_names(app).index("routing-prose-csv")
    drawn = json.loads(app.get("plotly_chart")[place].proto.spec)
    assert drawn["data"][0]["x"] == [str(expert) for expert in range(8)]
    assert any("fewer than 32 tokens: 5 of code, 1 of prose" in each.value for each in app.warning)


def test_the_counts_are_read_once_for_many_clicks(
    routed: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def noted(run: Run) -> RoutingTable:
        read.append(run.id)
        return routing_table(run)

    monkeypatch.setattr("analysis.structure.routing.routing_table", noted)
    app = healthy(open_page("structure"))
    assert "routing-code-csv" in chart_names(app)
    healthy(app.selectbox(key="experts").set_value("prose").run())
    assert "routing-prose-csv" in chart_names(app)
    assert read == [routed.id]


def test_starved_experts_can_stay_dense(routed: Run, open_page: Open) -> None:
    """Expert 2 of layer 0 saw 13 tokens of the code."""
    shares = {}
    for choice in ("prune by magnitude", "leave dense"):
        link = {"starved": choice, "layer": "0", "projection": "gate_proj"}
        app = healthy(open_page("masks", **link, weight="mlp.experts.2.gate_proj"))
        place = next(i for i, name in enumerate(chart_names(app)) if name.startswith("mask-code"))
        drawn = json.loads(app.get("plotly_chart")[place].proto.spec)
        shares[choice] = np.mean(values_of(drawn["data"][0]["z"]))
    assert shares["prune by magnitude"] == pytest.approx(0.5)
    assert shares["leave dense"] == 1.0


def test_what_an_export_leaves_dense_is_said_before(routed: Run, open_page: Open) -> None:
    words = "Left dense: 15 matrices of 5 experts that saw fewer than 32 tokens of the text."
    for choice, said in (("leave dense", True), ("prune by magnitude", False)):
        app = healthy(open_page("export", starved=choice))
        assert any(each.value == words for each in app.caption) == said


def test_the_threshold_is_said_as_it_is() -> None:
    assert f"fewer than {ENOUGH_TOKENS} tokens" in GLOSSARY["Starved expert"]


def test_masks_that_leave_experts_dense_are_not_tested(routed: Run, open_page: Open) -> None:
    app = healthy(open_page("overlap", starved="leave dense"))
    assert not any(button.label == "Test the differences" for button in app.button)
    assert any("Let starved experts be pruned by magnitude" in each.value for each in app.info)
    app = healthy(open_page("overlap"))
    assert any(button.label == "Test the differences" for button in app.button)


def test_starved_experts_can_stay_dense_in_an_evaluation(routed: Run, open_page: Open) -> None:
    app = healthy(open_page("evaluate", starved="leave dense", text="1"))
    [start] = [button for button in app.button if button.label == "Start measuring"]
    healthy(start.click().run())
    [job] = queue().list()
    assert job.argv[job.argv.index("--starved") + 1] == "dense"


def values_of(drawn: Any) -> np.ndarray:
    """A heatmap's values, which plotly writes as a list or as base64."""
    if isinstance(drawn, list):
        return np.array(drawn)
    return np.frombuffer(base64.b64decode(drawn["bdata"]), dtype=np.dtype(drawn["dtype"]))


def test_each_experts_mask_can_be_seen(routed: Run, open_page: Open) -> None:
    app = healthy(
        open_page("masks", layer="1", projection="down_proj", weight="mlp.experts.3.down_proj")
    )
    said = " ".join(text.value for text in app.caption)
    assert "Layer 1, mlp.experts.3.down_proj: 32 × 28" in said


def test_a_dense_model_has_no_such_section(run: Run, open_page: Open) -> None:
    app = healthy(open_page("structure"))
    assert not any(header.value == "Experts" for header in app.header)
    assert not any(name.startswith("routing") for name in chart_names(app))
    measuring = healthy(open_page("evaluate"))
    for page in (app, measuring):
        assert not any(each.key == "starved" for each in page.segmented_control)
