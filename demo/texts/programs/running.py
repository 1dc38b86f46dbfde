"""Runs programs against their tests: many at once, or each alone in its own folder and process.

`check` compiles and runs many programs together (one javac and one JVM, one g++, one node, one
python), each with its own time limit; those that the compiler blames are tried again alone.
`check_alone` gives each program its own folder, process and limits (see `sandbox.py`). A program
that ends its process with status 0 before the tests are through would pass unnoticed there.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.texts.programs import batches
from demo.texts.programs.harness import PLACE
from demo.texts.programs.sandbox import Ran, run
from demo.texts.tasks import ProgramTask

NEEDED = {
    "python": (sys.executable,),
    "java": ("javac", "java"),
    "cpp": ("g++",),
    "javascript": ("node",),
}
COMPILE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Whether a program passed its tests, and if not, the last of what it or its compiler said."""

    passed: bool
    message: str


def unavailable(language: str) -> str:
    """Say what this machine lacks to run a language; an empty text if nothing."""
    missing = [tool for tool in NEEDED[language] if shutil.which(tool) is None]
    return f"{language} programs need {' and '.join(missing)} on the path" if missing else ""


def completed(task: ProgramTask, completion: str) -> str:
    """Return the test program with the prompt and a completion in its place."""
    return task.tests.replace(PLACE, task.prompt + completion)


def check(
    tasks: Sequence[ProgramTask],
    completions: Sequence[str] | None = None,
    *,
    timeout_s: float = 5.0,
) -> list[Outcome]:
    """Run the tasks' own solutions, or the completions given for them, many at once.

    timeout_s is for each program. Returns an outcome for each task, in order. Raises ValueError
    if a language's tools are missing, or if the two lengths differ.
    """
    written = [t.solution for t in tasks] if completions is None else list(completions)
    if len(written) != len(tasks):
        raise ValueError(f"There are {len(tasks)} tasks but {len(written)} completions.")
    outcomes: list[Outcome | None] = [None] * len(tasks)
    for language in dict.fromkeys(task.language for task in tasks):
        _require(language)
        places = [i for i, task in enumerate(tasks) if task.language == language]
        texts = [completed(tasks[i], written[i]) for i in places]
        with tempfile.TemporaryDirectory(prefix="programs-") as folder:
            found = batches.BATCHES[language](texts, Path(folder), timeout_s)
        for i, answer in zip(places, found, strict=True):
            outcomes[i] = (
                check_alone(tasks[i], written[i], timeout_s=timeout_s)
                if answer is None
                else Outcome(passed=answer == "", message=answer)
            )
    return [outcome for outcome in outcomes if outcome is not None]


def check_alone(task: ProgramTask, completion: str, *, timeout_s: float = 5.0) -> Outcome:
    """Run one completion in a folder and process of its own, within limits.

    This is a limited sandbox for generated programs, no defence against hostile ones (see
    `sandbox.py`). Raises ValueError if the language's tools are missing.
    """
    _require(task.language)
    text = completed(task, completion)
    with tempfile.TemporaryDirectory(prefix="program-") as name:
        folder = Path(name)
        ran = _build(task.language, text, folder)
        if ran is None:
            ran = _execute(task.language, folder, timeout_s)
    message = "" if ran.status == 0 else (ran.errors.strip() or f"exit status {ran.status}")[-400:]
    return Outcome(passed=ran.status == 0, message=message)


def _require(language: str) -> None:
    if lacking := unavailable(language):
        raise ValueError(f"Cannot run {language}: {lacking}.")


def _build(language: str, text: str, folder: Path) -> Ran | None:
    """Write a program and compile it; None if it is ready to run."""
    names = {"python": "main.py", "java": "Main.java", "cpp": "main.cpp", "javascript": "main.js"}
    source = folder / names[language]
    source.write_text(text)
    commands = {
        "java": [*batches.JAVAC, "-d", ".", source.name],
        "cpp": [*batches.GPP, source.name, "-o", "main"],
    }
    if language not in commands:
        return None
    ran = run(commands[language], folder, timeout_s=COMPILE_S, memory=None)
    return None if ran.status == 0 else ran


def _execute(language: str, folder: Path, timeout_s: float) -> Ran:
    """Run what `_build` has made."""
    if language == "python":
        return run([sys.executable, "-I", "main.py"], folder, timeout_s=timeout_s)
    if language == "cpp":
        return run(["./main"], folder, timeout_s=timeout_s)
    command = [*batches.JAVA, "Main"] if language == "java" else [*batches.NODE, "main.js"]
    return run(command, folder, timeout_s=timeout_s, memory=None)
