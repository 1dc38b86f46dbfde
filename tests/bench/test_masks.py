"""The benchmark of masks, on a few rows: what its result says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main


@pytest.mark.process
def test_a_result_compares_with_bare_selection(tmp_path: Path) -> None:
    assert main(["masks", "--rows", "4", "--results", str(tmp_path)]) == 0
    text = (tmp_path / "masks.txt").read_text()
    assert text.startswith("python -m bench masks --rows 4\n")
    assert "a matrix of 4 x 11008" in text
    for name in ("np.partition", "torch.topk", "torch.kthvalue"):
        assert f"{name} alone of the same scores" in text
    assert "all pairs of 8 packed masks" in text
