"""The whole evaluation: every cell once, stored, resumed, and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.__main__ import main
from analysis.evaluation import evaluate as evaluation
from analysis.evaluation.captions import NOT_COMPARED
from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.held_out import held_out_documents
from analysis.evaluation.likelihood import document_losses
from analysis.evaluation.mask_sources import DENSE, masks_of, of_domain
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.store import seconds_per_cell
from analysis.evaluation.table import HELD_OUT, stored_table, stored_tables
from analysis.evaluation.tasks import TaskSpec
from pruning.errors import Cancelled, InputError
from pruning.masks.surgery import temporary_masks
from pruning.models.loading import load_model
from pruning.progress import Progress
from pruning.runs.run import Run
from pruning.specs import PruneSpec

SPEC = EvaluationSpec(sparsities=(0.7,), text_bytes=300, measured_on=("code", "sums"))
CELLS = 2 + 6 * 2 + 2 * 2  # dense, six masks, and two draws of each domain on its own text


def test_the_matrix_holds_every_mask_on_every_domain(tiny_run: Run) -> None:
    table = evaluate(tiny_run, SPEC, device="cpu")
    assert len(table.cells) == CELLS
    assert [column.name for column in table.columns] == ["code", "sums"]
    assert table.measures == ("bits per byte", "perplexity")
    loaded = load_model(tiny_run.spec.model)
    documents = held_out_documents(tiny_run, "sums", size=300)
    dense = document_losses(loaded, documents)
    with temporary_masks(loaded, masks_of(tiny_run, of_domain("code"), PruneSpec(sparsity=0.7))):
        pruned = document_losses(loaded, documents)
    shown = {
        (result.source, result.sparsity): result
        for result in table.select(measure="bits per byte")
        if result.column.name == "sums"
    }
    assert shown[DENSE, 0.0].estimate.value == pytest.approx(dense.bits_per_byte)
    cell = shown[of_domain("code"), 0.7]
    assert cell.estimate.value == pytest.approx(pruned.bits_per_byte)
    assert cell.to_dense is not None
    assert cell.to_dense.value == pytest.approx(pruned.bits_per_byte - dense.bits_per_byte)
    own = shown[of_domain("sums"), 0.7]
    assert own.is_own
    assert own.to_own is None
    assert cell.to_own is not None
    assert cell.to_own.value == pytest.approx(cell.estimate.value - own.estimate.value)


def test_one_mask_a_column_leads(tiny_run: Run) -> None:
    table = evaluate(tiny_run, SPEC, device="cpu")
    for column in table.columns:
        for sparsity in SPEC.sparsities:
            rows = [
                result
                for result in table.select(measure="perplexity", sparsity=sparsity)
                if result.column == column
            ]
            [best] = [result for result in rows if result.leads]
            masks = [r for r in rows if r.source.kind not in ("dense", "half")]
            assert best.estimate.value == min(r.estimate.value for r in masks)
            assert best.best == (best.lead_p is not None and best.lead_p < 0.05)
            assert not any(result.best for result in rows if result != best)


def test_two_draws_of_a_domain_stand_on_their_own_text(tiny_run: Run) -> None:
    table = evaluate(tiny_run, SPEC, device="cpu")
    halves = table.select(measure="perplexity", where=lambda r: r.source.kind == "half")
    assert {(r.source.domain, r.column.domain) for r in halves} == {
        (name, name) for name in ("code", "sums")
    }
    first, second = (
        next(r for r in halves if r.source.half == half and r.source.domain == "code")
        for half in (1, 2)
    )
    assert second.to_own is not None
    assert second.to_own.value == pytest.approx(second.estimate.value - first.estimate.value)


def test_nothing_is_measured_twice(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = evaluate(tiny_run, SPEC, device="cpu")
    monkeypatch.setattr(evaluation, "load_model", None)
    again = evaluate(tiny_run, SPEC, device="cpu")
    assert again.results == before.results
    fewer = EvaluationSpec(sparsities=(0.7,), text_bytes=300, measured_on=("code",))
    assert len(evaluate(tiny_run, fewer, device="cpu").cells) == 1 + 6 + 2
    stored = stored_table(tiny_run, SPEC)
    assert stored is not None
    assert stored.results == before.results
    assert fewer in [spec for spec, _ in stored_tables(tiny_run)]
    assert seconds_per_cell(tiny_run)


def test_it_goes_on_where_it_was_stopped(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = EvaluationSpec(sparsities=(0.4,), text_bytes=300, measured_on=("prose",))
    steps: list[Progress] = []

    def stop(progress: Progress) -> None:
        steps.append(progress)
        if progress.stage == "Measuring" and progress.done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(tiny_run, spec, device="cpu", report=stop)
    assert stored_table(tiny_run, spec) is None
    measured = []
    real = evaluation.measure_column
    monkeypatch.setattr(
        evaluation,
        "measure_column",
        lambda *args, **more: measured.append(args[1]) or real(*args, **more),
    )
    table = evaluate(tiny_run, spec, device="cpu")
    assert len(table.cells) == 1 + 6 + 2
    assert len(measured) == len(table.cells) - 4


def test_tasks_stand_beside_text(tiny_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "choices.jsonl"
    lines: list[dict[str, Any]] = [
        {"prompt": f"{n}", "choices": [" dog", " fox", " day"], "label": n % 3} for n in range(3)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    tasks = TaskSpec(name="pets", kind="choices", source=str(path), domain="prose")
    spec = EvaluationSpec(text_bytes=0, task_sets=(tasks,), yardsticks=False)
    table = evaluate(tiny_run, spec, device="cpu")
    assert table.measures == ("accuracy", "length-normalised accuracy")
    [column] = table.columns
    assert (column.name, column.domain) == ("pets", "prose")
    for line, output in zip(lines, table.cells[0].measured.outputs, strict=True):
        line["label"] = line["choices"].index(output)
    path.write_text("\n".join(map(json.dumps, lines)))
    other = evaluate(tiny_run, spec, device="cpu")
    outputs = [cell.measured.outputs for cell in table.cells]
    assert [cell.measured.outputs for cell in other.cells] == outputs
    assert other.results[0].estimate.value == 100.0 != table.results[0].estimate.value


@pytest.mark.parametrize(
    "wrong",
    [
        {"sparsities": ()},
        {"sparsities": (1.0,)},
        {"text_bytes": 0},
        {"text_bytes": -1},
        {"measured_on": ()},
        {"prune": PruneSpec(score="magnitude")},
        {"prune": PruneSpec(pattern="2:4"), "sparsities": (0.7,)},
    ],
)
def test_choices_that_cannot_be_measured(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        EvaluationSpec(**wrong)


def test_unknown_domains_and_contrastive_rows(tiny_run: Run) -> None:
    for wrong in ({"measured_on": ("none",)}, {"calibrated_on": ("none",)}):
        with pytest.raises(InputError, match="no domain 'none'"):
            evaluate(tiny_run, EvaluationSpec(text_bytes=300, **wrong), device="cpu")  # type: ignore[arg-type]
    spec = EvaluationSpec(
        text_bytes=300, prune=PruneSpec(score="contrastive"), measured_on=("code",)
    )
    kinds = {cell.source.kind for cell in evaluate(tiny_run, spec, device="cpu").cells}
    assert kinds == {"dense", "domain", "magnitude", "random"}
    assert EvaluationSpec.from_json(spec.to_json()) == spec


def test_the_command_prints_the_table(tiny_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--run", tiny_run.id, "--workspace", str(tiny_run.folder.parents[1])]
    words += ["--sparsity", "0.7", "--text", "300", "--measured-on", "code", "sums"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["results"]) == 2 * CELLS
    row = answer["results"][-1]
    assert row["value_low"] <= row["value"] <= row["value_high"]
    assert "calibrated on" in answer["held_out"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "bits per byte, 70% of the weights pruned" in shown
    assert "another draw of its own text" in shown
    assert main([*words, "--pattern", "2:4"]) == 2
    assert "leave out --sparsity" in capsys.readouterr().err


def test_own_tasks_are_not_said_to_be_held_out(
    tiny_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "choices.jsonl"
    path.write_text(json.dumps({"prompt": "On day", "choices": [" dog", " fox"], "label": 0}))
    words = ["evaluate", "--run", tiny_run.id, "--workspace", str(tiny_run.folder.parents[1])]
    words += ["--sparsity", "0.625", "--no-yardsticks", "--task-file", f"pets:choices={path}"]
    for size, said in (("0", NOT_COMPARED), ("300", f"{HELD_OUT} {NOT_COMPARED}")):
        assert main([*words, "--text", size, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["held_out"] == said
    assert main([*words, "--text", "0"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "length-normalised accuracy, 62.5% of the weights pruned" in shown
    assert NOT_COMPARED in shown
    assert HELD_OUT not in shown
