"""What is saved: counted by hand where it can be; the model is the same after every measurement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from analysis.figures.look import look
from analysis.figures.savings import size_chart, speed_chart
from analysis.savings.measure import NARROWED, measured, savings
from analysis.savings.speed import Workload, computed_with, sparse_rows, stored_bytes
from pruning.exports.planning import plan_export
from pruning.masks.making import run_masks
from pruning.masks.surgery import temporary_masks
from pruning.models import loading as models
from pruning.models.loading import load_model
from pruning.repair.recipe import made_of
from pruning.runs.run import Run
from pruning.specs import ExportSpec, NarrowSpec, PruneSpec
from tests.pruning.finished_run import finished_run

TOKENS = torch.arange(12)[None]
WORK = Workload(prompt=8, new=2, repeats=2)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


def spec_of(run: Run) -> ExportSpec:
    return ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=PruneSpec(sparsity=0.5))


def test_sparse_rows_are_counted_by_hand() -> None:
    matrix = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    assert stored_bytes(matrix) == 6 * 4
    # Three values of 4 bytes, their columns and three row offsets of 8 bytes each.
    assert stored_bytes(sparse_rows(matrix)) == 3 * 4 + 3 * 8 + 3 * 8


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_sparse_rows_compute_what_masked_matrices_do(architecture: str, tmp_path: Path) -> None:
    run = finished_run(architecture, tmp_path)
    loaded = load_model(run.spec.model)
    masks = {w.key: found["code"] for w, found in run_masks(run, PruneSpec(), ("code",))}
    with torch.inference_mode():
        dense = loaded.module(input_ids=TOKENS).logits
        with temporary_masks(loaded, masks):
            masked = loaded.module(input_ids=TOKENS).logits
        with computed_with(loaded, masks, sparse_rows) as sizes:
            sparse = loaded.module(input_ids=TOKENS).logits
        torch.testing.assert_close(sparse, masked, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(sparse, dense, rtol=1e-2, atol=1e-2)
        assert torch.equal(loaded.module(input_ids=TOKENS).logits, dense)
    assert sizes.keys() == masks.keys()


def test_everything_is_measured_once_and_kept(llama: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = savings(llama, spec_of(llama), WORK)
    assert found.disk["zeros"] == found.disk["dense"]
    assert found.disk["bit masks"] < found.disk["zeros"]
    assert found.memory["masked"] == found.memory["dense"]
    assert set(found.speed) == {"dense", "masked", "sparse rows"}
    for way in found.speed.values():
        assert [len(each) for each in way.values()] == [2, 2]
        assert all(speed > 0 for each in way.values() for speed in each)
    assert "GPU" in found.missing["2:4"]
    assert [path.name for path in (llama.folder / "savings").iterdir()][1:] == []
    monkeypatch.setattr(models, "load_model", pytest.fail)
    assert savings(llama, spec_of(llama), WORK) == found
    assert measured(llama) == [found]


def test_a_run_made_on_a_gpu_opens_without_one(llama: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Run(llama.folder)
    elsewhere.spec = replace(llama.spec, model=replace(llama.spec.model, device="cuda:99"))
    asked: list[str] = []
    monkeypatch.setattr(models, "load_model", lambda spec, _: asked.append(spec.device) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        savings(elsewhere, spec_of(llama), replace(WORK, prompt=9))
    assert asked == [models.resolve_device("auto")]


def test_a_repaired_sub_model_is_as_large_as_one_that_is_not(llama: Run) -> None:
    repaired = replace(spec_of(llama), mode="sequential", repair="refit")
    found = savings(llama, repaired, WORK)
    plain = savings(llama, spec_of(llama), WORK)
    for form in ("dense", "zeros", "bit masks"):
        # the headers name the forms, and no more than they differs
        assert abs(found.disk[form] - plain.disk[form]) < 64, form
    assert found.memory == plain.memory
    assert found.speed.keys() == plain.speed.keys()
    assert made_of(llama, repaired) is not None
    assert {each.spec["mode"] for each in measured(llama)} == {"one-shot", "sequential"}


@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_with_parts_removed_bytes_and_both_speeds_are_measured(llama: Run, sparsity: float) -> None:
    spec = ExportSpec(
        run=llama.id,
        mixture=(("code", 1.0),),
        prune=PruneSpec(sparsity=sparsity),
        narrow=NarrowSpec(channels=0.5, choice="sums", multiple=1),
    )
    found = savings(llama, spec, WORK)
    plan = plan_export(llama, spec)
    assert plan.narrow is not None
    assert found.memory == {
        "dense": plan.narrow.base_parameters * 4,
        NARROWED: plan.parameters * 4,
    }
    assert found.memory[NARROWED] < found.memory["dense"]
    assert 0 <= found.disk[NARROWED] - plan.bytes < 8192  # the header of the file
    assert ("bit masks" in found.disk) == (sparsity > 0)
    assert set(found.speed) == {"dense", NARROWED}
    assert [len(found.speed[NARROWED][what]) for what in ("read", "write")] == [2, 2]
    assert not [path for path in (llama.folder / "savings").iterdir() if path.is_dir()]


def test_speeds_are_compared_round_by_round(llama: Run) -> None:
    found = replace(
        savings(llama, spec_of(llama), WORK),
        speed={"dense": {"write": [1.0, 10.0, 4.0]}, "masked": {"write": [2.0, 5.0, 12.0]}},
    )
    assert found.beside_dense("masked", "write") == 2.0


def test_figures_show_the_numbers() -> None:
    sizes = size_chart({"dense": 200, "zeros": 200, "bit masks": 110}, "on disk", look(False))
    assert sizes.table["share_of_dense"] == [1.0, 1.0, 0.55]
    speed = speed_chart({"dense": 2.0}, {"dense": [1.0, 2.0, 4.0]}, look(True))
    assert (speed.table["slowest"], speed.table["fastest"]) == ([1.0], [4.0])
    assert speed.figure.data[0].error_x.array[0] == 2.0
