"""The benchmark of streaming, on a tiny shape: every step is timed under the memory limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main


@pytest.mark.process
def test_every_step_is_timed(tmp_path: Path) -> None:
    ask = ["streaming", "--shape", "tiny", "--layers", "1", "--samples", "2", "--seq-len", "32"]
    assert main([*ask, "--folder", str(tmp_path), "--results", str(tmp_path)]) == 0
    text = (tmp_path / "streaming-tiny-1-layers.txt").read_text()
    assert "1 of 2 layers" in text
    assert "hard limit on each process's own memory: 4 GB" in text
    for step in ("calibrate", "export, one-shot", "export, sequential"):
        assert f"\n{step}: " in text
        assert f"{step} 0 min" in text  # extrapolated to both layers
    assert [path.suffix for path in tmp_path.iterdir()] == [".txt"]  # nothing else is left


@pytest.mark.process
def test_a_process_that_asks_for_more_than_the_limit_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = ["streaming", "--shape", "tiny", "--samples", "2", "--seq-len", "32", "--limit", "0.01"]
    assert main([*ask, "--folder", str(tmp_path), "--results", str(tmp_path)]) == 1
    assert "pruning calibrate" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
