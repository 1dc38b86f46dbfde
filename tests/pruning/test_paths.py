"""Paths from people are made absolute and kept inside the allowed folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pruning.errors import InputError
from pruning.paths import ROOTS_VARIABLE, allowed_path, allowed_roots


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
