"""Repaired sub-models from a run to a folder: what is written, recorded, kept and verified."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.errors import AtlasError, Cancelled, InputError
from pruning.exports.planning import plan_export
from pruning.exports.record import SUBMODEL, read_record
from pruning.exports.verifying import verify
from pruning.exports.writing import export
from pruning.machine.locks import folder_lock
from pruning.progress import Progress
from pruning.repair.made import MADE
from pruning.repair.recipe import made_folder, made_of
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run


def spec_of(run: Run, repair: str, mode: str = "one-shot", **prune: object) -> ExportSpec:
    return ExportSpec(
        run=run.id,
        mixture=(("code", 1.0), ("prose", 0.5)),
        prune=PruneSpec(**prune),
        mode=mode,
        repair=repair,
    )


@pytest.mark.parametrize(
    ("architecture", "repair", "prune"),
    [
        ("llama", "refit", {"sparsity": 0.5, "score": "ria"}),
        ("llama", "alps", {"pattern": "2:4"}),
        ("gpt2", "sparsegpt", {"sparsity": 0.6, "comparison_group": "matrix"}),
        ("mixtral", "alps", {"sparsity": 0.5, "starved": "dense"}),
    ],
)
def test_written_recorded_and_verified(
    architecture: str,
    repair: str,
    prune: dict[str, object],
    runs: Callable[[str], Run],
    tmp_path: Path,
) -> None:
    run = runs(architecture)
    spec = spec_of(run, repair, **prune)
    result = export(run, spec, tmp_path / "out")
    checks = verify(result.folder, run=run)
    assert checks.ok, checks
    assert checks.checks[-1].name == "Output errors"
    record = read_record(result.folder)
    assert record.version == 3
    assert record.export["repair"] == repair
    made = made_of(run, spec)
    assert made is not None
    assert record.errors == {str(layer): error for layer, error in made.errors.items()}
    base, written = (
        load_file(folder / "model.safetensors") for folder in (run.model_folder(), result.folder)
    )
    chosen = {weight.tensor: weight for weight in run.weights}
    for name, before in base.items():
        if name not in chosen:
            assert torch.equal(written[name], before)
            continue
        weight = made[chosen[name].key]
        matrix, after = (t.T if chosen[name].transposed else t for t in (before, written[name]))
        assert torch.equal(after, weight.matrix(matrix))
        assert after.dtype == before.dtype
        assert record.tensors[name].repaired == (weight.values is not None)
    assert plan_export(run, spec) == result.plan
    assert result.plan.pruned == plan_export(run, replace(spec, repair="none")).pruned


def test_refit_keeps_the_mask_that_the_plain_export_has(
    runs: Callable[[str], Run], tmp_path: Path
) -> None:
    """Of one mask, of a union, and layer by layer, in which first inputs are alike."""
    run = runs("llama")
    plain = spec_of(run, "none", sparsity=0.5)
    union = replace(plain, mixture=(("code", 1.0), ("prose", 1.0)), combination="union")
    for number, spec in enumerate((plain, union)):
        folders = [
            export(run, replace(spec, repair=repair), tmp_path / f"{number}-{repair}").folder
            for repair in ("none", "refit")
        ]
        masked, repaired = (load_file(folder / "model.safetensors") for folder in folders)
        for name, values in masked.items():
            assert torch.equal(values != 0, repaired[name] != 0), name


def test_made_once_and_taken_again(
    runs: Callable[[str], Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs("llama")
    spec = spec_of(run, "alps", sparsity=0.37)
    assert made_of(run, spec) is None
    first = export(run, spec, tmp_path / "first")
    monkeypatch.setattr("pruning.repair.layer_by_layer.repair", pytest.fail)
    again = export(run, replace(spec, mode="sequential"), tmp_path / "again", form="sparse-bitmask")
    for name, entry in first.submodel.tensors.items():
        assert again.submodel.tensors[name].sha256 == entry.sha256
    assert verify(again.folder).ok
    small = sum(path.stat().st_size for path in made_folder(run, spec).iterdir())
    assert small < 0.9 * (first.folder / "model.safetensors").stat().st_size


def test_a_making_that_was_cancelled_goes_on_after_its_last_layer(
    runs: Callable[[str], Run], tmp_path: Path
) -> None:
    run = runs("llama")
    spec = spec_of(run, "sparsegpt", sparsity=0.41)
    whole = export(run, spec, tmp_path / "whole")
    kept = made_folder(run, spec)
    layer = load_file(kept / "layer-0.safetensors")
    for path in kept.iterdir():
        path.unlink()
    stages: list[str] = []

    def stop(progress: Progress) -> None:
        stages.append(progress.detail)
        if progress.detail.startswith("layer 1"):
            raise Cancelled

    with pytest.raises(Cancelled):
        export(run, spec, tmp_path / "stopped", stop)
    assert not (tmp_path / "stopped").exists()
    assert not (kept / MADE).exists()
    again = load_file(kept / "layer-0.safetensors")
    assert again.keys() == layer.keys()
    assert all(torch.equal(again[name], values) for name, values in layer.items())
    stages.clear()
    resumed = export(
        run, spec, tmp_path / "resumed", lambda progress: stages.append(progress.detail)
    )
    assert not any(detail.startswith("layer 0,") for detail in stages)
    for name, entry in whole.submodel.tensors.items():
        assert resumed.submodel.tensors[name].sha256 == entry.sha256


def test_two_processes_do_not_make_the_same(runs: Callable[[str], Run], tmp_path: Path) -> None:
    run = runs("llama")
    spec = spec_of(run, "refit", sparsity=0.43)
    with (
        folder_lock(made_folder(run, spec), "This"),
        pytest.raises(AtlasError, match="in use by another process"),
    ):
        export(run, spec, tmp_path / "out")


def test_a_bfloat16_checkpoint_stays_one(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path / "run", dtype=torch.bfloat16)
    result = export(run, spec_of(run, "refit", mode="sequential", sparsity=0.5), tmp_path / "out")
    assert verify(result.folder, run=run).ok
    written = load_file(result.folder / "model.safetensors")
    assert {values.dtype for values in written.values()} == {torch.bfloat16}


def test_changed_values_and_errors_are_found(runs: Callable[[str], Run], tmp_path: Path) -> None:
    run = runs("llama")
    folder = export(run, spec_of(run, "refit", sparsity=0.5), tmp_path / "out").folder
    record = json.loads((folder / SUBMODEL).read_text())
    record["errors"]["1"] *= 1.1
    (folder / SUBMODEL).write_text(json.dumps(record))
    failed = [check for check in verify(folder, run=run).checks if not check.ok]
    assert [check.name for check in failed] == ["Output errors"]
    assert "layer 1" in failed[0].detail
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = run.weights[0].tensor
    tensors[name][tensors[name] != 0] *= float("nan")
    save_file(tensors, path, {"format": "pt"})
    failed = [check for check in verify(folder).checks if not check.ok]
    assert {"Tensor bytes", "Base model"} <= {check.name for check in failed}


def test_errors_of_what_was_not_repaired(runs: Callable[[str], Run], tmp_path: Path) -> None:
    run = runs("llama")
    folder = export(run, spec_of(run, "none", sparsity=0.5), tmp_path / "out").folder
    assert read_record(folder).version == 1
    with pytest.raises(AtlasError, match="was not repaired"):
        verify(folder, run=run)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repair": "best"}, "not one of none, refit"),
        ({"repair": "refit", "combination": "removal"}, "A removal shows"),
        ({"repair": "alps", "combination": "union"}, "choose refit"),
        ({"repair": "alps", "prune": PruneSpec(score="magnitude")}, "leave the score at wanda"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ExportSpec(run="1f0c", **{"mixture": (("code", 1.0), ("prose", 1.0)), **changes})


def test_no_repair_leaves_no_trace_in_hashes() -> None:
    spec = ExportSpec(run="1f0c", mixture=(("code", 1.0),))
    assert "repair" not in spec.to_json()
    repaired = replace(spec, repair="alps")
    assert ExportSpec.from_json(repaired.to_json()) == repaired
    assert repaired.content_hash() != spec.content_hash()
