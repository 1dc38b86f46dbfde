"""A run belongs to its model's weights, wherever the folder lies that was named last."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pruning.calibration.calibrating import calibrate
from pruning.errors import AtlasError
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, SampleSpec
from tests.pruning import zoo


@pytest.fixture
def spec(tmp_path: Path) -> CalibrationSpec:
    folder = zoo.build("llama", tmp_path / "first")
    text = tmp_path / "text.jsonl"
    lines = [json.dumps({"text": f"Number {n} is more than {n - 1}."}) for n in range(200)]
    text.write_text("\n".join(lines))
    return CalibrationSpec(
        model=ModelSpec(source=str(folder), device="cpu"),
        domains=(DomainSpec(name="words", kind="files", source=str(text)),),
        sample=SampleSpec(num_samples=2, seq_len=16, groups=2, allow_fewer=True),
    )


def at(spec: CalibrationSpec, folder: Path) -> CalibrationSpec:
    return replace(spec, model=replace(spec.model, source=str(folder)))


def test_the_folder_that_was_named_last_is_the_models(
    spec: CalibrationSpec, tmp_path: Path
) -> None:
    workspace, first, second = Workspace(tmp_path / "ws"), tmp_path / "first", tmp_path / "second"
    run = calibrate(spec, workspace)
    before = run.manifest
    shutil.copytree(first, second)
    again = calibrate(at(spec, second), workspace)
    assert again.id == run.id
    assert workspace.run(run.id).model_folder() == second  # both are there: its files are meant
    assert again.spec == at(run.spec, second)
    assert again.manifest.weights == before.weights
    shutil.rmtree(second)
    assert workspace.run(run.id).model_folder() == first  # where it was before
    shutil.move(first, tmp_path / "third")
    with pytest.raises(AtlasError, match="start the same calibration with that folder"):
        workspace.run(run.id).model_folder()
    calibrate(at(spec, tmp_path / "third"), workspace)
    assert workspace.run(run.id).model_folder() == tmp_path / "third"


def test_the_weights_are_found_where_another_run_names_them(
    spec: CalibrationSpec, tmp_path: Path
) -> None:
    workspace, second = Workspace(tmp_path / "ws"), tmp_path / "second"
    run = calibrate(spec, workspace)
    shutil.move(tmp_path / "first", second)
    longer = replace(spec.sample, seq_len=24)
    other = calibrate(replace(at(spec, second), sample=longer), workspace)
    assert other.id != run.id
    assert workspace.run(run.id).model_folder() == second
    zoo.build("llama", second, seed=1)  # other weights in the same place
    with pytest.raises(AtlasError, match="is not the one that run"):
        workspace.run(run.id).model_folder()
