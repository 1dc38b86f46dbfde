"""The experiment as one command: calibrate, measure, write the table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.evaluation import experiment as experiments
from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.experiment import ExperimentSpec, experiment, write_tables
from analysis.evaluation.mask_sources import RANDOM, of_domain
from analysis.evaluation.measures import BITS_PER_BYTE, Measured
from analysis.evaluation.spec import TEXT, Column, EvaluationSpec
from analysis.evaluation.table import Cell, EvaluationTable
from analysis.evaluation.written_table import Entry, WrittenTable
from analysis.figures.evaluation import VALUES, evaluation_matrix
from analysis.figures.look import LIGHT
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace

EVALUATION = EvaluationSpec(sparsities=(0.5,), text_bytes=300, yardsticks=False)
TABLE = WrittenTable(
    caption="A & B at 50%",
    headings=(("math_qa", "exact answer"), ("text", "bits per byte")),
    rows={
        "dense": (Entry(value=50.0, interval=(40.0, 60.0), best=False), None),
        "code": (
            Entry(value=25.0, interval=(20.0, 30.0), best=True),
            Entry(value=0.5, interval=None, best=True),
        ),
    },
)


def test_text_marks_the_best_and_shows_intervals() -> None:
    lines = TABLE.as_text().splitlines()
    assert lines[0] == "A & B at 50%"
    assert "math_qa exact answer %" in lines[2]
    assert lines[4].split() == ["dense", "50.00", "[40.00,", "60.00]"]
    assert "*25.00 [20.00, 30.00]" in lines[5]
    assert lines[5].endswith("*0.500")


def test_csv_has_a_line_for_each_value() -> None:
    rows = list(csv.DictReader(io.StringIO(TABLE.as_csv())))
    assert len(rows) == 3
    assert rows[1] == {
        "calibrated_on": "code",
        "measured_on": "math_qa",
        "measure": "exact answer",
        "value": "25.0",
        "low": "20.0",
        "high": "30.0",
        "best": "True",
    }


def test_latex_escapes_and_prints_the_best_bold() -> None:
    text = TABLE.as_latex()
    assert r"\caption{A \& B at 50\%}" in text
    assert r"math\_qa, exact answer \%" in text
    assert r"code & \textbf{25.00} {\scriptsize [20.00, 30.00]} & \textbf{0.500} \\" in text
    assert text.count(r"\midrule") == 2


def test_the_published_table_is_the_paper_s() -> None:
    table = WrittenTable.published()
    best = {
        column: [name for name, entries in table.rows.items() if entries[number].best]
        for number, (column, _) in enumerate(table.headings)
    }
    assert best == {
        "code": ["apps"],
        "common sense": ["opus_books"],
        "translation": ["opus_books"],
        "math": ["math_orca"],
    }
    assert next(iter(table.rows)) == "dense"


def test_a_domain_named_random_has_a_row_beside_chance() -> None:
    column = Column(kind=TEXT, name="random", domain="random", text_bytes=100)
    cells = tuple(
        Cell(
            source=source,
            sparsity=0.5,
            column=column,
            measured=Measured(statistics={BITS_PER_BYTE: np.array([[bits, 10.0]] * 2)}),
        )
        for source, bits in ((of_domain("random"), 10.0), (RANDOM, 20.0))
    )
    table = EvaluationTable(spec=EVALUATION, created=0.0, cells=cells)
    rows = WrittenTable.of(table, 0.5, "").rows
    assert list(rows) == ["random (domain)", "random"]
    assert [entry.value for [entry] in rows.values() if entry] == [1.0, 2.0]
    chart = evaluation_matrix(table.results, VALUES, LIGHT)
    assert list(chart.figure.data[0].y) == list(rows)
    assert chart.table["calibrated_on"] == list(rows)


def test_it_takes_the_run_that_is_there(
    tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ExperimentSpec(calibration=tiny_run.spec, evaluation=EVALUATION)
    found = experiment(spec, Workspace(tiny_run.folder.parents[1]))
    assert found.run.id == tiny_run.id
    assert found.table.results == evaluate(tiny_run, EVALUATION, device="cpu").results
    [table] = found.tables
    assert list(table.rows) == ["dense", *tiny_run.domains]
    assert len(table.headings) == 2 * len(tiny_run.domains)
    written = write_tables(found.tables, tmp_path / "tables")
    assert [path.name for path in written] == ["table-1.txt", "table-1.csv", "table-1.tex"]
    assert written[0].read_text() == table.as_text()
    caption = experiments._caption(spec, 0.625)
    assert caption.startswith("model at 62.5% sparsity, 8 samples of 32 tokens of each")
    assert ExperimentSpec.from_json(spec.to_json()) == spec


def test_the_command_reads_a_spec_file(
    tiny_run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = ExperimentSpec(calibration=tiny_run.spec, evaluation=EVALUATION)
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps(spec.to_json()))
    words = ["experiment", "--workspace", str(tiny_run.folder.parents[1])]
    assert main([*words, "--spec", str(path), "--published", "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "calibrated on" in shown
    assert "Gemma-1.1-7b-it at 50%" in shown
    assert (tmp_path / "out" / "table-1.tex").exists()
    assert main([*words, "--spec", str(path), "--model", "demo"]) == 2
    assert "leave out --model" in capsys.readouterr().err
    path.write_text("{}")
    assert main([*words, "--spec", str(path)]) == 2
    assert "lacks the field" in capsys.readouterr().err
    assert main(words) == 2
    assert "Name a model" in capsys.readouterr().err
    asked = []
    monkeypatch.setattr(
        experiments, "experiment", lambda spec, *rest, **more: asked.append(spec) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        main([*words, "--model", "demo", "--domain", "math", "--tasks", "5", "--seed", "3"])
    assert asked[0].evaluation.tasks == 5
    assert not asked[0].evaluation.yardsticks
    assert asked[0].calibration.sample.seed == 3
