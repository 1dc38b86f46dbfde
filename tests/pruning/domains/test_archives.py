"""Zip archives: read in place, and refused when they are not what they seem."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest

from pruning.domains import archives, documents
from pruning.errors import InputError
from pruning.specs import DomainSpec


def drawn(path: Path, **choices: tuple[str, ...]) -> list[str]:
    spec = DomainSpec(name="mine", kind="files", source=str(path), **choices)  # type: ignore[arg-type]
    return list(documents(spec, 0))


def make(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def test_text_source_and_records_are_read_and_the_rest_left_out(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"text": text}) for text in ("x", "y")).encode()
    path = make(
        tmp_path / "a.zip",
        {
            "src/a.py": b"a = 1",
            "src/b.txt": b"words",
            "src/lines.jsonl": lines,
            "src/": b"",
            "inner.zip": b"PK nested",
            ".git/config": b"hidden",
            "__MACOSX/a.py": b"hidden",
            "image.png": b"\x89PNG\0",
        },
    )
    assert sorted(drawn(path)) == ["a = 1", "words", "x", "y"]
    assert drawn(path, suffixes=(".py",)) == ["a = 1"]


def test_an_archive_without_text_says_what_there_is(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"a.png": b"\0", "b.png": b"\0", "c.gif": b"\0"})
    with pytest.raises(InputError, match=r"there is: 2 \.png, 1 \.gif"):
        drawn(path)


@pytest.mark.parametrize("name", ["../a.py", "a/../../b.py", "/etc/a.py", "..\\a.py", "C:\\a.py"])
def test_names_outside_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / "a.zip", {"fine.py": b"x", name: b"x"})
    with pytest.raises(InputError, match="points outside the archive"):
        drawn(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"a.txt": b" " * 40_000_000})
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="as a zip bomb does"):
        drawn(path)


def test_too_many_bytes_or_entries_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.zip", {"a.txt": b"12345678", "b.txt": b"12345678"})
    assert len(drawn(path)) == 2
    monkeypatch.setattr(archives, "MAX_TOTAL", 15)
    with pytest.raises(InputError, match="grows to 16 bytes"):
        drawn(path)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 1)
    with pytest.raises(InputError, match="has 2 entries"):
        drawn(path)


def test_an_entry_that_declares_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"a.txt": b"x" * 1000})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 1000), struct.pack("<I", 10)))
    with pytest.raises(InputError, match=r"a\.zip/a\.txt is damaged"):
        drawn(path)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.zip", {"a.txt": b"secret"})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag in the entry's own header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(data)
    with pytest.raises(InputError, match="is encrypted"):
        drawn(path)


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_a_truncated_archive_is_refused(tmp_path: Path, keep: float) -> None:
    path = make(tmp_path / "a.zip", {"a.txt": b"some text", "b.txt": b"more text"})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError, match="not a zip archive that can be read"):
        drawn(path)


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is: no file"):
        drawn(make(tmp_path / "a.zip", {}))
