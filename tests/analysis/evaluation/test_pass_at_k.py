"""pass@k: the estimator against the formula it stands for, and programs that are really run."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.evaluation.pass_at_k import (
    Attempt,
    TaskResult,
    evaluate_programs,
    unbiased_pass_at_k,
)
from analysis.evaluation.program_tasks import CodeTask, built_in_tasks
from analysis.execution import LABELS, Limits, Outcome, Sandbox, toolchains
from pruning.errors import Cancelled, InputError
from pruning.progress import Progress
from tests.analysis.sandboxed import sandbox_or_skip

pytestmark = pytest.mark.program

EXITS = {
    "python": "    import os\n    os._exit(0)\n",
    "java": "    System.exit(0);\n    return 0;\n}\n",
    "cpp": "    std::exit(0);\n}\n",
    "javascript": "  process.exit(0);\n};\n",
}
TOP_LEVEL_EXITS = {
    "python": "    pass\nimport sys\nsys.exit(0)\n",
    "java": "    return 0;\n}\nstatic { System.exit(0); }\n",
    "cpp": "    return 0;\n}\nstatic int now = (std::exit(0), 0);\n",
    "javascript": "};\nprocess.exit(0);\n",
}


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandbox_or_skip()


@given(st.data())
def test_the_estimator_is_the_combinatorial_formula(data: st.DataObject) -> None:
    samples = data.draw(st.integers(1, 200))
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    exact = 1 - Fraction(comb(samples - passed, k), comb(samples, k))
    assert unbiased_pass_at_k(samples, passed, k) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize(
    ("samples", "passed", "k", "expected"),
    [
        (1, 0, 1, 0.0),
        (1, 1, 1, 1.0),
        (10, 3, 1, 0.3),
        (4, 2, 2, 1 - 1 / 6),  # both drawn failed: 1 of 6 pairs
        (5, 1, 5, 1.0),
        (5, 0, 5, 0.0),
        (200, 1, 100, 0.5),
    ],
)
def test_worked_examples(samples: int, passed: int, k: int, expected: float) -> None:
    assert unbiased_pass_at_k(samples, passed, k) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("samples", "passed", "k", "words"),
    [(3, 1, 4, "at least 4 completions"), (3, 1, 0, "k of at least 1"), (3, 4, 1, "4 of 3")],
)
def test_what_cannot_be_estimated(samples: int, passed: int, k: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        unbiased_pass_at_k(samples, passed, k)


def test_results_count_what_passed() -> None:
    (task,) = built_in_tasks("python", count=1)
    attempts = tuple(
        Attempt(completion="", outcome=Outcome(status=status))
        for status in ("passed", "failed", "ended early", "timeout")
    )
    result = TaskResult(task=task, attempts=attempts)
    assert result.passed == 1


@pytest.mark.parametrize("language", LABELS)
def test_solutions_pass_and_others_do_not(sandbox: Sandbox, language: str) -> None:
    """The right one, one that does not compile or run, and two that leave with status 0."""
    toolchain = toolchains(sandbox)[language]
    if not toolchain.available:
        pytest.skip(toolchain.sentence)
    (task,) = built_in_tasks(language, count=1)
    texts = [task.solution, "    ?!\n", EXITS[language], TOP_LEVEL_EXITS[language]]
    reports: list[Progress] = []
    (result,) = evaluate_programs(sandbox, [task], [texts], report=reports.append)
    found = [attempt.outcome.status for attempt in result.attempts]
    broken = "not compiled" if language in ("java", "cpp") else "failed"
    assert found == ["passed", broken, "ended early", "ended early"]
    assert [attempt.completion for attempt in result.attempts] == list(map(task.completed, texts))
    assert (reports[-1].done, reports[-1].total) == (4, 4)


def test_wrong_answers_fail_and_are_kept(sandbox: Sandbox) -> None:
    tasks = built_in_tasks("python", count=2)
    wrong = ["    return None\n", "    return 'a'\n", "    return None\n"]
    results = evaluate_programs(sandbox, tasks, [wrong, [tasks[1].solution] * 3])
    assert [a.outcome.status for a in results[0].attempts] == ["failed"] * 3
    assert "AssertionError" in results[0].attempts[0].outcome.stderr
    assert [result.passed for result in results] == [0, 3]


def test_a_loop_runs_out_of_time(sandbox: Sandbox) -> None:
    (task,) = built_in_tasks("python", count=1)
    texts = [["    while True: pass\n"]]
    (result,) = evaluate_programs(sandbox, [task], texts, limits=Limits(seconds=0.5))
    assert result.attempts[0].outcome.status == "timeout"


def test_equal_programs_of_a_task_run_once(sandbox: Sandbox) -> None:
    (task,) = built_in_tasks("python", count=1)
    reports: list[Progress] = []
    texts = [[task.solution, task.solution + "\ndef next", "    return 0\n"]]
    (result,) = evaluate_programs(sandbox, [task], texts, report=reports.append)
    assert reports[-1].total == 2
    assert result.passed == 2


def test_a_cancellation_ends_the_programs(sandbox: Sandbox) -> None:
    tasks = built_in_tasks("python", count=1) * 4
    texts = [["    return 0\n"], *([f"    import time; time.sleep(600 + {n})\n"] for n in range(3))]

    def cancel(progress: Progress) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        evaluate_programs(
            sandbox, tasks, texts, limits=Limits(seconds=600), workers=2, report=cancel
        )


def test_completions_must_match_the_tasks(sandbox: Sandbox) -> None:
    with pytest.raises(InputError, match="completions of 2"):
        evaluate_programs(sandbox, built_in_tasks("python", count=1), [[""], [""]])


def test_a_task_in_an_unknown_language_cannot_be_made() -> None:
    with pytest.raises(InputError, match="is in 'cobol'"):
        CodeTask(task_id="1", language="cobol", layout="", prompt="x", head="", tests="x", stop=())
