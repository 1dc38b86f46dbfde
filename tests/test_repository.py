"""What holds the repository together: import direction, pins, licence, the two commands."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ("analysis", "app", "demo", "pages", "pruning", "submodel_atlas", "tests")
# package -> what none of its files may import, at the top or inside a function
FORBIDDEN = {
    "pruning": ("analysis", "pages", "submodel_atlas", "app", "streamlit", "plotly", "tests"),
    "analysis": ("pages", "submodel_atlas", "app", "streamlit", "tests"),
    "pages": ("torch", "submodel_atlas", "app", "tests"),
    "submodel_atlas": ("pages", "app", "streamlit", "tests"),
    "demo/texts": ("analysis", "app", "pages", "pruning", "submodel_atlas", "tests"),
}


def imported(file: Path) -> set[str]:
    """Every module that a file imports anywhere, dotted; a relative import begins with "."."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return names


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_point_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in files
        for name in imported(file)
        if name.startswith(".") or any(within(name, other) for other in FORBIDDEN[package])
    ]
    assert not wrong


def test_of_the_demo_the_library_sees_only_the_texts() -> None:
    for file in (ROOT / "pruning").rglob("*.py"):
        names = {name for name in imported(file) if within(name, "demo") and name != "demo"}
        assert all(within(name, "demo.texts") for name in names), file


def test_the_domain_texts_are_a_leaf() -> None:
    for file in (ROOT / "demo" / "texts").rglob("*.py"):
        own = {name for name in imported(file) if name.split(".")[0] in PROJECT and name != "demo"}
        assert all(within(name, "demo.texts") for name in own), file


def requirement_lines(name: str) -> list[str]:
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def pins() -> dict[str, str]:
    files = ("requirements.txt", "requirements-dev.txt", "constraints.txt")
    pairs = [line.split("==") for name in files for line in requirement_lines(name)]
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "constraints.txt"])
def test_every_version_is_exact(name: str) -> None:
    lines = requirement_lines(name)
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    names = [canonicalize_name(line.split("==")[0]) for line in lines]
    assert len(names) == len(set(names))


def needed(name: str, seen: dict[str, str]) -> None:
    """Add a distribution and all that it brings along here: name -> installed version."""
    key = canonicalize_name(name)
    if key in seen:
        return
    distribution = metadata.distribution(name)
    seen[key] = distribution.version.split("+")[0]
    for text in distribution.requires or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            needed(requirement.name, seen)


def test_everything_that_is_brought_along_is_pinned_as_installed() -> None:
    seen: dict[str, str] = {}
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in requirement_lines(name):
            needed(line.split("==")[0], seen)
    pinned = pins()
    assert {name: pinned.get(name) for name in seen} == seen


def test_the_linter_holds_the_same_direction() -> None:
    for package, others in FORBIDDEN.items():
        text = (ROOT / package / "ruff.toml").read_text()
        for other in others:
            if other not in ("app", "tests"):
                assert f"\n{other}.msg = " in text


def committed() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    yield from (ROOT / name for name in listed.stdout.split("\0") if name)


def test_no_committed_text_names_a_folder_of_somebodys_machine() -> None:
    pattern = re.compile(rb"(?<![\w.:/])/(?:root|work|mnt|Users)/\w")
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in committed()
        if path.is_file() and path.suffix != ".safetensors"
        for match in pattern.finditer(path.read_bytes())
    ]
    assert not found


def test_nothing_generated_is_committed() -> None:
    folders = {"__pycache__", ".venv", "workspace", ".mypy_cache", ".ruff_cache", ".hypothesis"}
    for path in committed():
        assert not folders & set(path.relative_to(ROOT).parts[:-1]), path
        assert path.suffix not in (".pyc", ".pkl", ".pt", ".bin"), path


def test_licence_and_citation() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{citation["version"]}"' in project
    assert citation["license"] == "MIT"
    papers = {
        reference["identifiers"][0]["value"]: reference["authors"][0]["family-names"]
        for reference in citation["references"]
    }
    assert papers == {"arXiv:2501.05248": "Puccioni", "arXiv:2306.11695": "Sun"}


def test_continuous_integration_runs_make_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[-1] == "exec make test"
    for script in (".ci/run", "scripts/ensure_chromium", "scripts/make_environment"):
        assert (ROOT / script).stat().st_mode & 0o111
        subprocess.run(["bash", "-n", ROOT / script], check=True)


def bare_machine(folder: Path, *programs: str) -> dict[str, str]:
    """An environment with no program but these."""
    folder.mkdir()
    for program in ("bash", "env", "id", *programs):
        (folder / program).symlink_to(shutil.which(program) or "")
    return {"PATH": str(folder)}


def test_without_a_recent_python_there_is_a_sentence(tmp_path: Path) -> None:
    ended = subprocess.run(
        [ROOT / "scripts" / "make_environment", tmp_path / "venv"],
        env=bare_machine(tmp_path / "bin"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("Python 3.11 or newer is needed")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "venv").exists()


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    environment = bare_machine(tmp_path / "bin")
    python = tmp_path / "bin" / "python3"
    python.write_text(
        "#!/usr/bin/env bash\n"
        "case $2 in *venv*) exit 1 ;; *print*) echo 3.12 ;; esac\n"  # all else works
    )
    python.chmod(0o755)
    ended = subprocess.run(
        [ROOT / "scripts" / "make_environment", tmp_path / "venv"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "apt-get install python3.12-venv" in ended.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="looks in /Applications too")
@pytest.mark.parametrize(("settings", "status"), [({}, 0), ({"CI": "true"}, 1)])
def test_a_missing_chromium_fails_only_the_continuous_integration(
    settings: dict[str, str], status: int, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [ROOT / "scripts" / "ensure_chromium"],
        env=bare_machine(tmp_path / "bin") | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status
    assert "could not be installed" in ended.stderr
