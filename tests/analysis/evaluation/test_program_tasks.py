"""Tasks of every layout become programs that run; what is no task is refused with its fields.

The records are made up here, in the layouts of the data sets.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from analysis.evaluation.program_sources import load_code_tasks
from analysis.evaluation.program_tasks import CodeTask, built_in_tasks, task_of
from analysis.execution import LABELS, Limits, Sandbox, require_language, run_tested
from pruning.errors import InputError
from tests.analysis.sandboxed import sandbox_or_skip

pytestmark = pytest.mark.program

HUMANEVAL = {
    "task_id": "Made/0",
    "prompt": 'def twice(n):\n    """Return n times two."""\n',
    "entry_point": "twice",
    "canonical_solution": "    return n * 2\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(-1) == -2\n",
}
MBPP = {
    "task_id": 1,
    "text": "Write a function to add a number to itself.",
    "code": "def twice(n):\n    return n + n",
    "test_list": ["assert twice(2) == 4", "assert twice(Number(3).value) == 6"],
    "test_setup_code": "class Number:\n    def __init__(self, value): self.value = value",
    "challenge_test_list": ["assert twice(0) == 1"],
}
SANITIZED = {
    "source_file": "made up",
    "task_id": 2,
    "prompt": "Write a function for the area of a circle.",
    "code": "def area(r):\n    return math.pi * r * r",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(area(1), math.pi)"],
}
MULTIPL_E = {
    "python": {
        "name": "made_0_twice",
        "language": "py",
        "prompt": 'def twice(n: int) -> int:\n    """ Twice n. """\n',
        "tests": "def check(candidate):\n    assert candidate(2) == 4\n\ncheck(twice)\n",
        "stop_tokens": ["\ndef", "\n#", "\nif", "\nclass"],
    },
    "java": {
        "name": "made_0_twice",
        "language": "java",
        "prompt": "import java.util.*;\nclass Problem {\n    // Twice n.\n    public static long twice(long n) {\n",
        "tests": "    }\n    public static void main(String[] args) {\n    assert(twice((2l)) == (4l));\n    }\n\n}\n",
        "stop_tokens": ["\n    }\n"],
    },
    "cpp": {
        "name": "made_0_twice",
        "language": "cpp",
        "prompt": "#include<assert.h>\n// Twice n.\nlong twice(long n) {\n",
        "tests": "}\nint main() {\n    auto candidate = twice;\n    assert(candidate((2)) == (4));\n}\n",
        "stop_tokens": ["\n}"],
    },
    "javascript": {
        "name": "made_0_twice",
        "language": "js",
        "prompt": "// Twice n.\nfunction twice(n){\n",
        "tests": "const assert = require('node:assert');\nfunction test() {\n  let candidate = twice;\n  assert.deepEqual(candidate(2),4);\n}\n\ntest();",
        "stop_tokens": ["\nfunction ", "\n/*", "\n//", "\nconsole.log"],
    },
}
RIGHT = {
    "python": "    return 2 * n\n",
    "java": "        return 2 * n;\n    }\n    public static void main(String[] a) {}\n",
    "cpp": "    return 2 * n;\n}\nint main() {}\n",
    "javascript": "  return 2 * n;\n}\nconsole.log(twice(1));\n",
}
WRONG = {
    "python": "    return n\n",
    "java": "        return n;\n    }\n",
    "cpp": "    return n;\n}\n",
    "javascript": "  return n;\n}\n",
}
HUMANEVAL_X = {
    "python": {
        "task_id": "Python/0",
        "prompt": "def twice(n):\n",
        "declaration": "def twice(n):\n",
        "canonical_solution": "    return 2 * n\n",
        "test": "def check(twice):\n    assert twice(2) == 4\n\ncheck(twice)\n",
    },
    "java": {
        "task_id": "Java/0",
        "prompt": "import java.util.*;\n\nclass Solution {\n    /** Twice n. */\n    public int twice(int n) {\n",
        "declaration": "class Solution {\n    public int twice(int n) {\n",
        "canonical_solution": "        return 2 * n;\n    }\n}",
        "test": "public class Main {\n    public static void main(String[] args) {\n        Solution s = new Solution();\n"
        "        if (s.twice(2) != 4) {\n            throw new AssertionError();\n        }\n    }\n}",
    },
    "cpp": {
        "task_id": "CPP/0",
        "prompt": "/* Twice the sum. */\n#include<vector>\nusing namespace std;\nint twice(vector<int> n){\n",
        "declaration": "#include<vector>\nusing namespace std;\nint twice(vector<int> n){\n",
        "canonical_solution": "    return 2 * accumulate(n.begin(), n.end(), 0);\n}\n",
        "test": "#undef NDEBUG\n#include<assert.h>\nint main(){\n    assert (twice({1, 1}) == 4);\n}\n",
    },
    "javascript": {
        "task_id": "JavaScript/0",
        "prompt": "/* Twice n. */\nconst twice = (n) => {\n",
        "declaration": "const twice = (n) => {\n",
        "canonical_solution": "  return 2 * n;\n}\n\n",
        "test": "const testTwice = () => {\n  console.assert(twice(2) === 4)\n}\n\ntestTwice()\n",
    },
}


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return sandbox_or_skip()


def status(sandbox: Sandbox, task: CodeTask, text: str) -> str:
    """How the program with a completion ends."""
    try:
        require_language(sandbox, task.language)
    except InputError as error:
        pytest.skip(str(error))
    return run_tested(sandbox, task.language, task.program(text), Limits(seconds=40)).status


def write(path: Path, *records: dict[str, Any]) -> Path:
    """A JSON Lines file, compressed if its name says so."""
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize(
    "record", [HUMANEVAL, MBPP, SANITIZED], ids=["HumanEval", "MBPP", "sanitized"]
)
def test_python_layouts_run(sandbox: Sandbox, record: dict[str, Any]) -> None:
    task = task_of(record, "line 1")
    assert status(sandbox, task, task.solution) == "passed"
    assert status(sandbox, task, task.solution.replace("return", "return 1 +")) == "failed"


def test_an_mbpp_prompt_is_a_docstring_of_the_text_and_one_test() -> None:
    task = task_of(MBPP, "line 1")
    assert task.prompt == (
        '"""\nWrite a function to add a number to itself.\nassert twice(2) == 4\n"""\n'
    )
    assert task.program("x = 1\nprint(x)").startswith("class Number:")
    assert "print(x)" not in task.program("x = 1\nprint(x)")
    assert "== 1" not in task.tests
    assert task_of(SANITIZED, "line 1").head == "import math\n"


@pytest.mark.parametrize("language", LABELS)
def test_multipl_e_runs(sandbox: Sandbox, language: str) -> None:
    task = task_of(MULTIPL_E[language], "line 1")
    assert (task.language, task.prompt) == (language, MULTIPL_E[language]["prompt"])
    assert status(sandbox, task, RIGHT[language]) == "passed"
    assert status(sandbox, task, WRONG[language]) == "failed"


@pytest.mark.parametrize("language", LABELS)
def test_humaneval_x_runs(sandbox: Sandbox, language: str) -> None:
    task = task_of(HUMANEVAL_X[language], "line 1")
    assert task.language == language
    after = "" if language == "python" else "\nnothing that counts ("
    assert status(sandbox, task, task.solution + after) == "passed"
    assert status(sandbox, task, task.solution.replace("2 *", "3 *")) == "failed"


def test_the_program_is_the_prompt_the_cut_completion_and_the_tests() -> None:
    task = task_of(MULTIPL_E["cpp"], "line 1")
    assert task.completed("  return 1;\n}\nint x;\n}") == "  return 1;"
    assert task.program("  return 1;\n}\nint x;") == (
        task.prompt + "  return 1;" + "\n" + MULTIPL_E["cpp"]["tests"]
    )


@pytest.mark.parametrize("language", LABELS)
def test_built_in_tasks_are_the_same_in_every_language(language: str) -> None:
    tasks = built_in_tasks(language, count=3)
    assert [t.task_id for t in tasks] == [t.task_id for t in built_in_tasks("python", count=3)]
    for task in tasks:
        assert task.head.endswith(task.prompt)
        assert task.completed(task.solution) == task.solution
        assert "{program}" not in task.program(task.solution)


def test_tasks_of_ones_own_are_read(tmp_path: Path) -> None:
    record = {
        "task_id": "mine",
        "language": "js",
        "prompt": "const one = () =>",
        "tests": "let a = 0;\n{program}\nif (one() !== 1) throw 1;",
        "stop": ["\n"],
    }
    (task,) = load_code_tasks(str(write(tmp_path / "own.jsonl", record)))
    assert task.program(" 1;\nx") == "let a = 0;\nconst one = () => 1;\nif (one() !== 1) throw 1;"
    with pytest.raises(InputError, match=r"own.jsonl, line 1: .*where the \{program\} goes"):
        load_code_tasks(str(write(tmp_path / "own.jsonl", record | {"tests": "x"})))


def test_a_file_a_compressed_file_and_a_folder_are_read(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.jsonl", HUMANEVAL, HUMANEVAL | {"task_id": "Made/1"})
    packed = write(tmp_path / "b.jsonl.gz", *MULTIPL_E.values())
    (tmp_path / "notes.txt").write_text("not a task")
    assert [t.task_id for t in load_code_tasks(str(plain))] == ["Made/0", "Made/1"]
    assert [t.language for t in load_code_tasks(str(packed))] == list(LABELS)
    assert len(load_code_tasks(str(tmp_path))) == 6
    assert len(load_code_tasks(str(tmp_path), count=5)) == 5
    only = load_code_tasks(str(tmp_path), language="python")
    assert [t.layout for t in only] == ["HumanEval", "HumanEval", "MultiPL-E"]
    with pytest.raises(InputError, match=r"holds no task in Java; there are 2 in Python"):
        load_code_tasks(str(plain), language="java")


def test_an_unknown_layout_names_the_fields_found_and_expected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", HUMANEVAL, {"question": "?", "answer": "!"})
    with pytest.raises(InputError) as caught:
        load_code_tasks(str(path))
    words = str(caught.value)
    assert "a.jsonl, line 2" in words
    assert "question, answer" in words
    assert "stop_tokens" in words
    assert "test_list" in words


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (HUMANEVAL | {"prompt": 3}, "'prompt' is not a text"),
        (MBPP | {"test_list": "assert 1"}, "'test_list' is not a list of texts"),
        (MBPP | {"test_list": []}, "'test_list' is empty"),
        (MULTIPL_E["java"] | {"stop_tokens": [1]}, "'stop_tokens' is not a list of texts"),
        (MULTIPL_E["java"] | {"language": "rkt"}, "'rkt' cannot be run here"),
        (HUMANEVAL_X["java"] | {"task_id": "Go/3"}, "'Go' cannot be run here"),
        (HUMANEVAL | {"test": " "}, "'test' is not a text"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(record: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        task_of(record, "a.jsonl, line 7")
    assert str(caught.value).startswith("a.jsonl, line 7")


def test_what_is_no_source_of_tasks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a task")
    (tmp_path / "bad.jsonl").write_text("{")
    (tmp_path / "list.jsonl").write_text("[1]\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    for source, words in (
        ("builtin:python", "how many"),
        (str(tmp_path / "none"), "no file or folder"),
        (str(tmp_path / "notes.txt"), "no JSON Lines"),
        (str(tmp_path / "bad.jsonl"), "is not JSON"),
        (str(tmp_path / "list.jsonl"), "not an object"),
        (str(tmp_path / "empty.jsonl"), "there are none at all"),
        ("hf:mbpp", "whole id"),
    ):
        with pytest.raises(InputError, match=words):
            load_code_tasks(source)
    with pytest.raises(InputError, match="built-in tasks in"):
        load_code_tasks("builtin:cobol", count=1)
    with pytest.raises(InputError, match="at least one"):
        load_code_tasks("builtin:python", count=0)


def test_a_data_set_of_the_hub_is_read_from_its_test_split(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def load(source: str, **choices: Any) -> dict[str, list[dict[str, Any]]]:
        asked.append((source, choices))
        return {"train": [], "test": [MULTIPL_E["java"]], "validation": []}

    monkeypatch.setattr("datasets.load_dataset", load)
    (task,) = load_code_tasks("hf:made/up@v1:humaneval-java")
    assert task.layout == "MultiPL-E"
    assert asked == [("made/up", {"name": "humaneval-java", "split": None, "revision": "v1"})]
    monkeypatch.setattr("datasets.load_dataset", lambda source, **choices: {"a": [], "b": []})
    with pytest.raises(InputError, match="name one of a, b"):
        load_code_tasks("hf:made/up")
