"""Which sandbox is found, that one which leaks is not used, and that none means refusal."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.execution import (
    Limits,
    Sandbox,
    consent,
    detect,
    require,
    require_language,
    survey,
    toolchains,
)
from analysis.execution import detection as detection_module
from analysis.execution.languages import Toolchain
from analysis.execution.mechanisms import (
    START,
    Bubblewrap,
    Container,
    Mechanism,
    Namespaces,
    parents,
)
from analysis.execution.view import (
    INSIDE,
    LAUNCHER_ROOT,
    PROJECT_FOLDER,
    Entry,
    arrange,
    exposes,
    host_view,
    private_folders,
)
from pruning.errors import AtlasError, InputError
from tests.analysis.sandboxed import SMALL, python, sandbox_or_skip

pytestmark = pytest.mark.program


class Broken(Namespaces):
    """A mechanism that starts nothing."""

    def command(self, limits: Limits) -> list[str]:
        return ["sh", "-c", "echo not permitted >&2; exit 1"]


@pytest.fixture
def fresh() -> Iterator[None]:
    """What was found is forgotten before and after."""
    survey.cache_clear()
    yield
    survey.cache_clear()


def only(monkeypatch: pytest.MonkeyPatch, *mechanisms: Mechanism) -> None:
    monkeypatch.setattr(detection_module, "MECHANISMS", mechanisms)


@pytest.mark.usefixtures("fresh")
def test_without_a_sandbox_execution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, Broken())
    assert detect() is None
    with pytest.raises(AtlasError, match=r"apt install bubblewrap.*not permitted"):
        require()


@pytest.mark.usefixtures("fresh")
def test_the_first_that_holds_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = sandbox_or_skip().mechanism
    survey.cache_clear()
    only(monkeypatch, Broken(), kind, Broken())
    found = survey()
    assert (found.sandbox and found.sandbox.kind, found.refusal) == (kind.kind, "")
    assert [bool(attempt.trouble) for attempt in found.attempts] == [True, False]


def test_the_launcher_refuses_to_run_unconfined(tmp_path: Path) -> None:
    """Its last act is to kill every process it sees."""
    (tmp_path / "analysis" / "execution").mkdir(parents=True)
    (tmp_path / "analysis" / "execution" / "inside").symlink_to(INSIDE)
    start = START.replace(repr(LAUNCHER_ROOT), repr(str(tmp_path)))

    class Unconfined(Namespaces):
        def command(self, limits: Limits) -> list[str]:
            return [self.python(), "-I", "-S", "-B", "-c", start]

    assert "must be the first process" in detection_module.attempt(Unconfined())


def test_a_view_that_shows_the_project_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    if detection_module.attempt(Namespaces()):
        pytest.skip("namespaces do not work here")
    shown = (*host_view().entries, Entry(path=str(PROJECT_FOLDER), kind="show"))
    leaking = dataclasses.replace(host_view(), entries=shown)
    monkeypatch.setattr("analysis.execution.mechanisms.host_view", lambda: leaking)
    assert "does not keep its promise: files hidden" in detection_module.attempt(Namespaces())


@pytest.mark.parametrize("mechanism", [Bubblewrap(), Namespaces()], ids=lambda each: each.kind)
def test_every_mechanism_that_is_there_holds(mechanism: Mechanism) -> None:
    trouble = mechanism.lacking() or detection_module.attempt(mechanism)
    if trouble:
        pytest.skip(trouble)
    outcome = python(Sandbox(mechanism=mechanism, name="tested"), "print(6 * 7)")
    assert outcome.stdout == "42\n"


def engine(folder: Path, body: str) -> None:
    """A program named podman in the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "podman").write_text(f"#!/bin/sh\n{body}\n")
    (folder / "podman").chmod(0o755)


def test_what_a_container_lacks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert Container("podman").lacking() == "podman is not installed."
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    engine(tmp_path / "bin", "exit 1")
    assert "does not answer" in Container("podman").lacking()
    engine(tmp_path / "bin", '[ "$1" = info ]')
    assert "has no image submodel-atlas-programs" in Container("podman").lacking()
    engine(tmp_path / "bin", 'echo "podman version 9"')
    monkeypatch.setenv("SUBMODEL_ATLAS_IMAGE", "mine:1")
    assert Container("podman").lacking() == ""
    assert Container("podman").name() == "podman version 9, image mine:1"


def test_a_container_is_given_nothing_but_the_launcher() -> None:
    command = Container("docker").command(Limits())
    flags = set(command[: command.index("submodel-atlas-programs")])
    assert {"--network=none", "--read-only", "--cap-drop=ALL", "--rm", "--pull=never"} <= flags
    assert "--security-opt=no-new-privileges" in flags
    volumes = [flag for flag in flags if flag.startswith(("--volume", "-v", "--mount"))]
    assert len(volumes) == 1
    assert volumes[0].endswith("/launcher/analysis/execution/inside:ro")
    (user,) = (flag for flag in flags if flag.startswith("--user="))
    assert re.fullmatch(r"--user=(\d{5}):\1", user)


