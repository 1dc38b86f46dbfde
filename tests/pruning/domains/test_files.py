"""A person's own files: every format, seeded order, and files that cannot be used."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pruning.domains import blobs, documents
from pruning.domains.decoding import decode
from pruning.domains.files import Member, WholeFile
from pruning.domains.request import Request
from pruning.errors import AtlasError, InputError
from pruning.specs import DomainSpec

TEXTS = [f"document number {number}\nwith a “second” line" for number in range(20)]


def spec_of(path: Path, **choices: Any) -> DomainSpec:
    return DomainSpec(name="mine", kind="files", source=str(path), **choices)


def drawn(path: Path, seed: int = 0, **choices: Any) -> list[str]:
    return list(documents(spec_of(path, **choices), seed))


def refused(path: Path, **choices: Any) -> str:
    with pytest.raises(InputError) as error:
        drawn(path, **choices)
    return str(error.value)


def write_lines(path: Path, records: list[Any], encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join(json.dumps(record) for record in records).encode(encoding))
    return path


def records() -> list[dict[str, Any]]:
    return [{"number": number, "text": text} for number, text in enumerate(TEXTS)]


def record_files(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"a.{name}" for name in ("jsonl", "json", "csv", "parquet")}
    write_lines(files["jsonl"], records())
    files["json"].write_text(json.dumps({"data": records()}))
    rows = [f'{record["number"]},"{record["text"]}"' for record in records()]
    files["csv"].write_text("\n".join(["number,text", *rows]))
    parquet.write_table(pa.Table.from_pylist(records()), files["parquet"], row_group_size=7)
    files["jsonl.gz"] = folder / "a.jsonl.gz"
    files["jsonl.gz"].write_bytes(gzip.compress(files["jsonl"].read_bytes()))
    files["utf-16"] = write_lines(folder / "wide.jsonl", records(), "utf-16")
    files["marked"] = write_lines(folder / "marked.jsonl", records(), "utf-8-sig")
    files["strings"] = folder / "strings.json"
    files["strings"].write_text(json.dumps(TEXTS))
    return files


def test_every_record_format_gives_the_same_documents_in_the_same_order(tmp_path: Path) -> None:
    orders = {name: drawn(path, seed=5) for name, path in record_files(tmp_path).items()}
    expected = orders["jsonl"]
    assert sorted(expected) == sorted(TEXTS)
    assert orders == dict.fromkeys(orders, expected)


def test_the_order_depends_on_the_seed_and_on_nothing_else(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", records())
    assert drawn(path, seed=1) == drawn(path, seed=1)
    assert drawn(path, seed=1) != drawn(path, seed=2)
    assert drawn(path, seed=1) != TEXTS


def test_template_and_nested_columns_in_every_format(tmp_path: Path) -> None:
    rows = [{"n": 1, "pair": {"en": "a cat", "fr": "un chat"}}]
    lines = write_lines(tmp_path / "a.jsonl", rows)
    table = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), table)
    for path in (lines, table):
        assert drawn(path, column="pair.fr") == ["un chat"]
        assert drawn(path, template="{n}: {pair.en} = {pair.fr}") == ["1: a cat = un chat"]
        assert "pair.en (text), pair.fr (text)" in refused(path)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_tables_with_the_usual_marks_between_cells(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'n{mark}body\n1{mark}"a, b; c"\n2{mark}"say ""x"""\n')
    assert sorted(drawn(path)) == ["a, b; c", 'say "x"']


def test_empty_texts_are_left_out(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"text": t} for t in ("a", "", " \n", None, "b")])
    assert sorted(drawn(path)) == ["a", "b"]
    nothing = write_lines(tmp_path / "b.jsonl", [{"text": ""}, {"text": " "}])
    assert "nothing but empty texts" in refused(nothing)


def test_a_text_file_is_one_document_with_plain_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_bytes("é\r\n\r\nb".encode(encoding))
        assert drawn(path) == ["é\n\nb"]


