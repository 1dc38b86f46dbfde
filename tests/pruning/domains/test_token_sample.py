"""The file of a domain's tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pruning.domains import TokenSample
from pruning.errors import AtlasError


def example() -> TokenSample:
    return TokenSample(
        input_ids=np.arange(12, dtype=np.int32).reshape(3, 4),
        valid=np.array([[1, 1, 0, 1], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=bool),
        group=np.array([0, 0, 2], dtype=np.int32),
        documents=np.array([2, 0, 1], dtype=np.int64),
    )


def test_a_saved_sample_comes_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "tokens.safetensors"
    example().save(path)
    loaded = TokenSample.load(path)
    for name in ("input_ids", "valid", "group", "documents"):
        there, wanted = getattr(loaded, name), getattr(example(), name)
        assert there.dtype == wanted.dtype
        assert np.array_equal(there, wanted)
    assert [file.name for file in tmp_path.iterdir()] == ["tokens.safetensors"]
    assert {name: array.dtype.name for name, array in load_file(path).items()} == {
        "input_ids": "int32",
        "valid": "bool",
        "group": "int32",
        "documents": "int64",
    }


def test_sizes_and_tokens_of_each_group() -> None:
    sample = example()
    assert (sample.num_samples, sample.seq_len, sample.groups) == (3, 4, 3)
    assert sample.tokens.tolist() == [7, 0, 1]
    assert sample.tokens.dtype == np.int64


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tokens.safetensors"
    example().save(path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        example().save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_or_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tokens.safetensors"
    for damage in (None, b"", b"not tensors at all"):
        if damage is not None:
            path.write_bytes(damage)
        with pytest.raises(AtlasError, match=r"cannot be read.*calibrate this domain again"):
            TokenSample.load(path)
    save_file({"input_ids": np.zeros((2, 2), dtype=np.int32)}, path)
    with pytest.raises(AtlasError, match="cannot be read"):
        TokenSample.load(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input_ids", np.zeros((3, 4), dtype=np.int64)),
        ("input_ids", np.zeros((3, 5), dtype=np.int32)),
        ("valid", np.zeros((3, 4), dtype=np.int8)),
        ("group", np.array([0, 2, 0], dtype=np.int32)),
        ("group", np.array([0, 0, 3], dtype=np.int32)),
        ("group", np.array([-1, 0, 0], dtype=np.int32)),
        ("group", np.array([0, 0], dtype=np.int32)),
        ("documents", np.zeros((3, 1), dtype=np.int64)),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(field: str, value: np.ndarray) -> None:
    whole = example()
    arrays = {name: getattr(whole, name) for name in ("input_ids", "valid", "group", "documents")}
    with pytest.raises(ValueError, match="must"):
        TokenSample(**{**arrays, field: value})
