"""The workspace folder: finding, refusing, locking and deleting runs; writes that fail."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from pruning.calibration.calibrating import calibrate
from pruning.errors import AtlasError, InputError
from pruning.machine.storage import atomic_json, atomic_tensors, atomic_write, writer
from pruning.runs.manifest import SCHEMA_VERSION
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, SampleSpec


@pytest.fixture
def run(tmp_path: Path, tiny_folder: Callable[..., Path]) -> Run:
    (tmp_path / "text.txt").write_text("one two three four five six seven. " * 40)
    spec = CalibrationSpec(
        model=ModelSpec(source=str(tiny_folder("llama")), device="cpu"),
        domains=(DomainSpec(name="text", kind="files", source=str(tmp_path / "text.txt")),),
        sample=SampleSpec(num_samples=2, seq_len=16, groups=1),
        layers=(0,),
    )
    return calibrate(spec, Workspace(tmp_path / "workspace"))


def workspace_of(run: Run) -> Workspace:
    return Workspace(run.folder.parent.parent)


def test_a_run_is_found_by_the_beginning_of_its_id(run: Run) -> None:
    workspace = workspace_of(run)
    assert workspace.run(run.id[:4]).folder == run.folder
    with pytest.raises(InputError, match="There is no run 0123456789ab"):
        workspace.run("0123456789ab")
    with pytest.raises(InputError, match="is no run id"):
        workspace.run("../../etc")


def test_the_environment_names_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBMODEL_ATLAS_WORKSPACE", str(tmp_path / "elsewhere"))
    assert Workspace().root == tmp_path / "elsewhere"
    assert Workspace(tmp_path / "named").root == tmp_path / "named"


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; name a folder"):
        Workspace(tmp_path / "file")


def test_a_run_of_a_newer_schema_is_named_and_left_alone(run: Run) -> None:
    path = run.folder / "run.json"
    path.write_text(json.dumps({**run.manifest.to_json(), "schema": SCHEMA_VERSION + 1}))
    before = path.read_bytes()
    workspace = workspace_of(run)
    assert workspace.runs() == []
    [problem] = workspace.problems()
    assert "written by a newer version" in problem
    with pytest.raises(AtlasError, match="newer version"):
        workspace.run(run.id)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1}'])
def test_a_damaged_manifest_is_a_sentence(run: Run, content: str) -> None:
    (run.folder / "run.json").write_text(content)
    workspace = workspace_of(run)
    assert workspace.runs() == []
    assert "damaged" in workspace.problems()[0]


def test_missing_statistics_say_calibrate_again(run: Run) -> None:
    run.stats_path("text").write_bytes(b"")
    with pytest.raises(AtlasError, match="calibrate again"):
        run.stats("text")


def test_an_unknown_domain_names_those_there_are(run: Run) -> None:
    with pytest.raises(InputError, match="no domain 'java'; it has text"):
        run.stats("java")


def test_another_model_in_the_same_folder_is_noticed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.runs.run.fingerprint", lambda _: "another")
    with pytest.raises(AtlasError, match="not the one that run"):
        run.weight_reader()


def test_a_deleted_run_is_gone_and_one_in_use_is_not(run: Run) -> None:
    workspace = workspace_of(run)
    with run.lock(), pytest.raises(AtlasError, match="in use by another process"):
        workspace.delete_run(run.id)
    assert workspace.runs()[0].id == run.id
    workspace.delete_run(run.id)
    assert workspace.runs() == []
    assert list(workspace.runs_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "The disk is full"), (errno.EROFS, "cannot be written; choose a folder")],
)
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    path = tmp_path / "data.json"
    atomic_json(path, {"old": True})

    def fail(*_: object) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr("pruning.machine.storage.os.fsync", fail)
    with pytest.raises(AtlasError, match=words):
        atomic_json(path, {"new": True})
    assert json.loads(path.read_text()) == {"old": True}
    assert [file.name for file in tmp_path.iterdir()] == ["data.json"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    machine = writer().rpartition("-")[2]
    gone = [f".data.json.999999999{rest}.partial" for rest in ("", f"-1-{machine}")]
    left_alone = [
        f".data.json.{os.getppid()}.partial",  # alive
        f".data.json.{os.getppid()}-1-{machine}.partial",
        ".data.json.999999999-1-00000000.partial",  # of another machine
        ".data.json.999999999",
        ".other.json.999999999.partial",
        ".data.json.old.999999999.partial",
    ]
    for name in (*gone, *left_alone):
        (tmp_path / name).touch()
    atomic_json(tmp_path / "data.json", {})
    assert {file.name for file in tmp_path.iterdir()} == {"data.json", *left_alone}


def test_two_threads_may_write_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    both = threading.Barrier(2)

    def write(text: str) -> None:
        def fill(temporary: Path) -> None:
            temporary.write_text(text)
            both.wait(60)

        atomic_write(path, fill)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, ("one", "two")))
    assert path.read_text() in ("one", "two")
    assert list(tmp_path.iterdir()) == [path]


def test_tensors_round_trip_with_metadata(tmp_path: Path) -> None:
    atomic_tensors(tmp_path / "x.safetensors", {"a": np.arange(3)}, {"note": "yes"})
    with safe_open(tmp_path / "x.safetensors", "numpy") as handle:
        assert handle.get_tensor("a").tolist() == [0, 1, 2]
        assert handle.metadata() == {"note": "yes"}