def test_private_folders_are_never_shown() -> None:
    shown = [Path(entry.path) for entry in host_view().entries if entry.kind == "show"]
    for private in private_folders():
        assert not any(private.is_relative_to(path) and private == path for path in shown)
        assert not any(exposes(path, [private]) and private == path for path in shown)


def test_what_is_private_within_what_is_shown_is_covered(tmp_path: Path) -> None:
    (tmp_path / "usr" / "app" / "tools").mkdir(parents=True)
    os.symlink("usr", tmp_path / "bin")
    paths = [tmp_path / "usr" / "app" / "tools", tmp_path / "bin", tmp_path / "usr"]
    entries = arrange(paths, [tmp_path / "usr" / "app", tmp_path / "elsewhere"])
    assert [(Path(e.path).name, e.kind) for e in entries] == [
        ("bin", "link"),
        ("usr", "show"),
        ("app", "hide"),
        ("tools", "show"),
    ]


def test_a_covered_folder_is_empty_in_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if detection_module.attempt(Namespaces()):
        pytest.skip("namespaces do not work here")
    (tmp_path / "shown" / "private").mkdir(parents=True)
    (tmp_path / "shown" / "private" / "secret").touch()
    (tmp_path / "shown" / "public").touch()
    more = (
        Entry(path=str(tmp_path / "shown"), kind="show"),
        Entry(path=str(tmp_path / "shown" / "private"), kind="hide"),
    )
    view = dataclasses.replace(host_view(), entries=(*host_view().entries, *more))
    monkeypatch.setattr("analysis.execution.mechanisms.host_view", lambda: view)
    outcome = python(
        Sandbox(mechanism=Namespaces(), name="namespaces"),
        f"""
        import os
        print(sorted(os.listdir({str(tmp_path / "shown")!r})))
        print(os.listdir({str(tmp_path / "shown" / "private")!r}))
        try:
            open({str(tmp_path / "shown" / "private" / "new")!r}, "w")
        except OSError as error:
            print(error.strerror)
        """,
    )
    assert outcome.stdout == "['private', 'public']\n[]\nRead-only file system\n", outcome


def test_the_folders_above_paths() -> None:
    assert parents(["/a/b/c", "/a/d", "/e", "/a"]) == ["/a/b"]


def test_tools_are_named_with_versions_or_what_to_install() -> None:
    sandbox = sandbox_or_skip()
    found = toolchains(sandbox)
    assert found["python"].sentence.startswith("Python: Python 3")
    missing = Toolchain(language="java", versions={"javac": "", "java": "17"}, left_out={})
    assert not missing.available
    assert "need javac, which the sandbox does not have; install a Java" in missing.sentence
    hidden = Toolchain(language="javascript", versions={"node": ""}, left_out={"node": "it is odd"})
    assert hidden.sentence == "JavaScript programs cannot be run: it is odd."
    with pytest.raises(InputError, match="the languages are python"):
        require_language(sandbox, "cobol")


def test_a_missing_tool_is_an_error_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = sandbox_or_skip()
    view = dataclasses.replace(host_view(), search_path="/nowhere")
    monkeypatch.setattr("analysis.execution.mechanisms.host_view", lambda: view)
    toolchains.cache_clear()
    try:
        with pytest.raises(InputError, match="need node"):
            require_language(sandbox, "javascript")
        assert python(sandbox, "print(1)", SMALL).passed
    finally:
        toolchains.cache_clear()


def test_consent_is_given_once_and_can_be_withdrawn(tmp_path: Path) -> None:
    sandbox = sandbox_or_skip()
    with pytest.raises(InputError, match=r"no network.*--allow-execution"):
        consent.consented_sandbox(tmp_path, allow=False)
    assert consent.given(tmp_path) is None
    assert consent.consented_sandbox(tmp_path, allow=True).kind == sandbox.kind
    kept = consent.given(tmp_path)
    assert kept is not None
    assert kept.mechanism == sandbox.kind
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", kept.given_at)
    assert consent.consented_sandbox(tmp_path, allow=False).kind == sandbox.kind
    consent.withdraw(tmp_path)
    consent.withdraw(tmp_path)
    assert not consent.allowed(tmp_path, sandbox)


def test_another_mechanism_needs_a_new_consent(tmp_path: Path) -> None:
    sandbox = Sandbox(mechanism=Container("podman"), name="podman")
    consent.give(tmp_path, sandbox)
    assert consent.allowed(tmp_path, sandbox)
    assert not consent.allowed(tmp_path, Sandbox(mechanism=Bubblewrap(), name="bubblewrap"))


def test_a_damaged_consent_is_none(tmp_path: Path) -> None:
    (tmp_path / consent.FILE).write_text("{}")
    with pytest.raises(AtlasError, match="is damaged"):
        consent.given(tmp_path)
