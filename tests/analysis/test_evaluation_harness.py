"""lm-evaluation-harness on the masked model in memory, with a task of this test's own."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.evaluation import harness
from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.harness import harness_measured, harness_task
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.tasks import HARNESS, TaskSpec
from pruning.errors import InputError
from pruning.models import load_model
from pruning.workspace import Run

try:
    metadata.version("lm_eval")
except metadata.PackageNotFoundError:
    is_there = False
else:
    is_there = True
needs_harness = pytest.mark.skipif(
    not is_there, reason="lm-evaluation-harness is not installed (requirements-lm-eval.txt)"
)
ignores_its_warnings = pytest.mark.filterwarnings("ignore")

TASK = """task: pets
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{prompt}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{label}}}}"
metric_list:
  - metric: acc
  - metric: acc_norm
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one task of eight questions."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "pets.jsonl"
    choices = ["dog slept well", "fox", "day after day"]
    lines = [{"prompt": f"On day {n} the", "choices": choices, "label": n % 3} for n in range(8)]
    data.write_text("\n".join(map(json.dumps, lines)))
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "pets.yaml").write_text(TASK.format(data=data))
    return tasks


@needs_harness
@ignores_its_warnings
def test_its_tasks_run_on_the_model_in_memory(tiny_run: Run, folder: Path) -> None:
    loaded = load_model(tiny_run.spec.model)
    found = harness_measured(loaded, harness_task("pets", str(folder)))
    assert set(found.statistics) == {"acc (lm-eval)", "acc_norm (lm-eval)"}
    for statistics in found.statistics.values():
        assert statistics.shape == (8, 2)
        assert set(statistics[:, 0]) <= {0.0, 1.0}


@needs_harness
@ignores_its_warnings
def test_they_are_columns_of_the_table(tiny_run: Run, folder: Path) -> None:
    pets = TaskSpec(name="pets", kind=HARNESS, source=str(folder), count=4)
    spec = EvaluationSpec(text_bytes=0, task_sets=(pets,), yardsticks=False)
    table = evaluate(tiny_run, spec, device="cpu")
    assert table.measures == ("acc (lm-eval)", "acc_norm (lm-eval)")
    assert {result.estimate.units for result in table.results} == {4}


def test_without_it_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(harness.metadata, "version", missing)
    with pytest.raises(InputError, match="pip install -r requirements-lm-eval"):
        harness_task("pets")


def test_own_tasks_are_looked_for_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def manager(include: str, files: str, own_only: bool) -> SimpleNamespace:
        asked.append(own_only)
        return SimpleNamespace(all_tasks=["pets"] if own_only else ["boolq"])

    monkeypatch.setattr(harness, "_manager", manager)
    monkeypatch.setattr(harness.metadata, "version", lambda name: "1.0")
    for name, looked in (("pets", [True]), ("boolq", [True, False])):
        asked.clear()
        assert name in harness._manager_of(harness_task(name, str(folder))).all_tasks
        assert asked == looked
    with pytest.raises(InputError, match="no task 'cats'"):
        harness._manager_of(harness_task("cats"))


def test_what_a_task_depends_on_is_in_its_identity(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.metadata, "version", lambda name: "1.0")
    before = harness_task("pets", str(folder))
    assert harness_task("pets", str(folder)) == before
    (folder / "pets.yaml").write_text("task: pets\n")
    assert harness_task("pets", str(folder)) != before
    with pytest.raises(InputError, match="no folder"):
        harness_task("pets", str(folder / "none"))


def test_means_and_bits_are_taken_from_the_samples() -> None:
    samples = [
        {"acc": 1.0, "f1": 0.2, "bits_per_byte": (-8.0, 4)},
        {"acc": 0.0, "f1": 0.4, "bits_per_byte": (-2.0, 6)},
    ]
    results = {"t": {"alias": "t", "acc,none": 0.5, "acc_stderr,none": 0.1, "f1,none": 0.9,
                     "bits_per_byte,none": 1.44}}  # fmt: skip
    found = dict(harness._statistics(results, samples))
    assert set(found) == {"acc (lm-eval)", "bits per byte"}  # f1 is no mean of its samples here
    assert found["bits per byte"].sum(axis=0) == pytest.approx([10 / 0.6931472, 10])
