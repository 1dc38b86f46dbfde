"""The benchmark of repair, on little text: what its result says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from pruning.specs import PruneSpec


def test_what_the_result_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.repair.REPAIRS", ("none", "refit"))
    monkeypatch.setattr("bench.repair.RIDGES", (0.01,))
    monkeypatch.setattr("bench.repair.PRUNES", (PruneSpec(sparsity=0.5, layers=(0,)),))
    monkeypatch.setattr("bench.repair.TEXT_BYTES", 2000)
    asked = ["repair", "--samples", "2", "--seq-len", "64", "--results", str(tmp_path)]
    assert main(asked) == 0
    lines = (tmp_path / "repair-demo.txt").read_text().splitlines()
    assert lines[0] == "python -m bench repair --samples 2 --seq-len 64"
    dense, plain, refitted = (line.split() for line in lines[-3:])
    assert dense[0] == "dense"
    assert plain[:2] == ["50%,", "none"]
    assert refitted[:2] == ["50%,", "refit"]
    assert float(dense[1]) < float(refitted[6]) < float(plain[6])
    assert float(refitted[-1]) > 0
