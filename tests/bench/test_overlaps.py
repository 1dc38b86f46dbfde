"""The benchmark of a large model's shape, on a tiny one: its run is a real run."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.overlap.table import overlap_table
from bench.__main__ import main
from bench.overlaps import NAMES, RUN, SHAPES, make_run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec


def test_its_run_can_be_compared(tmp_path: Path) -> None:
    shape = SHAPES["tiny"]
    make_run(tmp_path, shape, 2)
    run = Workspace(tmp_path).run(RUN)
    table = overlap_table(run, PruneSpec(sparsity=0.55))
    assert len(table.weights) == 2 * len(NAMES)
    assert int(table.total.sum()) == 2 * shape.weights
    jaccard, chance = table.jaccard(), table.chance()
    assert (jaccard < 1).sum() == jaccard.size - len(run.domains)  # the domains differ
    assert (jaccard > chance).all()


def test_seven_billion_are_seven_billion() -> None:
    shape = SHAPES["7b"]
    assert 6.4e9 < shape.weights * shape.layers < 6.6e9  # without embeddings and head


@pytest.mark.process
def test_a_result_says_what_was_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["overlaps", "--shape", "tiny", "--layers", "1", "--results", str(tmp_path)]
    assert main(ask) == 0
    text = (tmp_path / "overlaps-tiny.txt").read_text()
    assert text.startswith("python -m bench overlaps --shape tiny --layers 1\n")
    assert "1 of 2 layers, 7 matrices" in text
    assert "all 2 layers" in text
    assert "processors" in text
    assert main([*ask[:4], "9"]) == 2
    assert "1 to 2 layers" in capsys.readouterr().err
