"""A good export passes every check; each kind of damage fails the check that is for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.checkpoints.headers import fingerprint
from pruning.errors import AtlasError, InputError
from pruning.exports.load_check import load_and_run, loaded_bytes
from pruning.exports.record import SUBMODEL
from pruning.exports.verifying import VerifyReport, verify
from pruning.exports.writing import export
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run

PRUNED = "model.layers.0.mlp.up_proj.weight"
UNTOUCHED = "model.layers.0.input_layernorm.weight"
CHECKS = [
    "Record",
    "Shards",
    "Files",
    "Tensor bytes",
    "Zeros",
    "Base model",
    "Loads in transformers",
]


def exported(run: Run, out: Path, **prune: Any) -> Path:
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=PruneSpec(**prune))
    return export(run, spec, out).folder


def failures(report: VerifyReport) -> dict[str, str]:
    assert report.ok == all(check.ok for check in report.checks)
    return {check.name: check.detail for check in report.checks if not check.ok}


def change(folder: Path, name: str, edit: Callable[[torch.Tensor], None]) -> None:
    """Edit one tensor and write the file again, as a person with the safetensors library would."""
    path = folder / "model.safetensors"
    stored = load_file(path)
    edit(stored[name])
    save_file(stored, path, {"format": "pt"})


def change_record(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / SUBMODEL
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def original(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(run, tmp_path_factory.mktemp("export") / "out")


@pytest.fixture
def out(original: Path, tmp_path: Path) -> Path:
    """A copy of a good export, to be damaged."""
    return Path(shutil.copytree(original, tmp_path / "out"))


@pytest.mark.parametrize(
    "prune",
    [
        {},
        {"sparsity": 0.0},
        {"pattern": "2:4"},
        {"sparsity": 0.6, "comparison_group": "matrix"},
        {"layers": (1,), "score": "random"},
    ],
    ids=str,
)
def test_a_good_export_passes(run: Run, prune: dict[str, Any], tmp_path: Path) -> None:
    report = verify(exported(run, tmp_path / "out", **prune))
    assert failures(report) == {}
    assert [check.name for check in report.checks] == CHECKS
    assert "equal the base model's" in report.checks[5].detail
    assert "finite logits" in report.checks[6].detail
    assert json.loads(json.dumps(report.to_json()))["ok"] is True


@pytest.mark.parametrize("architecture", ["gpt2", "phi3", "gemma3_text"])
def test_other_layouts_pass_too(architecture: str, tmp_path: Path) -> None:
    run = finished_run(architecture, tmp_path, dtype=torch.bfloat16, max_shard_size="40KB", seed=1)
    assert failures(verify(exported(run, tmp_path / "out", pattern="2:4"))) == {}


def test_a_base_with_zeros_of_its_own_passes(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path)
    base = Path(run.spec.model.source)
    change(base, PRUNED, lambda tensor: tensor[3].zero_())
    run.write_manifest(fingerprint=fingerprint(base))
    folder = exported(run, tmp_path / "out")
    record = json.loads((folder / SUBMODEL).read_text())["tensors"][PRUNED]
    assert record["zeros"] == record["pruned"] + 16  # half of that row was kept, and is zero
    assert failures(verify(folder)) == {}


def test_constants_of_older_releases_are_carried_along(tmp_path: Path) -> None:
    run = finished_run("gpt2", tmp_path)
    path = Path(run.spec.model.source) / "model.safetensors"
    constant = {"transformer.h.0.attn.masked_bias": torch.tensor(-1e4)}
    save_file({**load_file(path), **constant}, path, {"format": "pt"})
    run.write_manifest(fingerprint=fingerprint(path.parent))
    folder = exported(run, tmp_path / "out")
    assert load_file(folder / "model.safetensors").keys() > constant.keys()
    assert failures(verify(folder)) == {}


def test_a_pruned_value_that_came_back_is_found(out: Path) -> None:
    def revive(tensor: torch.Tensor) -> None:
        row, column = (tensor == 0).nonzero()[0].tolist()
        tensor[row, column] = 0.25

    change(out, PRUNED, revive)
    found = failures(verify(out))
    assert set(found) == {"Tensor bytes", "Zeros", "Base model"}
    assert f"{PRUNED} has other bytes" in found["Tensor bytes"]
    assert "1 of 80 groups with fewer than 16 zeros" in found["Zeros"]
    assert "1 values that are neither zero nor the base model's" in found["Base model"]


def test_zeros_that_moved_within_the_matrix_are_found_without_the_base(out: Path) -> None:
    """The total is right; a row has one zero too few, another one too many."""

    def move(tensor: torch.Tensor) -> None:
        first, second = tensor[0], tensor[1]
        first[(first == 0).nonzero()[0]] = 1.0
        second[(second != 0).nonzero()[0]] = 0.0

    change(out, PRUNED, move)
    change_record(out, lambda record: record["base"].update(source="/nowhere"))
    found = failures(verify(out))
    assert "Base model" not in found
    assert found["Zeros"] == f"{PRUNED} has 1 of 80 groups with fewer than 16 zeros."


def test_a_broken_pattern_is_found(run: Run, tmp_path: Path) -> None:
    out = exported(run, tmp_path / "out", pattern="2:4")

    def swap(tensor: torch.Tensor) -> None:
        zero, kept = (tensor[0, :4] == 0).nonzero()[0], (tensor[0, 4:8] != 0).nonzero()[0] + 4
        tensor[0, zero], tensor[0, kept] = 1.0, 0.0

    change(out, PRUNED, swap)
    assert "1 of 640 groups with fewer than 2 zeros" in failures(verify(out))["Zeros"]


def test_a_kept_value_that_changed_is_found(out: Path) -> None:
    change(out, PRUNED, lambda tensor: tensor.mul_(1.0001))
    found = failures(verify(out))
    assert set(found) == {"Tensor bytes", "Base model"}
    assert "1280 values that are neither zero" in found["Base model"]


def test_a_weight_that_was_not_pruned_must_be_the_base_s(out: Path) -> None:
    change(out, UNTOUCHED, lambda tensor: tensor.add_(1))
    found = failures(verify(out))
    assert set(found) == {"Tensor bytes", "Base model"}
    assert "though it was not pruned" in found["Base model"]


def test_not_a_number_does_not_pass(out: Path) -> None:
    change(out, "model.norm.weight", lambda tensor: tensor.fill_(float("nan")))
    assert "not all finite" in failures(verify(out))["Loads in transformers"]


def test_a_model_larger_than_the_memory_is_not_loaded(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = loaded_bytes(out)
    monkeypatch.setattr(
        "pruning.exports.load_check._load", lambda folder: pytest.fail("it was loaded")
    )
    monkeypatch.setattr("pruning.exports.load_check.free_memory_bytes", lambda: size - 1)
    report = verify(out)
    assert report.ok
    assert report.checks[-1].detail == "Skipped: there is too little memory to load the model."


def test_the_memory_needed_is_that_of_the_precision_loaded(out: Path) -> None:
    values = sum(tensor.numel() for tensor in load_file(out / "model.safetensors").values())
    assert loaded_bytes(out) == 4 * values
    path = out / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "dtype": "bfloat16"}))
    assert loaded_bytes(out) == 2 * values
    path.unlink()
    assert loaded_bytes(out) == 0


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't allocate memory: 9 bytes")])
def test_memory_that_runs_out_while_loading_is_no_fault(
    out: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        raise error

    monkeypatch.setattr("pruning.exports.load_check._load", fail)
    assert load_and_run(out) == (True, "Skipped: there is too little memory to load the model.")


def test_a_truncated_file_is_found(out: Path) -> None:
    path = out / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    found = failures(verify(out))
    assert set(found) == {"Shards"}
    assert "not a complete safetensors file" in found["Shards"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_missing_file_is_found(out: Path, name: str) -> None:
    (out / name).unlink()
    found = failures(verify(out))
    assert any(name in detail for detail in found.values())


def test_a_changed_configuration_is_found(out: Path) -> None:
    path = out / "config.json"
    path.write_text(path.read_text().replace("silu", "gelu"))
    assert failures(verify(out)) == {"Files": "config.json has changed since the export."}


def test_a_lost_or_added_tensor_is_found(out: Path) -> None:
    path = out / "model.safetensors"
    stored = load_file(path)
    stored["surplus"] = stored.pop(PRUNED)
    save_file(stored, path, {"format": "pt"})
    found = failures(verify(out))
    assert f"{PRUNED} is missing" in found["Shards"]
    assert f"surplus is not in {SUBMODEL}" in found["Shards"]
    assert "were not loaded" in found["Loads in transformers"]


def test_the_base_is_compared_where_it_is_said_to_be(run: Run, out: Path, tmp_path: Path) -> None:
    base = Path(run.spec.model.source)
    moved = Path(shutil.copytree(base, tmp_path / "moved"))
    change_record(out, lambda record: record["base"].update(source=str(tmp_path / "gone")))
    report = verify(out)
    assert report.ok
    assert "Not compared" in report.checks[5].detail
    assert verify(out, moved).ok
    change(moved, UNTOUCHED, lambda tensor: tensor.add_(1))
    assert "not the one this was made from" in failures(verify(out, moved))["Base model"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": 1}', '{"schema": "one", "tensors": {}}', "\0\0"],
)
def test_a_damaged_record_is_found(out: Path, text: str) -> None:
    (out / SUBMODEL).write_text(text)
    assert "is damaged" in failures(verify(out))["Record"]


def test_a_record_of_an_impossible_export_is_damaged(out: Path) -> None:
    change_record(out, lambda record: record["export"]["prune"].update(sparsity=2))
    assert "outside 0 <= sparsity < 1" in failures(verify(out))["Record"]


def test_what_cannot_be_verified_at_all(out: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        verify(tmp_path / "missing")
    change_record(out, lambda record: record.update(schema=99))
    with pytest.raises(AtlasError, match="update the program"):
        verify(out)
    (out / SUBMODEL).unlink()
    with pytest.raises(InputError, match="not exported by this program"):
        verify(out)
