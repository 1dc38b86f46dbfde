"""lm-evaluation-harness on the masked model in memory, with a task of this test's own."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.evaluation import harness
from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.harness import harness_measured, harness_task
from analysis.evaluation.measures import measure
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.tasks import HARNESS, TaskSpec
from pruning.errors import InputError
from pruning.models.loading import load_model
from pruning.runs.run import Run

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
                     "bits_per_byte,none": 1.44, "sample_len": 2}}  # fmt: skip
    found, refused = harness._statistics({"results": results, "samples": {"t": samples}})
    assert set(found) == {"acc (lm-eval)", "bits per byte"}
    assert refused == {"f1": "it is no mean of its samples"}
    assert found["bits per byte"].sum(axis=0) == pytest.approx([10 / 0.6931472, 10])


def test_every_filter_of_a_task_is_a_measure() -> None:
    right = {"strict-match": (0.0, 1.0), "flexible-extract": (1.0, 1.0)}
    samples = [
        {"filter": kind, "exact_match": value, "acc": 1.0}
        for kind, values in right.items()
        for value in values
    ]
    results = {"t": {"exact_match,strict-match": 0.5, "exact_match_stderr,strict-match": "N/A",
                     "exact_match,flexible-extract": 1.0, "acc,strict-match": 1.0}}  # fmt: skip
    found, refused = harness._statistics({"results": results, "samples": {"t": samples}})
    assert {name: rows[:, 0].tolist() for name, rows in found.items()} == {
        "exact_match, strict-match (lm-eval)": [0.0, 1.0],
        "exact_match, flexible-extract (lm-eval)": [1.0, 1.0],
        "acc (lm-eval)": [1.0, 1.0],
    }
    assert all(measure(name).unit == "%" for name in found)
    assert refused == {}


def test_metrics_that_are_no_shares_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [{"filter": "none", "errors": 0.5, "length": 3.0, "text": "a", "acc": 1.0}]
    results = {"errors,none": 0.5, "length,none": 3.0, "text,none": 1.0}
    better = {"t": {"errors": False, "length": True, "acc": None}}
    found = {"results": {"t": results}, "samples": {"t": samples}, "higher_is_better": better}
    monkeypatch.setitem(sys.modules, "lm_eval", SimpleNamespace(simple_evaluate=lambda **_: found))
    huggingface = SimpleNamespace(HFLM=lambda **_: None)
    monkeypatch.setitem(sys.modules, "lm_eval.models.huggingface", huggingface)
    monkeypatch.setattr(harness, "_manager_of", lambda task: None)
    task = harness.HarnessTask(name="t", include="", limit=None, version="1.0", files="")
    loaded = SimpleNamespace(module=None, tokenizer=None)
    with pytest.raises(InputError) as refused:
        harness_measured(loaded, task)  # type: ignore[arg-type]
    assert str(refused.value) == (
        "The harness's task t has no metric that is a mean of samples from 0 to 1, higher being "
        "better (errors: lower is better; length: its samples are not from 0 to 1; "
        "text: it has no number for every sample)."
    )
    results["acc,none"] = 1.0
    assert set(harness_measured(loaded, task).statistics) == {"acc (lm-eval)"}  # type: ignore[arg-type]