def source_folder(folder: Path) -> Path:
    files: dict[str, bytes] = {
        "b.py": b"b = 1",
        "a.py": b"a = 1",
        "inner/c.PY": b"c = 1",
        "inner/d.js": b"let d",
        "inner/empty.py": b"",
        ".git/e.py": b"hidden",
        ".hidden.py": b"hidden",
        "image.py": b"\x89PNG\0\0",
        "latin.py": "é".encode("latin-1"),
        "odd.py": b"\x81\x8d",
        "settings.json": b'{"strict": true}',
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_folder_keeps_what_is_text_and_shown(tmp_path: Path) -> None:
    folder = source_folder(tmp_path / "code")
    python = ["a = 1", "b = 1", "c = 1", "é"]
    assert sorted(drawn(folder, suffixes=(".py",))) == python
    assert sorted(drawn(folder, suffixes=("*.py", "js"))) == sorted([*python, "let d"])
    assert sorted(drawn(folder)) == sorted([*python, "let d", '{"strict": true}'])


def test_a_folder_of_record_files_gives_all_their_records(tmp_path: Path) -> None:
    write_lines(tmp_path / "1.jsonl", records()[:7])
    write_lines(tmp_path / "2.jsonl", records()[7:])
    assert sorted(drawn(tmp_path)) == sorted(TEXTS)


def test_a_folder_without_text_says_what_there_is(tmp_path: Path) -> None:
    folder = source_folder(tmp_path / "code")
    message = refused(folder, suffixes=(".java",))
    assert "ending .java" in message
    assert "7 .py, 1 .js, 1 .json" in message
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "there is: no file" in refused(empty)
    (empty / "a.bin").write_bytes(b"\0\1")
    assert "there is: 1 .bin" in refused(empty)


def test_links_out_of_the_folders_that_a_server_may_read_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text("secret")
    folder = tmp_path / "open"
    folder.mkdir()
    (folder / "a.py").write_text("shown")
    (folder / "b.py").symlink_to(secret)
    assert sorted(drawn(folder)) == ["secret", "shown"]
    monkeypatch.setenv("SUBMODEL_ATLAS_ROOTS", str(folder))
    assert drawn(folder) == ["shown"]
    assert "outside the folders" in refused(secret)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.txt", b"", r"a.txt is empty \(0 bytes\)"),
        ("a.jsonl", b"", r"a.jsonl is empty \(0 bytes\)"),
        ("a.jsonl", b" \n\n", "it has no record"),
        ("a.json", b"[]", "it has no record"),
        ("a.csv", b"text\n", "it has no row"),
        ("a.txt", b"ab\0", r"a binary file \(a zero byte at position 2\)"),
        ("a.txt", b"ab\ncd\x81f", r"not UTF-8 text: byte 0x81 at position 5 \(line 2\)"),
        ("a.jsonl", b'{"text": "\x81"}', "not UTF-8 text: byte 0x81"),
        ("a.jsonl", b'{"text": "a"}\n{"text": ', "record 2 is not JSON"),
        ("a.jsonl", b'{"text": "a"}\n"b"', "record 2, is not a record"),
        ("a.json", b'{"text": "a"}', "not a list of texts or records"),
        ("a.json", b"[1, 2]", "record 1, is not a record"),
        ("a.json", b"[" * 200_000, "nested too deeply"),
        ("a.csv", b"text,n\na,1\nb,2,3\n", "not a regular CSV table"),
        ("a.csv", b"title,body\na,b\n", "say which column"),
        ("a.parquet", b"PAR1 but not really", "not a whole Parquet file"),
        ("a.jsonl.gz", b"not gzip", "record 1 is not JSON"),
        ("a.jsonl.gz", b"\x1f\x8b not gzip", "not a whole gzip file"),
        ("a.tar", b"x", "archive that cannot be read here"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=says):
        drawn(path)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    assert "no file or folder" in refused(tmp_path / "missing")
    assert "no file or folder" in refused(tmp_path / ("x" * 5000))


def test_a_column_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    assert "has no columns" in refused(path, column="text")
    strings = write_lines(tmp_path / "a.jsonl", ["x", "y"])
    assert "plain texts without columns" in refused(strings, column="text")


def test_gzip_that_grows_implausibly_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * 40_000_000))
    assert "not plausible for text" in refused(path)


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(TEXTS).encode())[:-9])
    assert "not a whole gzip file" in refused(path)


def test_decode_names_the_place_in_utf_16() -> None:
    with pytest.raises(InputError, match="x is not UTF-16 text"):
        decode(b"\xff\xfea\0b", "x")


def test_a_dot_in_a_column_s_name(tmp_path: Path) -> None:
    rows = tmp_path / "a.csv"
    rows.write_text("id,review.text\n1,good\n")
    table = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"id": [1], "review.text": ["good"]}), table)
    for path in (rows, table):
        assert drawn(path) == drawn(path, column="review.text") == ["good"]
        assert drawn(path, template="{id}: {review.text}") == ["1: good"]
        assert "no column 'review'; its columns: id, review.text" in refused(
            path, template="{review}"
        )


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,text,title\na,b,c\n")
    assert "2 columns named 'text'" in refused(path)
    assert "2 columns named 'text'" in refused(path, template="{title} {text}")
    assert drawn(path, column="title") == ["c"]


def test_one_odd_file_among_others_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "MAX_IN_MEMORY", 1000)
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "huge.mp4").write_bytes(b"x" * 2000)
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"words")[:-9])
    (tmp_path / "bomb.txt.gz").write_bytes(gzip.compress(b" " * 5000))
    for seed in range(4):
        assert drawn(tmp_path, seed) == ["words"]
    for name in ("huge.mp4", "cut.txt.gz", "bomb.txt.gz"):
        assert name in refused(tmp_path / name)


def test_a_file_among_others_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    def fail() -> IO[bytes]:
        raise PermissionError(13, "Permission denied")

    blob = blobs.Blob(name="a.txt", size=1, open=fail)
    request = Request(spec=spec_of(Path("x")))
    with pytest.raises(AtlasError, match=r"a\.txt cannot be read: Permission denied"):
        Member(blob, WholeFile(blob, request), request)[0]


def test_a_stray_table_names_the_choice_of_endings(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a = 1")
    (tmp_path / "table.csv").write_text("title,body\na,b\n")
    message = refused(tmp_path)
    assert "say which column" in message
    assert "title: “a”; body: “b”" in message
    assert "name the endings to read, as in name=FOLDER/*.py" in message
    assert drawn(tmp_path, suffixes=(".py",)) == ["a = 1"]
    assert "endings" not in refused(tmp_path / "table.csv")


def test_a_folder_in_an_encoding_that_cannot_be_told_says_so_with_names(tmp_path: Path) -> None:
    (tmp_path / "a.java").write_bytes(b"// \x81\x8d")
    message = refused(tmp_path)
    assert "holds no text; there is: 1 .java" in message
    assert (
        "Left out: text in an encoding that cannot be told (save it as UTF-8) (1): a.java"
        in message
    )


def test_an_upload_is_read_where_a_server_may_read_only_some_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBMODEL_ATLAS_ROOTS", str(tmp_path / "texts"))
    monkeypatch.setenv("SUBMODEL_ATLAS_WORKSPACE", str(tmp_path / "workspace"))
    folder = tmp_path / "workspace" / "uploads" / "secret"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("words")
    assert drawn(folder) == drawn(folder / "a.txt") == ["words"]
    assert "outside the folders" in refused(folder.parent)
