"""Pages of a model too large to be compared in a moment: they read tables, or one weight matrix."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.overlap.table import overlap_table
from analysis.structure.regions import region_counts
from analysis.structure.sharp import SharpSpec, sharp_regions
from pages.ui.library import masks
from pruning.checkpoints.weights import WeightReader
from pruning.masks.making import run_masks
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec, WeightKey
from tests.pages.conftest import REPOSITORY, Open, healthy


@pytest.fixture
def large(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that counts as large, whose tables at 50% are stored."""
    monkeypatch.setattr("analysis.overlap.table.CURVE_LIMIT", 0)
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 0)
    overlap_table(run, PruneSpec())
    region_counts(run, PruneSpec())
    sharp_regions(run, PruneSpec(), SharpSpec())
    return run


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[WeightKey]:
    """The weight matrices that have been read."""
    keys: list[WeightKey] = []
    matrix = WeightReader.matrix

    def noted(self: WeightReader, key: WeightKey) -> object:
        keys.append(key)
        return matrix(self, key)

    monkeypatch.setattr(WeightReader, "matrix", noted)
    return keys


@pytest.mark.parametrize(
    ("page", "charts"),
    [("home", 0), ("overlap", 3), ("structure", 10), ("evaluate", 0), ("cause", 0), ("export", 1)],
)
def test_a_table_that_is_stored_is_drawn_without_weights(
    large: Run, read: list[WeightKey], open_page: Open, page: str, charts: int
) -> None:
    app = healthy(open_page(page))
    assert len(app.get("plotly_chart")) == charts
    assert read == []


@pytest.mark.parametrize("page", ["overlap", "structure", "cause"])
def test_nothing_is_counted_while_a_page_is_drawn(
    large: Run, read: list[WeightKey], open_page: Open, page: str
) -> None:
    app = healthy(open_page(page, sparsity="0.6"))
    assert any(button.label.startswith(("Count", "Take them out")) for button in app.button)
    assert read == []


def test_masks_read_one_matrix_and_the_sums_of_its_input(
    large: Run, read: list[WeightKey], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = ChannelStats.load.__func__  # type: ignore[attr-defined]

    def noted(cls: type[ChannelStats], path: Path, inputs: object = None) -> ChannelStats:
        found = load(cls, path, inputs)
        loaded.append(set(found.sum_sq))
        return found

    monkeypatch.setattr(ChannelStats, "load", classmethod(noted))
    healthy(open_page("masks", layer="1", projection="v_proj"))
    [key] = read
    assert str(key) == "1.self_attn.v_proj"
    assert loaded == [{WeightKey.parse("1.self_attn.q_proj")}] * len(large.domains)


@pytest.mark.parametrize("score", ["wanda", "ria", "contrastive"])
def test_masks_of_one_matrix_are_those_of_the_run(large: Run, score: str) -> None:
    prune = PruneSpec(score=score, sparsity=0.3)
    weight = large.weights[-1]
    (_, expected), *_ = run_masks(large, prune, weights=[weight])
    for domain, mask in masks(large, prune, weight.key).items():
        assert (mask.words == expected[domain].words).all()


def test_masks_that_depend_on_all_layers_wait_for_the_job(
    large: Run, read: list[WeightKey], open_page: Open
) -> None:
    app = healthy(open_page("masks", allocation="By outliers (OWL)"))
    assert "Count the overlaps" in [button.label for button in app.button]
    assert not app.get("plotly_chart")
    assert read == []
    overlap_table(large, PruneSpec(allocation="owl"))  # what the job would do
    assert healthy(open_page("masks", allocation="By outliers (OWL)")).get("plotly_chart")


@pytest.mark.process
def test_what_lists_runs_and_reads_results_waits_for_no_model_library() -> None:
    """A server that was just started imports what its first page needs, and that is seconds."""
    modules = ("pages.ui.server", "pruning.runs.workspace", "analysis.evaluation.table")
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0
