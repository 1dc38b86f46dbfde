"""The small form gives back every bit, file by file and folder by folder."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pruning.checkpoints.bitmask import compress as compress_matrix
from pruning.checkpoints.bitmask import compressed_matrix_bytes, restore
from pruning.checkpoints.compressed import compress_shard, restore_shard
from pruning.checkpoints.shards import StoredTensor, read_shard
from pruning.commands.submodel_choice import COMBINATIONS as FLAGS
from pruning.errors import AtlasError, InputError
from pruning.exports.forms import compress, decompress
from pruning.exports.planning import plan_export
from pruning.exports.record import SUBMODEL, form_of
from pruning.exports.verifying import verify
from pruning.exports.writing import export
from pruning.runs.run import Run
from pruning.specs import COMBINATIONS, ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run

AWKWARD = [0.0, -0.0, float("nan"), float("-inf"), 1.5, 1e-40, -2.0, 0.0, 3.0]
SMALL = "model.bitmask.safetensors"


def nothing(name: str, count: int) -> None:
    pass


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"), dtype=torch.bfloat16)


def spec_of(run: Run, **prune: Any) -> ExportSpec:
    return ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=PruneSpec(**prune))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("columns", [1, 3, 8, 9])
def test_every_bit_of_a_matrix_comes_back(dtype: torch.dtype, columns: int) -> None:
    matrix = torch.tensor(AWKWARD * columns).view(9, columns).to(dtype)
    small = compress_matrix(matrix)
    assert small.bitmask.shape == (9, (columns + 7) // 8)
    assert len(small.compressed) == int((~((matrix == 0) & ~torch.signbit(matrix))).sum())
    bits = {2: torch.int16, 4: torch.int32, 8: torch.int64}[matrix.element_size()]
    assert np.array_equal(restore(small, "m"), matrix.view(bits).numpy())


def test_the_layout_by_hand() -> None:
    matrix = torch.zeros(3, 10)
    matrix[0, 0], matrix[0, 9], matrix[2, 3] = 1.0, 2.0, 3.0
    small = compress_matrix(matrix)
    assert small.shape.tolist() == [3, 10]
    assert small.bitmask.tolist() == [[1, 2], [0, 0], [8, 0]]
    assert small.compressed.view(np.float32).tolist() == [1.0, 2.0, 3.0]
    assert small.row_offsets.tolist() == [0, 2, 2]


DEMO_LAYER = [(256, 256), (128, 256), (128, 256), (256, 256), (704, 256), (704, 256), (256, 704)]


@pytest.mark.parametrize("shapes", [DEMO_LAYER, [(4096, 4096), (11008, 4096), (4096, 11008)]])
def test_half_pruned_bfloat16_takes_at_most_57_percent(shapes: list[tuple[int, int]]) -> None:
    dense = small = 0
    for rows, columns in shapes:
        size = 2 * rows * columns
        tensor = StoredTensor(name="w", dtype="BF16", shape=(rows, columns), begin=0, end=size)
        dense += size
        small += compressed_matrix_bytes(tensor, rows * columns // 2)
    assert small <= 0.57 * dense


def test_a_file_comes_back_byte_for_byte(tmp_path: Path) -> None:
    odd = {
        "a.weight": torch.tensor(AWKWARD).view(3, 3).to(torch.bfloat16),
        "b.weight": torch.tensor(AWKWARD).view(1, 9),
        "c": torch.tensor([True, False, True]),
        "d.weight": torch.zeros(2, 5, dtype=torch.float16),
        "e": torch.arange(5),
    }
    save_file(odd, tmp_path / "plain.safetensors", {"format": "pt", "näme": "ü"})
    shard = read_shard(tmp_path / "plain.safetensors")
    matrices = {"a.weight", "b.weight", "d.weight"}
    compress_shard(shard, tmp_path / "small.safetensors", matrices=matrices, step=nothing)
    restore_shard(tmp_path / "small.safetensors", tmp_path / "again.safetensors", step=nothing)
    assert (tmp_path / "again.safetensors").read_bytes() == shard.path.read_bytes()
    with safe_open(tmp_path / "small.safetensors", "pt") as file:  # its own reader accepts it
        assert file.get_tensor("a.shape").tolist() == [3, 3]
        assert torch.equal(file.get_tensor("e"), odd["e"])


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "phi3"])
def test_folders_there_and_back(architecture: str, tmp_path: Path) -> None:
    run = finished_run(architecture, tmp_path, dtype=torch.bfloat16, max_shard_size="40KB")
    plain = export(run, spec_of(run), tmp_path / "plain").folder
    small = compress(plain, tmp_path / "small")
    assert form_of(small) == "sparse-bitmask"
    again = decompress(small, tmp_path / "plain-again" / "plain")
    before, after = contents(plain), contents(again)
    record, restored = json.loads(before.pop(SUBMODEL)), json.loads(after.pop(SUBMODEL))
    assert before == after  # the card too, as the folder's name is the same
    assert {**record, "schema": 2} == restored
    assert verify(again).ok
    report = verify(small)
    assert report.ok
    assert report.checks[0].name == "Compressed form"
    assert [path.name for path in small.parent.iterdir() if path.name.startswith(".")] == []


def test_an_export_can_be_small_at_once(llama: Run, tmp_path: Path) -> None:
    spec = spec_of(llama)
    export(llama, spec, tmp_path / "plain")
    direct = export(llama, spec, tmp_path / "small", form="sparse-bitmask").folder
    compress(tmp_path / "plain", tmp_path / "later" / "small")
    assert (direct / SMALL).read_bytes() == (tmp_path / "later" / "small" / SMALL).read_bytes()
    assert (direct / "README.md").read_text() == (tmp_path / "later/small/README.md").read_text()
    assert "python -m pruning decompress small" in (direct / "README.md").read_text()
    assert not (direct / "model.safetensors").exists()
    header = int.from_bytes((direct / SMALL).read_bytes()[:8], "little") + 8
    planned = plan_export(llama, spec)
    plain_header = len(read_shard(tmp_path / "plain" / "model.safetensors").header)
    assert (direct / SMALL).stat().st_size - header == planned.compressed_bytes - plain_header


def test_one_matrix_is_in_memory_at_a_time(tmp_path: Path) -> None:
    matrices = {f"{n}.weight": torch.randn(1024, 1024).relu() for n in range(6)}  # 4 MiB each
    save_file(matrices, tmp_path / "plain.safetensors")
    shard = read_shard(tmp_path / "plain.safetensors")
    tracemalloc.start()
    try:
        compress_shard(shard, tmp_path / "small.safetensors", matrices=matrices, step=nothing)
        restore_shard(tmp_path / "small.safetensors", tmp_path / "again", step=nothing)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**22


def test_damage_is_found(llama: Run, tmp_path: Path) -> None:
    small = export(llama, spec_of(llama), tmp_path / "small", form="sparse-bitmask").folder
    path = small / SMALL
    whole = path.read_bytes()
    shard = read_shard(path)
    mask = next(tensor for tensor in shard.tensors if tensor.name.endswith("bitmask"))
    path.write_bytes(whole[: mask.begin] + bytes([whole[mask.begin] ^ 1]) + whole[mask.begin + 1 :])
    (check,) = verify(small).checks
    assert not check.ok
    assert "counts other values" in check.detail
    values = next(tensor for tensor in shard.tensors if tensor.name.endswith("compressed"))
    path.write_bytes(
        whole[: values.begin] + bytes([whole[values.begin] ^ 1]) + whole[values.begin + 1 :]
    )
    failed = {check.name for check in verify(small).checks if not check.ok}
    assert failed == {"Tensor bytes", "Base model"}
    with pytest.raises(AtlasError, match="has other bytes than were written"):
        decompress(small, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path.write_bytes(whole[:-1])
    assert "not a complete safetensors file" in verify(small).checks[0].detail
    path.unlink()
    assert "lacks model.bitmask.safetensors" in verify(small).checks[0].detail


def test_what_a_killed_verification_left_is_removed(llama: Run, tmp_path: Path) -> None:
    small = export(llama, spec_of(llama), tmp_path / "small", form="sparse-bitmask").folder
    gone, alive = tmp_path / ".verify-999999999", tmp_path / f".verify-{os.getppid()}"
    for folder in (gone, alive):
        (folder / "small").mkdir(parents=True)
    assert verify(small).ok
    assert sorted(tmp_path.iterdir()) == [alive, small]


@pytest.mark.parametrize("name", ["../escaped.txt", "a/../../escaped.txt", "/escaped.txt"])
def test_a_record_cannot_make_files_outside_the_folder(
    llama: Run, name: str, tmp_path: Path
) -> None:
    plain = export(llama, spec_of(llama), tmp_path / "plain").folder
    record = json.loads((plain / SUBMODEL).read_text())
    record["files"][name] = "0" * 64
    (plain / SUBMODEL).write_text(json.dumps(record))
    (tmp_path / "escaped.txt").write_text("x")
    with pytest.raises(AtlasError, match="lies outside its folder"):
        compress(plain, tmp_path / "deep" / "out")
    assert not (tmp_path / "deep").exists()
    assert "lies outside its folder" in verify(plain).checks[0].detail


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record.pop("files"),
        lambda record: record.update(files=["config.json"]),
        lambda record: record.update(tensors=[]),
        lambda record: record["tensors"]["model.norm.weight"].pop("file"),
    ],
)
def test_a_record_that_lacks_something_is_a_sentence(
    llama: Run, edit: Callable[[dict[str, Any]], Any], tmp_path: Path
) -> None:
    small = export(llama, spec_of(llama), tmp_path / "small", form="sparse-bitmask").folder
    record = json.loads((small / SUBMODEL).read_text())
    edit(record)
    (small / SUBMODEL).write_text(json.dumps(record))
    with pytest.raises(AtlasError, match=r"is damaged .* export the sub-model again"):
        decompress(small, tmp_path / "out")
    (check,) = verify(small).checks
    assert not check.ok
    assert "is damaged" in check.detail


def test_what_cannot_be_converted(llama: Run, tmp_path: Path) -> None:
    plain = export(llama, spec_of(llama), tmp_path / "plain").folder
    with pytest.raises(InputError, match="is plain already"):
        decompress(plain, tmp_path / "out")
    with pytest.raises(InputError, match="not exported by this program"):
        compress(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="already there"):
        compress(plain, plain)
    with pytest.raises(InputError, match="not one of plain, sparse-bitmask"):
        export(llama, spec_of(llama), tmp_path / "out", form="zip")
    with pytest.raises(AtlasError, match="not a file that this program compressed"):
        restore_shard(plain / "model.safetensors", tmp_path / "out", step=nothing)
    record = json.loads((plain / SUBMODEL).read_text())
    record["tensors"]["model.norm.weight"]["file"] = "../model.safetensors"
    (plain / SUBMODEL).write_text(json.dumps(record))
    with pytest.raises(AtlasError, match="no weight file beside it"):
        compress(plain, tmp_path / "out")
    assert not (tmp_path / "out" / SUBMODEL).exists()


def test_the_command_line_offers_every_combination() -> None:
    assert FLAGS == COMBINATIONS
