"""The archive holds the folder's files, as they are, under the folder's name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pruning.errors import Cancelled, InputError
from pruning.machine.archive import archive
from pruning.progress import Progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "python-50"
    (folder / "templates").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 1000)
    (folder / "config.json").write_text("{}")
    (folder / "templates" / "ünï.jinja").write_text("x")
    (folder / "empty").write_bytes(b"")
    return folder


def test_every_file_comes_out_as_it_went_in(folder: Path, tmp_path: Path) -> None:
    reports: list[Progress] = []
    target = archive(folder, tmp_path / "downloads" / "python-50.zip", reports.append)
    with zipfile.ZipFile(target) as packed:
        assert packed.testzip() is None
        assert {entry.compress_type for entry in packed.infolist()} == {zipfile.ZIP_STORED}
        packed.extractall(tmp_path / "again")
    before = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    again = tmp_path / "again" / "python-50"
    assert {p.relative_to(again) for p in again.rglob("*") if p.is_file()} == set(before)
    assert all((again / name).read_bytes() == path.read_bytes() for name, path in before.items())
    assert reports[-1].done == reports[-1].total == 256_003


def test_a_cancelled_archive_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    def cancel(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        archive(folder, tmp_path / "downloads" / "a.zip", cancel)
    assert not list((tmp_path / "downloads").iterdir())


def test_nothing_to_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to archive"):
        archive(tmp_path / "missing", tmp_path / "a.zip")
