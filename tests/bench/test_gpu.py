"""The benchmark of one GPU, tried out on a CPU with a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.gpu import operations
from bench.overlaps import SHAPES


def test_all_parts_are_timed(tmp_path: Path) -> None:
    ask = ["gpu", "--shape", "tiny", "--samples", "2", "--seq-len", "64", "--device", "cpu"]
    assert main([*ask, "--results", str(tmp_path)]) == 0
    text = (tmp_path / "gpu-tiny.txt").read_text()
    for part in ("plain forward pass, batch 2", "one domain:", "eight domains:", "overlaps of all"):
        assert part in text
    assert text.count("calibrating") == 4


def test_a_gpu_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpu", "--device", "cuda:99"]) == 2
    assert "cuda:99" in capsys.readouterr().err


def test_operations_of_a_seven_billion_model() -> None:
    """2 x 6.48e9 weights a token, and 32 layers x 2 x 2048 x 4096 for causal attention."""
    assert operations(SHAPES["7b"], 1, 2048) == pytest.approx(12.95e9 + 0.537e9, rel=1e-3)
