"""Tasks of one's own, sampling and the harness on the Evaluate page; and the job they become."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from analysis.__main__ import make_parser
from analysis.evaluation import meteor
from analysis.evaluation.options import evaluation_spec_of
from analysis.evaluation.sampling import Sampling
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.tasks import HARNESS, TaskSpec
from pages.ui import task_choices
from pruning.jobs.queue import Job, JobQueue
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import PruneSpec
from tests.pages.conftest import Open, healthy

SUM = {"prompt": "3 + 4 is", "answer": "7"}


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """A file of one math task, with the signs in its path that the flag itself is made of."""
    path = tmp_path / "seed=1 of: sums.jsonl"
    path.write_text(json.dumps(SUM))
    return path


@pytest.fixture
def harness_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page believes that lm-evaluation-harness is installed."""
    found = SimpleNamespace(
        version=lambda name: "1.0", PackageNotFoundError=task_choices.metadata.PackageNotFoundError
    )
    monkeypatch.setattr(task_choices, "metadata", found)


@pytest.fixture
def nltk_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page believes that nltk is installed."""
    monkeypatch.setattr(meteor, "is_installed", lambda: True)


def start(app: AppTest) -> AppTest:
    [button] = [each for each in app.button if each.label == "Start measuring"]
    return button.click().run()


def jobs(run: Run) -> list[Job]:
    return JobQueue(Workspace(run.folder.parents[1])).list()


def queued(run: Run) -> EvaluationSpec:
    """What the command line reads from the only job in line."""
    [job] = jobs(run)
    assert job.argv[:2] == ("-m", "analysis")
    arguments = make_parser().parse_args(job.argv[2:])
    assert arguments.run == run.id
    return evaluation_spec_of(arguments)


@pytest.mark.usefixtures("harness_is_there", "nltk_is_there")
def test_every_choice_reaches_the_command(run: Run, open_page: Open, sums: Path) -> None:
    pairs = sums.with_name("pairs.jsonl")
    pairs.write_text(json.dumps({"prompt": "A", "reference": "B"}))
    app = healthy(open_page("evaluate", sparsities=["50%"], text="5"))
    app.number_input(key="text").set_value(0)
    app.text_area(key="task-files").set_value(f"  math={sums}\n\nfr: en:translation={pairs} \n")
    app.text_input(key="lm-eval").set_value("arc_easy  boolq")
    app.text_input(key="lm-eval-include").set_value("/my tasks")
    app.number_input(key="lm-eval-limit").set_value(7)
    app.checkbox(key="meteor").check()
    app.number_input(key="task-samples").set_value(5).run()
    app.slider(key="task-temperature").set_value(0.65)
    app.slider(key="task-top-p").set_value(0.9)
    app.multiselect(key="pass-at").set_value([5, 1])
    healthy(start(healthy(app.run())))
    assert queued(run) == EvaluationSpec(
        sparsities=(0.5,),
        text_bytes=0,
        task_sets=(
            TaskSpec(name="seed=1 of: sums", kind="math", source=str(sums)),
            TaskSpec(name="fr: en", kind="translation", source=str(pairs)),
            TaskSpec(name="arc_easy", kind=HARNESS, source="/my tasks", count=7),
            TaskSpec(name="boolq", kind=HARNESS, source="/my tasks", count=7),
        ),
        sampling=Sampling(samples=5, temperature=0.65, top_p=0.9, ks=(1, 5)),
        meteor=True,
    )


def test_nothing_chosen_is_one_greedy_program(run: Run, open_page: Open) -> None:
    app = healthy(open_page("evaluate", sparsities=["50%"], text="2", tasks="0"))
    assert not app.slider
    assert "requirements-lm-eval.txt" in " ".join(caption.value for caption in app.caption)
    healthy(start(app))
    assert queued(run) == EvaluationSpec(text_bytes=2000)


def test_a_pattern_brings_its_own_sparsity(run: Run, open_page: Open, sums: Path) -> None:
    app = healthy(open_page("evaluate", **{"measured-pattern": "2:4", "measured-on": ["code"]}))
    app.text_area(key="task-files").set_value(f"code:math={sums}")
    healthy(start(healthy(app.run())))
    assert queued(run) == EvaluationSpec(
        prune=PruneSpec(pattern="2:4"),
        task_sets=(TaskSpec(name="code", kind="math", source=str(sums)),),
        measured_on=("code",),
    )


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("math={}/none.jsonl", "cannot be read"),
        ("math={}", "cannot be read"),  # a folder
        ("math={}/empty.jsonl", "holds no task"),
        ("choices={}/sums.jsonl", "line 1, needs 'choices'"),
        ("luck={}/sums.jsonl", "the kinds are math, choices"),
        ("{}/sums.jsonl", "is not KIND=PATH"),
        ("a:math={0}/sums.jsonl\na:math={0}/sums.jsonl", "Two sets of tasks have one name"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    lines: str, sentence: str, run: Run, open_page: Open, tmp_path: Path
) -> None:
    (tmp_path / "sums.jsonl").write_text(json.dumps(SUM))
    (tmp_path / "empty.jsonl").write_text("\n")
    app = healthy(open_page("evaluate"))
    app.text_area(key="task-files").set_value(lines.format(tmp_path)).run()
    if not app.error:
        start(app)
    assert not app.exception
    [error] = app.error
    assert sentence in error.value
    assert jobs(run) == []


@pytest.mark.usefixtures("harness_is_there")
def test_a_harness_task_is_no_flag(run: Run, open_page: Open) -> None:
    app = healthy(open_page("evaluate"))
    app.text_input(key="lm-eval").set_value("boolq --device").run()
    [error] = app.error
    assert error.value == "--device: no task of lm-evaluation-harness is called so."
    assert jobs(run) == []


@pytest.mark.parametrize("there", [True, False])
def test_meteor_is_asked_only_where_it_can_be_had(
    there: bool, run: Run, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meteor, "is_installed", lambda: there)
    app = open_page("evaluate", meteor="true", text="2", sparsities=["50%"])
    assert app.checkbox(key="meteor").disabled is not there
    if there:
        [error] = app.error
        assert "METEOR is a measure of translations, and none are" in error.value
    else:
        healthy(start(healthy(app)))
        assert queued(run) == EvaluationSpec(text_bytes=2000)
