"""Scores beside each other: numbers by hand, and the command on a tiny run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.mask_sources import DENSE, of_domain
from analysis.evaluation.measures import BITS_PER_BYTE, Measured
from analysis.evaluation.score_comparison import WAYS, comparison_of
from analysis.evaluation.spec import TEXT, Column, EvaluationSpec
from analysis.evaluation.table import Cell, EvaluationTable
from pruning.runs.run import Run
from pruning.specs import PruneSpec


def table(bits: dict[tuple[str, str], list[float]], dense: float = 8.0) -> EvaluationTable:
    """bits: (calibrated on, measured on) -> bits of each document, all of 10 bytes."""

    def cell(source: str, column: str, found: list[float], sparsity: float) -> Cell:
        statistics = np.array([[each, 10.0] for each in found])
        return Cell(
            source=of_domain(source) if source else DENSE,
            sparsity=sparsity,
            column=Column(kind=TEXT, name=column, domain=column),
            measured=Measured(statistics={BITS_PER_BYTE: statistics}),
        )

    return EvaluationTable(
        spec=EvaluationSpec(sparsities=(0.6,)),
        created=0.0,
        cells=(
            *(cell("", column, [dense, dense], 0.0) for column in ("a", "b")),
            *(cell(*place, found, 0.6) for place, found in bits.items()),
        ),
    )


def test_own_text_and_others_are_averaged_apart() -> None:
    wanda = {("a", "a"): [10.0], ("a", "b"): [30.0], ("b", "a"): [20.0], ("b", "b"): [12.0]}
    wanda = {place: 10 * bits for place, bits in wanda.items()}
    ria = {**wanda, ("a", "a"): 5 * [8.0, 9.0], ("b", "a"): 5 * [21.0, 23.0]}
    found = comparison_of({"wanda": table(wanda), "ria": table(ria)})
    assert found.dense == {"a": 0.8, "b": 0.8}
    assert found.mean("wanda", 0.6, own=True) == pytest.approx(1.1)  # of 1.0 and 1.2
    assert found.mean("ria", 0.6, own=True) == pytest.approx(1.025)  # of 0.85 and 1.2
    assert found.mean_to_wanda("ria", 0.6, own=True) == pytest.approx(-0.075)
    assert found.mean("ria", 0.6, own=False) == pytest.approx(2.6)  # of 3.0 and 2.2
    # better on a's own text in all documents, worse on a with b's mask, equal elsewhere
    assert found.clear("ria", 0.6, own=True) == (1, 0, 2)
    assert found.clear("ria", 0.6, own=False) == (0, 1, 2)
    best = {(r.way, r.calibrated_on, r.measured_on) for r in found.results if r.best}
    assert best == {("ria", "a", "a"), ("wanda", "b", "a")}  # of equal ones neither is


def test_the_command_measures_every_way(tiny_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = str(tiny_run.folder.parents[1])
    ask = ["scores", "--run", tiny_run.id, "--sparsity", "0.6", "0.7", "--text", "200"]
    assert main([*ask, "--workspace", workspace, "--device", "cpu", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["results"]) == len(WAYS) * 2 * 3 * 3
    for way, prune in (
        ("owl", PruneSpec(sparsity=0.7, allocation="owl")),
        ("contrastive", PruneSpec(sparsity=0.7, score="contrastive")),
    ):
        spec = EvaluationSpec(sparsities=(0.7,), prune=prune, text_bytes=200, yardsticks=False)
        measured = evaluate(tiny_run, spec, device="cpu").select(
            measure=BITS_PER_BYTE, where=lambda result: result.source != DENSE
        )
        said = {
            (each["calibrated_on"], each["measured_on"]): each["bits_per_byte"]
            for each in answer["results"]
            if (each["score"], each["sparsity"]) == (way, 0.7)
        }
        assert said == {
            (each.source.title, each.column.name): pytest.approx(each.estimate.value)
            for each in measured
        }
    assert main([*ask, "--workspace", workspace, "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    assert "bits per byte, 70% of the weights pruned" in shown
    assert "better, worse, of" in shown
