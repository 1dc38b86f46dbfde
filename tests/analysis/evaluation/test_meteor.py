"""METEOR: values by hand where nltk is installed; who asks for it, what it is kept under."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from analysis.__main__ import main, make_parser
from analysis.evaluation import evaluate as evaluation
from analysis.evaluation import experiment as experiments
from analysis.evaluation import meteor, task_scores
from analysis.evaluation.evaluate import content_of, evaluate, plan
from analysis.evaluation.measures import METEOR, estimate, shares
from analysis.evaluation.options import evaluation_spec_of
from analysis.evaluation.spec import EvaluationSpec, columns_of
from analysis.evaluation.table import stored_table
from analysis.evaluation.tasks import TaskSpec
from analysis.figures.evaluation import evaluation_matrix
from analysis.figures.look import LIGHT
from pruning.errors import InputError
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace

needs_nltk = pytest.mark.skipif(
    not meteor.is_installed(), reason="nltk is not installed (requirements-meteor.txt)"
)


@pytest.fixture
def pairs(tmp_path: Path) -> TaskSpec:
    """Two translations to be written."""
    path = tmp_path / "pairs.jsonl"
    lines = [{"prompt": "the", "reference": "a dog"}, {"prompt": "on", "reference": "a day"}]
    path.write_text("\n".join(map(json.dumps, lines)))
    return TaskSpec(name="pairs", kind="translation", source=str(path))


def halves(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Stands for METEOR where nltk may be absent: 1/2 for each sentence."""
    return np.full(len(references), 0.5)


@pytest.fixture
def nltk_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meteor, "is_installed", lambda: True)
    monkeypatch.setattr(task_scores, "meteor_scores", halves)


@needs_nltk
@pytest.mark.parametrize(
    ("written", "right", "value"),
    [
        # All m words match in c chunks: (1 - (c / m)^3 / 2) * P R / (0.9 P + 0.1 R), P = R = 1.
        ("the cat sat", "The cat sat", 1 - (1 / 3) ** 3 / 2),
        ("cats sat", "cat sat", 1 - (1 / 2) ** 3 / 2),  # by the stem
        ("sat cat", "cat sat", 1 - 1 / 2),  # two chunks of one word
        # P = 1, R = 2/4: 0.5 / (0.9 + 0.05); one chunk of two words.
        ("the cat", "the cat sat down", (1 - 1 / 16) * 0.5 / 0.95),
        # P = 2/4, R = 1: 0.5 / (0.45 + 0.1).
        ("the cat sat down", "the cat", (1 - 1 / 16) * 0.5 / 0.55),
        ("big", "large", 0.0),  # synonyms do not match
        ("", "cat", 0.0),
        ("Il chante.", "Il chante .", 1 - (1 / 3) ** 3 / 2),  # a full stop is a word
    ],
)
def test_values_by_hand(written: str, right: str, value: float) -> None:
    assert meteor.meteor_scores([written], [right]) == pytest.approx([value])


@needs_nltk
def test_sentences_are_averaged() -> None:
    scores = meteor.meteor_scores(["cats sat", "big"], ["cat sat", "large"])
    assert estimate(METEOR, shares(scores)).value == pytest.approx(100 * 0.9375 / 2)


def test_without_nltk_there_is_a_sentence(
    tiny_run: Run, pairs: TaskSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meteor, "is_installed", lambda: False)
    spec = EvaluationSpec(text_bytes=0, task_sets=(pairs,), yardsticks=False, meteor=True)
    both = experiments.ExperimentSpec(calibration=tiny_run.spec, evaluation=spec)
    monkeypatch.setattr(evaluation, "load_model", lambda *_: pytest.fail("a model was loaded"))
    monkeypatch.setattr(experiments, "calibrate", lambda *_: pytest.fail("a run was begun"))
    for measure in (
        lambda: meteor.meteor_scores(["a"], ["a"]),
        lambda: evaluate(tiny_run, spec, device="cpu"),
        lambda: experiments.experiment(both, Workspace(tiny_run.folder.parents[1])),
    ):
        with pytest.raises(InputError, match=r"pip install -r requirements-meteor\.txt"):
            measure()


@pytest.mark.usefixtures("nltk_is_there")
def test_it_is_a_measure_of_its_own_when_asked(tiny_run: Run, pairs: TaskSpec) -> None:
    plain = EvaluationSpec(text_bytes=300, task_sets=(pairs,), yardsticks=False)
    asked = EvaluationSpec(text_bytes=300, task_sets=(pairs,), yardsticks=False, meteor=True)
    assert evaluate(tiny_run, plain, device="cpu").measures[-2:] == ("chrF", "BLEU")
    table = evaluate(tiny_run, asked, device="cpu")  # after the same without it
    assert table.measures[-3:] == ("chrF", "BLEU", METEOR)
    found = table.select(measure=METEOR)
    assert len(found) == 1 + len(tiny_run.domains)
    assert {(each.column.name, each.estimate.value) for each in found} == {("pairs", 50.0)}
    shown = evaluation_matrix(table.select(kind="tasks"), "values", LIGHT).figure.data[0].x
    assert shown[-1] == "pairs<br>METEOR (exact and<br>stem matches)"  # narrow
    again = stored_table(tiny_run, plain)
    assert again is not None
    assert METEOR not in again.measures


def test_only_cells_of_translations_depend_on_it(tiny_run: Run, pairs: TaskSpec) -> None:
    plain = EvaluationSpec(text_bytes=300, task_sets=(pairs,))
    asked = EvaluationSpec(text_bytes=300, task_sets=(pairs,), meteor=True)
    assert "meteor" not in plain.to_json()  # so the tables made before it are found
    assert EvaluationSpec.from_json(asked.to_json()) == asked
    contents = {column: content_of(tiny_run, column) for column in columns_of(tiny_run, plain)}
    both = zip(plan(tiny_run, plain, contents), plan(tiny_run, asked, contents), strict=True)
    same = {(old.column.kind, old.name == new.name) for old, new in both}
    assert same == {("text", True), ("tasks", False)}


def test_without_translations_it_is_refused(tiny_run: Run) -> None:
    with pytest.raises(InputError, match="METEOR is a measure of translations, and none are"):
        evaluate(tiny_run, EvaluationSpec(text_bytes=300, meteor=True), device="cpu")


@pytest.mark.usefixtures("nltk_is_there")
def test_the_flag(tiny_run: Run, pairs: TaskSpec, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--run", tiny_run.id, "--text", "0", "--no-yardsticks"]
    words += ["--task-file", f"translation={pairs.source}"]
    assert not evaluation_spec_of(make_parser().parse_args(words)).meteor
    words += ["--meteor", "--device", "cpu", "--workspace", str(tiny_run.folder.parents[1])]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["evaluation"]["meteor"] is True
    assert {row["value"] for row in answer["results"] if row["measure"] == METEOR} == {50.0}
