"""Texts as people bring them: read by what they hold, and never another column in silence."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pruning.domains.chats import ChatFormat, messages_of
from pruning.domains.choosing import ColumnChoiceError
from pruning.domains.document import Templated
from pruning.domains.documents import drawn
from pruning.domains.encoding import TextEncoder
from pruning.domains.request import Request
from pruning.errors import InputError
from pruning.specs import DomainSpec
from tests.pruning.domains.test_packing import byte_tokenizer

TEXTS = [f"The quick brown fox number {number} rests." for number in range(12)]


def request(path: Path, **choices: Any) -> Request:
    return Request(spec=DomainSpec(name="mine", kind="files", source=str(path), **choices))


def texts(path: Path, **choices: Any) -> list[str]:
    return sorted(document.text for document in drawn(request(path, **choices), 0))


def lines(records: list[Any]) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


LINES = lines([{"text": text} for text in TEXTS])


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a.data", "a", "a.ndjson"])
def test_lines_of_json_under_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(LINES)
    assert texts(tmp_path / name) == sorted(TEXTS)
    assert texts(tmp_path) == sorted(TEXTS)


@pytest.mark.parametrize("name", ["a.json.gz", "a.jsonl.bz2", "a.jsonl.xz", "a.json.zst", "a.gz"])
def test_compressed_lines_of_json(tmp_path: Path, name: str) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": _zstd}
    (tmp_path / name).write_bytes(pack[Path(name).suffix](LINES))
    assert texts(tmp_path / name) == sorted(TEXTS)
    assert texts(tmp_path) == sorted(TEXTS)


def _zstd(data: bytes) -> bytes:
    codec = pa.Codec("zstd")
    return codec.compress(data, asbytes=True)


@pytest.mark.parametrize(
    "data",
    [
        json.dumps([{"text": text} for text in TEXTS], indent=1),
        "\n".join(json.dumps({"text": text}, indent=1) for text in TEXTS),
        json.dumps({"text": TEXTS, "n": list(range(12))}),
        json.dumps({"rows": [{"text": text} for text in TEXTS]}),
        json.dumps(TEXTS),
    ],
)
def test_other_layouts_of_json(tmp_path: Path, data: str) -> None:
    (tmp_path / "a.json").write_text(data)
    assert texts(tmp_path / "a.json") == sorted(TEXTS)


def test_a_list_under_the_name_of_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps([{"text": text} for text in TEXTS]))
    assert texts(tmp_path / "a.jsonl") == sorted(TEXTS)


def test_a_data_set_saved_to_disk_and_one_in_splits(tmp_path: Path) -> None:
    data = datasets.Dataset.from_dict({"text": TEXTS})
    datasets.disable_progress_bars()
    data.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict(train=data, test=data.select([0])).save_to_disk(str(tmp_path / "two"))
    datasets.DatasetDict(a=data, b=data).save_to_disk(str(tmp_path / "three"))
    assert texts(tmp_path / "one") == texts(tmp_path / "two") == sorted(TEXTS)
    assert texts(tmp_path / "two" / "test") == TEXTS[:1]
    with pytest.raises(InputError, match="in splits: a, b; give the folder of one"):
        texts(tmp_path / "three")
    (tmp_path / "one" / "state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}')
    with pytest.raises(InputError, match="names no files of the folder"):
        texts(tmp_path / "one")


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_a_lone_quote_keeps_its_rows(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.tsv"
    for lone in ({2, 7}, {2}):
        cells = [f'"row {n}' if n in lone else f"row {n}" for n in range(9)]
        rows = [f"{cell}{delimiter}phrase {n}" for n, cell in enumerate(cells)]
        path.write_text("\n".join([f"en{delimiter}fr", *rows]))
        assert texts(path, column="en") == sorted(cells)


def test_cells_stay_as_they_are_written(tmp_path: Path) -> None:
    cells = ["0016", "16.50", "FALSE", "N/A", "1e2", "2023-01-01 10:00:00", "nan"]
    names = "abcdefg"
    (tmp_path / "a.csv").write_text(f"{','.join(names)}\n{','.join(cells)}\n")
    template = "|".join(f"{{{name}}}" for name in names)
    assert texts(tmp_path / "a.csv", template=template) == ["|".join(cells)]
    assert texts(tmp_path / "a.csv", column="a") == ["0016"]
    (tmp_path / "a.json").write_text(
        '[{"a": 16.50, "b": true, "c": null, "d": ["x", "y"], "e": 1e2}]'
    )
    assert texts(tmp_path / "a.json", template="{a}|{b}|{c}|{d}|{e}") == ["16.50|true||x\ny|1e2"]


def test_a_template_never_writes_what_python_would(tmp_path: Path) -> None:
    record = {"a": [{"b": 1}], "c": {"d": 1}, "n": 1}
    (tmp_path / "a.json").write_text(json.dumps([record]))
    for template in ("{a} {n}", "{c} {n}"):
        with pytest.raises(InputError, match="which cannot be written as text"):
            texts(tmp_path / "a.json", template=template)


def test_blank_and_bad_members_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.jsonl").write_text("\n")
    (tmp_path / "c.jsonl").write_bytes(LINES[:40])
    (tmp_path / "d.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "e.json").write_text("[]")
    (tmp_path / "f.jsonl").write_bytes(lines([{"text": "good"}]) + b'\n{"text": ')
    (tmp_path / "g.txt").write_bytes(b"\x81\x8d\x8f")
    asked = request(tmp_path)
    assert sorted(document.text for document in drawn(asked, 0)) == sorted([*TEXTS, "good"])
    skipped = asked.reading.to_json()["skipped"]
    assert skipped["empty"] == [2, ["b.jsonl", "e.json"]]
    assert skipped["not a whole Parquet file"] == [1, ["d.parquet"]]
    assert sorted(skipped["not JSON"][1]) == ["c.jsonl", "f.jsonl, record 2"]
    assert any("cannot be told" in reason for reason in skipped)
    said = " ".join(asked.reading.sentences())
    assert "Left out: empty (2): b.jsonl, e.json." in said


def test_other_encodings_are_read_and_said(tmp_path: Path) -> None:
    french = "L’été dernier, nous avons été à la plage près de Nîmes."
    russian = "Привет, как дела? Это проверка кодировки, и она должна быть понята верно."
    (tmp_path / "a.txt").write_bytes(french.encode("cp1252"))
    (tmp_path / "b.txt").write_bytes(russian.encode("cp1251"))
    (tmp_path / "c.txt").write_bytes("plain words".encode("utf-16-le"))
    (tmp_path / "d.jsonl").write_bytes(
        json.dumps({"text": "déjà vu"}, ensure_ascii=False).encode("latin-1")
    )
    asked = request(tmp_path)
    found = sorted(document.text for document in drawn(asked, 0))
    assert found == sorted([french, russian, "plain words", "déjà vu"])
    noted = asked.reading.to_json()["noted"]
    assert noted["read as cp1252, which was guessed"][0] == 2


CHAT = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]
SHARED = [{"from": "human", "value": "How?"}, {"from": "gpt", "value": "So."}]
PLAIN = "User: How?\n\nAssistant: So."


@pytest.mark.parametrize(
    "record",
    [
        {"id": "b6589", "conversations": SHARED},
        {"prompt_id": "x1", "prompt": "How?", "messages": CHAT},
        {"uuid": "u-1", "chosen": CHAT, "rejected": SHARED},
        {
            "id": 1,
            "dialogue": [{"speaker": "User", "text": "How?"}, {"speaker": "bot", "text": "So."}],
        },
        {"conversations": {"from": ["human", "gpt"], "value": ["How?", "So."]}},
        {"id": "a1", "messages": json.dumps(CHAT)},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "How?"}]}, CHAT[1]]},
    ],
)
def test_conversations_are_read_whatever_their_layout(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([record, record]))
    assert texts(tmp_path / "a.jsonl") == [PLAIN, PLAIN]
    if record.get("messages", CHAT) == CHAT:  # the others are not one type to Arrow
        parquet.write_table(pa.Table.from_pylist([record]), tmp_path / "a.parquet")
        assert texts(tmp_path / "a.parquet") == [PLAIN]


def test_a_list_of_messages_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([CHAT, SHARED]))
    assert texts(tmp_path / "a.jsonl") == [PLAIN, PLAIN]


def test_a_chat_template_writes_conversations_and_its_tokens_are_special() -> None:
    tokenizer = byte_tokenizer(start=True)
    tokenizer.chat_template = "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ eos_token }}{% endfor %}"
    messages = messages_of(SHARED)
    assert messages is not None
    text = ChatFormat(tokenizer).text(messages, "x")
    assert isinstance(text, Templated)
    assert text == "user:How?<|endoftext|>assistant:So.<|endoftext|>"
    encoder = TextEncoder.of(tokenizer)
    ids = encoder.encode([text, str(text)], 100)
    assert ids[0].count(tokenizer.eos_token_id) == 2
    assert tokenizer.eos_token_id not in ids[1]
    assert encoder.special(text, ids[0]).sum() == 2
    assert not encoder.special(str(text), ids[1]).any()


@pytest.mark.parametrize(
    "records",
    [
        [{"title": "Nikola Tesla", "paragraphs": [{"context": "c", "qas": []}]}],
        [{"id": "b6589fc6", "body": ["x"]}],
        [{"code": "a1b2"}, {"code": "c3d4"}],
        [{"uuid": "3fa8-11", "chosen": "a", "rejected": "b"}],
    ],
)
def test_what_is_not_plainly_the_text_is_asked_with_a_preview(
    tmp_path: Path, records: list[dict[str, Any]]
) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(records))
    with pytest.raises(ColumnChoiceError, match=r"say which column.*The first record: ") as error:
        texts(tmp_path / "a.jsonl")
    assert {name for name, _, _ in error.value.columns} >= set(records[0]) - {"paragraphs"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"%PDF-1.7 x", "is a PDF"),
        (b"PK\x03\x04 [Content_Types].xml", "an office document"),
        (b"\x80\x04\x95 pickle", "which is never opened"),
        (b"SQLite format 3\0", "an SQLite database"),
    ],
)
def test_what_is_known_not_to_be_text_says_what_it_is(
    tmp_path: Path, data: bytes, says: str
) -> None:
    (tmp_path / "a.docx").write_bytes(data)
    with pytest.raises(InputError, match=says):
        texts(tmp_path / "a.docx")
