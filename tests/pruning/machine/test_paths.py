"""Paths from people are made absolute and kept inside the allowed folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pruning.errors import InputError
from pruning.machine.paths import (
    PROJECT_FOLDER,
    ROOTS_VARIABLE,
    WORKSPACE_VARIABLE,
    allowed_path,
    allowed_roots,
    uploads_folder,
)


def test_without_roots_every_path_is_allowed_and_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ROOTS_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert allowed_roots() is None
    assert allowed_path("a/../b") == tmp_path.resolve() / "b"
    assert allowed_path("~") == Path.home().resolve()


def test_roots_hold_against_dots_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, second, outside = tmp_path / "inside", tmp_path / "second", tmp_path / "inside-not"
    for folder in (inside, second, outside):
        folder.mkdir()
    (inside / "link").symlink_to(outside)
    monkeypatch.setenv(ROOTS_VARIABLE, os.pathsep.join([str(inside), str(second), ""]))
    assert allowed_path(inside / "x") == (inside / "x").resolve()
    assert allowed_path(second) == second.resolve()
    for path in (outside, inside / ".." / "inside-not", inside / "link" / "x", "/etc/passwd"):
        with pytest.raises(InputError, match="outside the folders that this server may read"):
            allowed_path(path)


def test_a_path_that_no_system_takes_is_a_sentence() -> None:
    with pytest.raises(InputError, match="not a path that can be used"):
        allowed_path("a\0b")


def test_one_upload_is_allowed_where_asked_for_but_never_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOTS_VARIABLE, str(tmp_path / "texts"))
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "workspace"))
    uploads = uploads_folder()
    assert uploads == (tmp_path / "workspace" / "uploads").resolve()
    mine = uploads / "secret"
    assert allowed_path(mine, uploads=True) == mine
    assert allowed_path(mine / "a.zip", uploads=True) == mine / "a.zip"
    for path in (uploads, mine / "..", uploads.parent / "runs"):
        with pytest.raises(InputError, match=r"outside the folders .*give a path inside"):
            allowed_path(path, uploads=True)
    with pytest.raises(InputError, match="outside the folders that this server may read"):
        allowed_path(mine)


def test_without_a_workspace_named_uploads_lie_in_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    assert uploads_folder() == (PROJECT_FOLDER / "workspace" / "uploads").resolve()
