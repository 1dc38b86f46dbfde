"""Programming tasks in the layouts of the field: how a completion becomes a program with its tests.

Every task is one `CodeTask`: what the model reads, where its completion ends, and the text around
the completion in the program that is run. By layout, recognised from the fields of a record:

- **HumanEval** (Chen et al. 2021; also HumanEval+): prompt + completion + `test` + a call of
  `check(entry_point)`. Stops as in the paper: a new class, def, comment, if or print at column 0.
- **MBPP** (Austin et al. 2021; full and sanitized): the prompt is a docstring of the task's text
  and its first test, which tells the function's name (InCoder, Fried et al. 2022). The program is
  the set-up code or imports, the completion and `test_list`; `challenge_test_list` is not used,
  as in the paper.
- **MultiPL-E** (Cassano et al. 2022): prompt + completion up to a stop token + `tests`; the tests
  begin by closing what the stop token left open.
- **HumanEval-X** (Zheng et al. 2023): prompt + completion + `test`. A completion ends with the first
  closing brace at column 0, which the program puts back; C++ gets the usual headers; in JavaScript,
  where `console.assert` only prints, a failed assertion throws.
- **Built-in**: this project's own, a program text with `{program}` in place of prompt + completion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.execution.languages import LABELS
from demo.texts import programs
from demo.texts.tasks import ProgramTask
from pruning.errors import InputError

PLACE = "{program}"
PYTHON_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
MBPP_STOPS = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")
BLOCK_END = "\n}"
LANGUAGE_NAMES = {
    "py": "python",
    "python": "python",
    "java": "java",
    "cpp": "cpp",
    "c++": "cpp",
    "js": "javascript",
    "javascript": "javascript",
}
CPP_HEADERS = "".join(
    f"#include <{name}>\n"
    for name in (
        *("algorithm", "climits", "cmath", "cstdlib", "cstring", "functional", "iostream", "map"),
        *("numeric", "queue", "set", "sstream", "stack", "string", "unordered_map", "vector"),
    )
)
THROWING_ASSERT = """\
console.assert = (holds, ...words) => {
  if (!holds) throw new Error(["Assertion failed", ...words].join(" "));
};
"""


@dataclass(frozen=True, kw_only=True)
class CodeTask:
    """A function to write, and the program that tests it.

    layout: where it came from, in words. prompt: what the model reads. head, tests: the program's
    text before and after the completion. stop: texts before which a completion ends. solution: a
    completion that is right; empty if the record has none.
    """

    task_id: str
    language: str
    layout: str
    prompt: str
    head: str
    tests: str
    stop: tuple[str, ...]
    solution: str = ""

    def __post_init__(self) -> None:
        if self.language not in LABELS:
            raise InputError(
                f"Task {self.task_id} is in {self.language!r}; programs can be run in "
                f"{', '.join(LABELS.values())}."
            )
        if not self.prompt.strip() or not self.tests.strip():
            raise InputError(f"Task {self.task_id} lacks a prompt or tests.")

    def completed(self, text: str) -> str:
        """The completion proper: the text before the first stop."""
        ends = [place for stop in self.stop if (place := text.find(stop)) >= 0]
        return text[: min(ends, default=len(text))]

    def program(self, text: str) -> str:
        """The whole program with a model's text in its place."""
        return self.head + self.completed(text) + self.tests


def built_in_tasks(language: str, *, count: int, seed: int = 0) -> list[CodeTask]:
    """Held-out tasks of this project, the same meanings in every language, offline."""
    if language not in LABELS:
        raise InputError(f"There are built-in tasks in {', '.join(LABELS)}, not {language!r}.")
    try:
        return [_own(task) for task in programs.tasks(language, count=count, seed=seed)]
    except ValueError as error:
        raise InputError(str(error)) from error


def task_of(record: Mapping[str, Any], where: str) -> CodeTask:
    """The task in a record of any known layout.

    where: the file and line, for messages. Raises InputError for an unknown layout, naming the
    fields found and those of each layout, and for a field of the wrong kind.
    """
    for layout in LAYOUTS:
        if all(record.get(field) is not None for field in layout.fields):
            try:
                return layout.make(record, f"{where}: ")
            except InputError as error:
                text = str(error)
                raise InputError(text if text.startswith(where) else f"{where}: {text}") from None
    known = "; ".join(f"{layout.name}: {', '.join(layout.fields)}" for layout in LAYOUTS)
    raise InputError(
        f"{where} has no layout of programming tasks that is known here. Its fields are "
        f"{', '.join(map(str, record)) or 'none'}; expected are those of one of: {known}."
    )


def _own(task: ProgramTask) -> CodeTask:
    before, _, after = task.tests.partition(PLACE)
    return CodeTask(
        task_id=task.task_id,
        language=task.language,
        layout="built-in",
        prompt=task.prompt,
        head=before + task.prompt,
        tests=after,
        stop=task.stop,
        solution=task.solution,
    )


