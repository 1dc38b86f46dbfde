"""An export is whole or not there, whatever goes wrong; what was there before is left alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pruning.errors import AtlasError, Cancelled, InputError
from pruning.exports.planning import plan_export
from pruning.exports.record import SUBMODEL
from pruning.exports.writing import export
from pruning.machine import new_folder as new_folder_module
from pruning.progress import Progress
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run


def base_of(run: Run) -> Path:
    return Path(run.spec.model.source)


def spec_of(run: Run) -> ExportSpec:
    return ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=PruneSpec())


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


def test_an_existing_folder_is_never_touched(llama: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="already there and not empty"):
        export(llama, spec_of(llama), tmp_path / "out")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="already there"):
        export(llama, spec_of(llama), tmp_path / "file")
    (tmp_path / "empty").mkdir()
    export(llama, spec_of(llama), tmp_path / "empty")
    assert (tmp_path / "empty" / SUBMODEL).is_file()
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_another_model_in_the_base_folder_is_noticed(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path)
    path = base_of(run) / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(AtlasError, match=r"is not the one that run .* was calibrated on"):
        export(run, spec_of(run), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path)
    run.write_manifest(status="running")
    with pytest.raises(AtlasError, match="not finished"):
        export(run, spec_of(run), tmp_path / "out")


@pytest.mark.parametrize("after", [1, 5, 20])
def test_cancelling_leaves_nothing(llama: Run, after: int, tmp_path: Path) -> None:
    reports: list[Progress] = []

    def cancel(progress: Progress) -> None:
        reports.append(progress)
        if len(reports) == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        export(llama, spec_of(llama), tmp_path / "out", cancel)
    assert not list(tmp_path.iterdir())


def test_progress_reaches_its_total(llama: Run, tmp_path: Path) -> None:
    reports: list[Progress] = []
    export(llama, spec_of(llama), tmp_path / "out", reports.append)
    done = [progress.done for progress in reports]
    assert done == sorted(done)
    assert done[-1] == reports[-1].total == plan_export(llama, spec_of(llama)).bytes


def test_too_little_room_is_said_before_anything_is_written(
    llama: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(new_folder_module.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(AtlasError, match=r"needs 0\.\d MB .* 0\.0 MB free; make room"):
        export(llama, spec_of(llama), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_leaves_nothing(
    llama: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pruning.checkpoints.shards.os.fsync", full)
    with pytest.raises(AtlasError, match="The disk is full"):
        export(llama, spec_of(llama), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_export_left_is_removed(llama: Run, tmp_path: Path) -> None:
    gone = tmp_path / ".out.partial-999999999"
    alive = tmp_path / f".out.partial-{os.getppid()}"
    for folder in (gone, alive):
        folder.mkdir()
    export(llama, spec_of(llama), tmp_path / "out")
    assert not gone.exists()
    assert alive.exists()
