"""Programs within an evaluation: written under each mask, run in the sandbox, kept, compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from analysis.evaluation import program_scores
from analysis.evaluation.evaluate import content_of, evaluate, measure_column
from analysis.evaluation.mask_sources import DENSE
from analysis.evaluation.pass_at_k import evaluate_programs
from analysis.evaluation.program_tasks import built_in_tasks
from analysis.evaluation.spec import TASKS, Column, EvaluationSpec
from analysis.evaluation.tasks import built_in
from pruning.errors import InputError
from pruning.models.loading import LoadedModel, load_model
from pruning.runs.run import Run
from pruning.specs import ModelSpec
from tests.analysis.sandboxed import sandbox_or_skip

pytestmark = pytest.mark.program

PYTHON = built_in("python", 2)
SPEC = EvaluationSpec(
    sparsities=(0.5,), text_bytes=0, task_sets=(PYTHON,), calibrated_on=("code",), yardsticks=False
)


def right_while_dense(loaded: LoadedModel, prompts: Sequence[str], **_: Any) -> list[list[str]]:
    """Solutions of the tasks if no mask is on the model, else nonsense."""
    solutions = {task.prompt: task.solution for task in built_in_tasks("python", count=2)}
    masked = bool((loaded.matrix(loaded.weights[0].key) == 0).any())
    return [["?"] if masked else [str(solutions[prompt])] for prompt in prompts]


def test_programs_are_written_under_the_mask(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_scores, "generate", right_while_dense)
    table = evaluate(tiny_run, SPEC, device="cpu", sandbox=sandbox_or_skip())
    found = {result.source: result for result in table.results}
    assert table.measures == ("pass@1",)
    assert found.pop(DENSE).estimate.value == 100.0  # per cent
    (pruned,) = found.values()
    assert pruned.estimate.value == 0.0
    assert pruned.to_dense is not None
    assert pruned.to_dense.value == -100.0
    assert evaluate(tiny_run, SPEC, device="cpu").results == table.results  # nothing is run again


def test_without_consent_nothing_is_run(tiny_run: Run) -> None:
    asked = EvaluationSpec(text_bytes=0, task_sets=(built_in("python", 1),))
    with pytest.raises(InputError, match="consent"):
        evaluate(tiny_run, asked, device="cpu")


def test_the_demo_models_programs_are_run(tiny_run: Run) -> None:
    sandbox = sandbox_or_skip()
    loaded = load_model(ModelSpec(source="demo", device="cpu"))
    column = Column(kind=TASKS, name="python", domain="", tasks=PYTHON)
    content = content_of(tiny_run, column)
    measured = measure_column(loaded, column, content, sandbox=sandbox)
    again = evaluate_programs(sandbox, content.units, [[text] for text in measured.outputs])
    (statistics,) = measured.statistics.values()
    assert statistics[:, 0].tolist() == [result.passed for result in again]