def _own_record(record: Mapping[str, Any], where: str) -> CodeTask:
    tests = _text(record, "tests", where)
    if PLACE not in tests:
        raise InputError(f"{where}the field 'tests' does not say where the {PLACE} goes.")
    return _own(
        ProgramTask(
            task_id=str(record["task_id"]),
            language=_language(_text(record, "language", where), where),
            prompt=_text(record, "prompt", where),
            solution=str(record.get("solution") or ""),
            tests=tests,
            stop=_texts(record, "stop", where),
        )
    )


def _multipl_e(record: Mapping[str, Any], where: str) -> CodeTask:
    prompt = _text(record, "prompt", where)
    return CodeTask(
        task_id=str(record["name"]),
        language=_language(_text(record, "language", where), where),
        layout="MultiPL-E",
        prompt=prompt,
        head=prompt,
        tests="\n" + _text(record, "tests", where),
        stop=_texts(record, "stop_tokens", where),
    )


def _humaneval_x(record: Mapping[str, Any], where: str) -> CodeTask:
    task_id = str(record["task_id"])
    language = _language(task_id.partition("/")[0], where)
    prompt, test = _text(record, "prompt", where), _text(record, "test", where)
    braces = language != "python"
    throwing = THROWING_ASSERT if language == "javascript" else ""
    return CodeTask(
        task_id=task_id,
        language=language,
        layout="HumanEval-X",
        prompt=prompt,
        head=(CPP_HEADERS if language == "cpp" else "") + prompt,
        tests=(BLOCK_END if braces else "") + f"\n{throwing}{test}",
        stop=(BLOCK_END,) if braces else (*PYTHON_STOPS, "\n@"),
        solution=_text(record, "canonical_solution", where),
    )


def _humaneval(record: Mapping[str, Any], where: str) -> CodeTask:
    prompt = _text(record, "prompt", where)
    call = f"check({_text(record, 'entry_point', where)})"
    return CodeTask(
        task_id=str(record["task_id"]),
        language="python",
        layout="HumanEval",
        prompt=prompt,
        head=prompt,
        tests=f"\n{_text(record, 'test', where)}\n{call}\n",
        stop=PYTHON_STOPS,
        solution=str(record.get("canonical_solution") or ""),
    )


def _mbpp(record: Mapping[str, Any], where: str) -> CodeTask:
    described = _text(record, "text" if record.get("text") is not None else "prompt", where)
    tests = _texts(record, "test_list", where)
    if not tests:
        raise InputError(f"{where}the field 'test_list' is empty.")
    before = [str(record.get("test_setup_code") or ""), *_texts(record, "test_imports", where)]
    return CodeTask(
        task_id=str(record["task_id"]),
        language="python",
        layout="MBPP",
        prompt=f'"""\n{described.strip()}\n{tests[0]}\n"""\n',
        head="".join(f"{line}\n" for line in before if line),
        tests="\n" + "\n".join(tests) + "\n",
        stop=MBPP_STOPS,
        solution=_text(record, "code", where),
    )


def _language(name: str, where: str) -> str:
    if name.lower() not in LANGUAGE_NAMES:
        raise InputError(
            f"{where}the language {name!r} cannot be run here; give the tasks in "
            f"{', '.join(LABELS.values())} alone."
        )
    return LANGUAGE_NAMES[name.lower()]


def _text(record: Mapping[str, Any], field: str, where: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise InputError(
            f"{where}the field {field!r} is not a text; there are {', '.join(record)}."
        )
    return value


def _texts(record: Mapping[str, Any], field: str, where: str) -> tuple[str, ...]:
    value = record.get(field)
    values: Sequence[Any] = () if value is None else value
    if isinstance(values, str) or not all(isinstance(each, str) for each in values):
        raise InputError(f"{where}the field {field!r} is not a list of texts.")
    return tuple(values)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A layout: its name, the fields by which it is recognised, and how a task is made of them."""

    name: str
    fields: tuple[str, ...]
    make: Callable[[Mapping[str, Any], str], CodeTask]


HUMANEVAL_FIELDS = ("task_id", "prompt", "canonical_solution", "test")
# The more fields a layout asks for, the earlier it is tried.
LAYOUTS = (
    Layout(
        name="MultiPL-E",
        fields=("name", "language", "prompt", "tests", "stop_tokens"),
        make=_multipl_e,
    ),
    Layout(name="HumanEval-X", fields=(*HUMANEVAL_FIELDS, "declaration"), make=_humaneval_x),
    Layout(name="HumanEval", fields=("task_id", "prompt", "test", "entry_point"), make=_humaneval),
    Layout(name="MBPP", fields=("task_id", "text", "code", "test_list"), make=_mbpp),
    Layout(name="MBPP, sanitized", fields=("task_id", "prompt", "code", "test_list"), make=_mbpp),
    Layout(
        name="Submodel Atlas",
        fields=("task_id", "language", "prompt", "tests", "stop"),
        make=_own_record,
    ),
)
