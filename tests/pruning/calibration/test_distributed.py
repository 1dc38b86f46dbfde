"""Several processes on one run: shares, claims, a killed worker, torchrun, merging."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pruning.calibration.calibrating import calibrate
from pruning.calibration.merging import merge
from pruning.calibration.shares import Share, Work
from pruning.errors import AtlasError, InputError
from pruning.progress import Progress
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec
from tests.pruning.models.test_streaming import assert_same_sums, calibration_spec


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> CalibrationSpec:
    return calibration_spec(tmp_path_factory.mktemp("spec"))


@pytest.fixture(scope="module")
def alone(spec: CalibrationSpec, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run as one process makes it."""
    return calibrate(spec, Workspace(tmp_path_factory.mktemp("alone")))


def test_shares_are_all_groups_once(alone: Run) -> None:
    work = Work(alone)
    assert [str(unit) for unit in work.units][:2] == [
        "code, group 1 of 3",
        "code, group 2 of 3",
    ]
    shares = [work.share(Share(number=number, count=4)) for number in (1, 2, 3, 4)]
    assert [len(share) for share in shares] == [2, 2, 1, 1]
    assert {unit for share in shares for unit in share} == set(work.units)
    with pytest.raises(InputError, match="no share 3 of 2"):
        Share.parse("3/2")
    with pytest.raises(InputError, match="written like 2/5"):
        Share.parse("two")


def test_shares_in_one_workspace_in_any_order(
    spec: CalibrationSpec, alone: Run, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    for number in (3, 1):
        run = calibrate(spec, workspace, share=Share(number=number, count=3))
        assert run.status == "running"
    with pytest.raises(AtlasError, match="is not finished"):
        run.stats("code")
    assert_same_sums(calibrate(spec, workspace, share=Share(number=2, count=3)), alone)


def test_shares_of_several_workspaces_are_merged(
    spec: CalibrationSpec, alone: Run, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in "ab"]
    for number, folder in enumerate(folders, 1):
        calibrate(spec, Workspace(folder), share=Share(number=number, count=2))
    here = Workspace(tmp_path / "here")
    (first,) = merge([folders[1]], here)
    assert (first.added, first.missing, first.run.status) == (3, 3, "running")
    (again,) = merge([folders[1]], here)
    assert (again.added, again.missing) == (0, 3)
    (last,) = merge([folders[0] / "runs" / alone.id], here)
    assert (last.added, last.missing) == (3, 0)
    assert_same_sums(last.run, alone)
    (copied,) = merge([here.root], Workspace(tmp_path / "copy"))
    assert_same_sums(copied.run, alone)
    with pytest.raises(InputError, match="holds no run"):
        merge([tmp_path / "nothing"], here)
    with pytest.raises(InputError, match="is the workspace to merge into"):
        merge([here.root], here)


WORKER = """
import json, os, signal, sys
from pruning.calibration.calibrating import calibrate
from pruning.calibration.shares import Share
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec

def report(progress):
    if progress.stage == "Calibrating" and progress.done == 4:  # in its second group
        os.kill(os.getpid(), signal.SIGKILL)

spec = CalibrationSpec.from_json(json.loads(sys.argv[1]))
calibrate(spec, Workspace(sys.argv[2]), report, Share())
"""


@pytest.mark.process
def test_the_groups_of_a_killed_worker_are_taken_over(
    spec: CalibrationSpec, alone: Run, tmp_path: Path
) -> None:
    others: list[int] = []

    def report(progress: Progress) -> None:
        if progress.stage == "Calibrating" and not others:  # this process has a group in hand
            worker = [sys.executable, "-c", WORKER, json.dumps(spec.to_json()), str(tmp_path)]
            others.append(subprocess.run(worker, check=False).returncode)
            done = {path.parent.name + path.stem for path in tmp_path.rglob("partial/*/*.saf*")}
            assert done == {"code1"}  # the worker left this one's group alone

    run = calibrate(spec, Workspace(tmp_path), report, Share())
    assert others == [-signal.SIGKILL]
    assert_same_sums(run, alone)


@pytest.mark.process
def test_processes_of_a_torchrun(spec: CalibrationSpec, alone: Run, tmp_path: Path) -> None:
    """Two processes, each with a workspace of its own, then both with the same."""
    script = tmp_path / "script.py"
    script.write_text(TORCHRUN)
    (tmp_path / "spec.json").write_text(json.dumps(spec.to_json()))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    ended = subprocess.run(
        [*launch, "2", str(script), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert [json.loads(line)["run"] for line in ended.stdout.splitlines()] == [alone.id] * 2
    for name in ("own-0", "own-1", "one"):
        assert_same_sums(Workspace(tmp_path / name).run(alone.id), alone)


TORCHRUN = f"""
import os, sys
sys.path.insert(0, {os.getcwd()!r})
from pathlib import Path
import torch.distributed as dist
from pruning.__main__ import main

dist.init_process_group("gloo")  # torchrun's store takes one group a process
folder = Path(sys.argv[1])
for name in (f"own-{{os.environ['RANK']}}", "one"):
    flags = ["--spec", folder / "spec.json", "--workspace", folder / name, "--json"]
    assert main(["calibrate", *map(str, flags)]) == 0
"""
