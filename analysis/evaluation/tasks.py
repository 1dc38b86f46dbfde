"""Sets of tasks: those built in, offline, and those in a person's JSON Lines files.

A file holds one JSON object a line. Its fields, by kind:

- math: `prompt` (given to the model as it stands) or `question` (asked as "Question: ...\\nAnswer:");
  `answer`, a number, or a solution whose number follows "####", as in GSM8K; `marker` if the number
  is to be read after a certain text, else the last number that the model writes counts.
- choices: `prompt`; `choices`, a list of texts that follow it, each with its leading space; `label`,
  the index of the right one.
- translation: `prompt`; `reference`, the right translation.
- programs: see `analysis.evaluation.program_tasks`; also a folder, or "hf:ID" for the hub.

`id` is optional.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from analysis.evaluation.harness import harness_task
from analysis.evaluation.program_sources import load_code_tasks
from demo.texts import commonsense, math_problems, translation
from demo.texts.tasks import ChoiceTask, MathTask, TranslationTask
from pruning.errors import InputError
from pruning.machine.paths import allowed_path
from pruning.specs import Spec

MATH, CHOICES, TRANSLATION, PROGRAMS = "math", "choices", "translation", "programs"
HARNESS = "lm-eval"
KINDS = (MATH, CHOICES, TRANSLATION, PROGRAMS, HARNESS)
OF_DOMAIN = {
    **dict.fromkeys(("python", "java", "cpp", "javascript"), PROGRAMS),
    "math": MATH,
    "commonsense": CHOICES,
    "translation": TRANSLATION,
}
BUILT_IN = "builtin"
GSM8K_MARK = "####"
TASK_FILE = re.compile(rf"(?:(.+?):)??({'|'.join(KINDS[:-1])})=(.+)")  # a name may hold = and :
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class TaskSpec(Spec):
    """A set of tasks. name: its column. source: "builtin", or a .jsonl file; count None: all of it.

    A built-in set is named by its domain: `count` of its held-out tasks, which no document of the
    split that calibrates shares its meaning with. A task of lm-evaluation-harness has the harness's
    name, and for its source "" or a folder of task files. domain: whose own mask the others are compared
    with, if the run has one of that name.
    """

    name: str
    kind: str
    source: str = BUILT_IN
    count: int | None = None
    domain: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"Tasks are {', '.join(KINDS)}, not {self.kind!r}.")
        if not self.name.strip():
            raise InputError("A set of tasks needs a name.")
        if self.count is not None and self.count < 1:
            raise InputError("Ask for at least one task.")
        if self.source == BUILT_IN and (self.name not in OF_DOMAIN or self.count is None):
            raise InputError(
                f"Built-in tasks are those of {', '.join(OF_DOMAIN)}, and so many of them as you say."
            )


def built_in(domain: str, count: int) -> TaskSpec:
    """The first `count` held-out tasks of a built-in domain."""
    return TaskSpec(name=domain, kind=OF_DOMAIN[domain], count=count, domain=domain)


def parse_task_file(text: str) -> TaskSpec:
    """ "kind=PATH" or "name:kind=PATH", as on the command line; the name is else the file's."""
    found = TASK_FILE.fullmatch(text)
    if found is None:
        raise InputError(
            f"{text!r} is not KIND=PATH or NAME:KIND=PATH, such as math=gsm8k.jsonl; the kinds are "
            f"{', '.join(KINDS[:-1])}."
        )
    name, kind, path = found.groups()
    return TaskSpec(name=name or Path(path).stem, kind=kind, source=path)


def load_tasks(spec: TaskSpec) -> list[Any]:
    """The tasks of a set: a MathTask, ChoiceTask, TranslationTask or CodeTask each, by its kind; of a task
    of lm-evaluation-harness, one HarnessTask.

    Raises InputError for a file that cannot be read or a line that lacks a field.
    """
    if spec.kind == HARNESS:
        return [harness_task(spec.name, spec.source, spec.count)]
    if spec.kind == PROGRAMS:
        source = f"{BUILT_IN}:{spec.name}" if spec.source == BUILT_IN else spec.source
        return load_code_tasks(source, count=spec.count)
    if spec.source == BUILT_IN:
        count = spec.count or 0
        if spec.kind == MATH:
            return math_problems.tasks(count=count)
        if spec.kind == CHOICES:
            return commonsense.tasks(count=count)
        return translation.tasks(count=count)
    return list(_read(allowed_path(spec.source), _READERS[spec.kind])[: spec.count])


def number_in(text: str, marker: str = "") -> Decimal | None:
    """The first number after the last marker; without a marker, the last number of the text.

    Thousands separators are dropped, so that 1,250 is 1250, and 7.0 equals 7. None without any.
    """
    if marker:
        numbers = NUMBER.findall(text.rpartition(marker)[2])[:1] if marker in text else []
    else:
        numbers = NUMBER.findall(text)[-1:]
    return Decimal(numbers[0].replace(",", "")) if numbers else None


def _read(path: Path, make: Callable[[dict[str, Any], str], Any]) -> Sequence[Any]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The tasks in {path} cannot be read: {error}.") from error
    tasks = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where}, is not JSON: {error}.") from error
        if not isinstance(record, dict):
            raise InputError(f"{where}, is not an object with fields.")
        tasks.append(make({"id": str(number), **record}, where))
    if not tasks:
        raise InputError(f"{path.name} holds no task; write one JSON object a line.")
    return tasks


def _math(record: dict[str, Any], where: str) -> MathTask:
    prompt = record.get("prompt")
    if prompt is None:
        prompt = f"Question: {_text(record, 'question', where)}\nAnswer:"
    solution = str(record.get("answer", ""))
    answer = solution.rpartition(GSM8K_MARK)[2].strip()
    if number_in(answer) is None:
        raise InputError(f"{where}, has no number in the field 'answer'.")
    return MathTask(
        task_id=str(record["id"]),
        prompt=str(prompt),
        solution=solution,
        answer=answer,
        marker=str(record.get("marker", "")),
    )


def _choice(record: dict[str, Any], where: str) -> ChoiceTask:
    choices, label = record.get("choices"), record.get("label")
    texts = isinstance(choices, list) and all(isinstance(each, str) and each for each in choices)
    if not isinstance(choices, list) or not texts or len(choices) < 2:
        raise InputError(f"{where}, needs 'choices', a list of at least two texts.")
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < len(choices):
        raise InputError(f"{where}, needs 'label', the index (from 0) of the right choice.")
    return ChoiceTask(
        task_id=str(record["id"]),
        prompt=_text(record, "prompt", where),
        choices=tuple(choices),
        label=label,
    )


def _pair(record: dict[str, Any], where: str) -> TranslationTask:
    return TranslationTask(
        task_id=str(record["id"]),
        prompt=_text(record, "prompt", where),
        reference=_text(record, "reference", where),
    )


def _text(record: dict[str, Any], field: str, where: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}, needs the field {field!r}, a text; it has {', '.join(record)}.")
    return value


_READERS: dict[str, Callable[[dict[str, Any], str], Any]] = {
    MATH: _math,
    CHOICES: _choice,
    TRANSLATION: _pair,
}
