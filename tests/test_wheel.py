"""The wheel, installed into an environment of its own: nothing of the checkout is in reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
import venv
from pathlib import Path
from zipfile import ZipFile

import psutil
import pytest

from bench.visitors import listens_at
from tests.test_readme import README, blocks
from tests.test_repository import ROOT, requirement_lines
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.process

AND_THE_APP = """
import json, sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
from submodel_atlas.serve import app_file
app = AppTest.from_file(str(app_file()), default_timeout=300).run()
assert not app.exception, app.exception
print(json.dumps({"home": atlas.__file__, "run": str(run.folder), "title": app.title[0].value}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs' folder of a fresh environment, which borrows the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    options = ["--quiet", "--no-deps", "--no-index", str(wheel)]
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install"]
    subprocess.run([*pip, *options], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def environment(folder: Path) -> dict[str, str]:
    """Without what points at the checkout or at somebody's workspace, with a home of its own."""
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    left_out = ("PYTHONPATH", "SUBMODEL_ATLAS_WORKSPACE", "SUBMODEL_ATLAS_ROOTS")
    return {name: value for name, value in os.environ.items() if name not in left_out} | own


def test_the_wheel_needs_what_the_requirements_say() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert sorted(project["dependencies"]) == sorted(requirement_lines("requirements.txt"))


def test_everything_that_is_read_is_inside(wheel: Path) -> None:
    """Every committed file of the packages, and nothing else but the app and its settings."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "submodel_atlas", "pages", "analysis", "pruning", "demo"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is no git checkout")
    there = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    there = {name for name in there if Path(name).name != "ruff.toml"}
    server = {"submodel_atlas/server/app.py", "submodel_atlas/server/.streamlit/config.toml"}
    inside = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert there <= inside
    untracked = {name for name in inside - there - server if not (ROOT / name).is_file()}
    assert not untracked
    assert {f"{name}/py.typed" for name in ("pruning", "analysis", "submodel_atlas")} <= inside


def test_the_five_lines_and_the_app_run_from_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    (lines,) = blocks(README, "python")
    assert lines.count("atlas.") == 5
    (tmp_path / "empty").mkdir()
    ended = subprocess.run(
        [installed / "python", "-W", "error", "-c", lines + AND_THE_APP],
        cwd=tmp_path / "empty", env=environment(tmp_path), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert Path(said["home"]).is_relative_to(installed.parent)
    assert Path(said["run"]).is_relative_to(tmp_path / "data" / "submodel-atlas" / "workspace")
    assert said["title"] == "An atlas of a language model"
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["exports"]
    assert (tmp_path / "empty" / "exports" / "python-50" / "submodel.json").is_file()


def test_the_command_serves_the_app_from_any_folder(installed: Path, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [installed / "submodel-atlas", "serve", "--port", "0"],
            cwd=tmp_path, env=environment(tmp_path), stdout=log, stderr=log,
        )  # fmt: skip

    def address_that_answers() -> str:
        """Empty until it does."""
        assert server.poll() is None, (tmp_path / "log").read_text()
        try:
            address = listens_at(psutil.Process(server.pid))
            answer = urllib.request.urlopen(f"http://{address}/_stcore/health", timeout=PATIENCE)
        except OSError:
            return ""
        with answer:
            assert answer.read() == b"ok"
        return address

    try:
        address = until(address_that_answers)
    finally:
        server.terminate()
        try:
            server.wait(PATIENCE)
        finally:
            server.kill()
    said = (tmp_path / "log").read_text()
    assert f"http://{address}" in said  # the address of the app's own settings
    assert (tmp_path / "data" / "submodel-atlas" / "workspace" / "jobs.sqlite").is_file()


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"], ["calibrate", "--help"]])
def test_the_command_explains_itself(installed: Path, tmp_path: Path, words: list[str]) -> None:
    ended = subprocess.run(
        [installed / "submodel-atlas", *words],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("usage: submodel-atlas")
    assert not (tmp_path / "data").exists()
