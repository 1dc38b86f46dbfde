"""Every rendered program passes its tests; programs that are wrong, or never end, do not."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from demo.texts.programs import running, tasks
from demo.texts.programs.operations import LANGUAGES
from demo.texts.programs.running import Outcome, check, check_alone
from demo.texts.tasks import ProgramTask

pytestmark = pytest.mark.program

ENDLESS = {
    "python": "    while True:\n        pass\n",
    "java": "    while (true) {}\n}\n",
    "cpp": "    for (volatile int i = 0;; i = 0) {}\n}\n",
    "javascript": "  while (true) {}\n}\n",
}
CRASHING = {
    "python": "    return [][1]\n",
    "java": '    throw new IllegalStateException("no");\n}\n',
    "cpp": "    std::abort();\n}\n",
    "javascript": '  throw new Error("no");\n}\n',
}


def needed(language: str) -> None:
    if reason := running.unavailable(language):
        pytest.skip(reason)


def a_function(language: str) -> ProgramTask:
    """Return a task whose program is a function, not a class, and closes with one brace."""
    closing = "" if language == "python" else "\n}\n"
    return next(
        task
        for task in tasks(language, count=60)
        if "class " not in task.prompt and task.solution.endswith(closing or "\n")
    )


def failures(found: list[ProgramTask], outcomes: list[Outcome]) -> str:
    return "\n\n".join(
        f"{task.task_id}\n{task.prompt}{task.solution}{outcome.message}"
        for task, outcome in zip(found, outcomes, strict=True)
        if not outcome.passed
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_solution_passes_its_tests(language: str) -> None:
    needed(language)
    found = tasks(language, count=110) + tasks(language, count=50, split="train")
    assert failures(found, check(found, timeout_s=20)) == ""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("split", ["train", "held-out"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thousand_solutions_pass_their_tests(language: str, split: str) -> None:
    needed(language)
    found = tasks(language, count=1000, seed=1, split=split)
    assert failures(found, check(found, timeout_s=20)) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_wrong_programs_fail_and_their_neighbours_pass(language: str) -> None:
    needed(language)
    good = tasks(language, count=4, seed=2)
    wrong = a_function(language)
    found = [good[0], wrong, good[1], wrong, good[2], good[3]]
    written = [task.solution for task in found]
    written[1] = CRASHING[language]
    written[3] = "this is not a program ((\n"
    passed = [outcome.passed for outcome in check(found, written, timeout_s=20)]
    assert passed == [True, False, True, False, True, True]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_that_never_ends_is_stopped(language: str) -> None:
    needed(language)
    task = a_function(language)
    together = check([task, task], [ENDLESS[language], task.solution], timeout_s=2)
    assert [outcome.passed for outcome in together] == [False, True]
    alone = check_alone(task, ENDLESS[language], timeout_s=1)
    assert alone == Outcome(passed=False, message="no answer within 1 s")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_runs_alone(language: str) -> None:
    needed(language)
    task = a_function(language)
    assert check_alone(task, task.solution, timeout_s=20) == Outcome(passed=True, message="")
    failed = check_alone(task, CRASHING[language], timeout_s=20)
    assert not failed.passed
    assert failed.message


def test_memory_is_limited() -> None:
    if shutil.which("prlimit") is None:
        pytest.skip("prlimit is not on this machine")
    task = a_function("python")
    outcome = check_alone(task, "    return bytearray(5 << 30)\n", timeout_s=20)
    assert "MemoryError" in outcome.message


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running.shutil, "which", lambda tool: None)
    task = replace(a_function("java"))
    with pytest.raises(ValueError, match="need javac and java on the path"):
        check([task])
    with pytest.raises(ValueError, match="need javac and java on the path"):
        check_alone(task, task.solution)


def test_as_many_completions_as_tasks() -> None:
    with pytest.raises(ValueError, match="1 tasks but 0 completions"):
        check([a_function("python")], [])
