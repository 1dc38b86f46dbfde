"""What a task is: a prompt whose answer can be checked. Every domain's generator gives tasks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ProgramTask:
    """A function to write in one language, and the program that tests it."""

    task_id: str  # the meaning: equal across the four languages
    language: str  # python | java | cpp | javascript
    prompt: str  # documentation and signature, as a document of the domain begins
    solution: str  # what follows the prompt in the document
    tests: str  # program text: with {program} replaced by prompt + completion it runs and exits 0
    stop: tuple[str, ...]  # texts that end a completion


@dataclass(frozen=True, kw_only=True)
class MathTask:
    """A word problem: the model writes worked steps; the number after `marker` is its answer."""

    task_id: str
    prompt: str
    solution: str
    answer: str
    marker: str


@dataclass(frozen=True, kw_only=True)
class ChoiceTask:
    """A question with choices, answered by the likelihood of each choice's text after the prompt."""

    task_id: str
    prompt: str
    choices: tuple[str, ...]  # what follows the prompt, one text a choice
    label: int  # index of the right one


@dataclass(frozen=True, kw_only=True)
class TranslationTask:
    """An English sentence and its French translation."""

    task_id: str
    prompt: str
    reference: str
