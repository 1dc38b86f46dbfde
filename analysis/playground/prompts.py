"""Prompts at a click: held-out tasks of the built-in domains, whose answers are known."""

from __future__ import annotations

from dataclasses import dataclass

from demo.texts import DOMAINS, commonsense, math_problems, programs, translation

LANGUAGES = ("python", "java", "cpp", "javascript")


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A task that no calibration on the built-in training split has read.

    title: the task in a few words. expected: what a right answer says. stops: texts that end an
    answer. tests: of a program in `domain`, the text that tests it, with {program} where prompt
    and answer go; None for other tasks.
    """

    domain: str
    title: str
    text: str
    expected: str
    stops: tuple[str, ...] = ()
    tests: str | None = None


def prompts(domain: str, *, count: int, seed: int = 0) -> tuple[Prompt, ...]:
    """`count` prompts of a built-in domain; ValueError for any other domain."""
    if domain in LANGUAGES:
        return tuple(
            Prompt(
                domain=domain,
                title=_words_of(task.prompt),
                text=task.prompt,
                expected=task.solution,
                stops=task.stop,
                tests=task.tests,
            )
            for task in programs.tasks(domain, count=count, seed=seed)
        )
    if domain == "math":
        return tuple(
            Prompt(
                domain=domain,
                title=_sentence(task.prompt, "Question:"),
                text=task.prompt,
                expected=task.solution,
                stops=("\nQuestion:",),
            )
            for task in math_problems.tasks(count=count, seed=seed)
        )
    if domain == "commonsense":
        return tuple(
            Prompt(
                domain=domain,
                title=_sentence(task.prompt, "Question:"),
                text=task.prompt,
                expected=task.choices[task.label],
                stops=("\n",),
            )
            for task in commonsense.tasks(count=count, seed=seed)
        )
    if domain == "translation":
        return tuple(
            Prompt(
                domain=domain,
                title=_sentence(task.prompt, "English:"),
                text=task.prompt,
                expected=task.reference,
                stops=("\n",),
            )
            for task in translation.tasks(count=count, seed=seed)
        )
    raise ValueError(f"There is no built-in domain {domain!r}; there are {', '.join(DOMAINS)}.")


def _sentence(prompt: str, marker: str) -> str:
    """What stands on the first line after the marker."""
    return prompt.partition("\n")[0].removeprefix(marker).strip()


def _words_of(prompt: str) -> str:
    """A program's documentation without its comment signs."""
    marks = ('"""', "/**", "//")
    lines = (line.strip() for line in prompt.splitlines())
    line = next((line for line in lines if line.startswith(marks)), prompt.partition("\n")[0])
    return line.strip('"/* ')
