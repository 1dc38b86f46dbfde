"""The built-in domains: what they are called and what they hold, in words for pages and lists."""

from __future__ import annotations

from demo.texts import DOMAINS

BUILTIN: tuple[str, ...] = DOMAINS
PROGRAMS = ("python", "java", "cpp", "javascript")  # the same tasks in each

_SAME_TASKS = (
    "The same small programming tasks as in the other languages, as documented {} functions."
)
_DESCRIPTIONS = {
    "python": ("Python", _SAME_TASKS.format("Python")),
    "java": ("Java", _SAME_TASKS.format("Java")),
    "cpp": ("C++", _SAME_TASKS.format("C++")),
    "javascript": ("JavaScript", _SAME_TASKS.format("JavaScript")),
    "math": ("Math", "Word problems with worked steps and a final answer."),
    "commonsense": ("Common sense", "Questions about everyday facts, with choices and an answer."),
    "translation": ("Translation", "Pairs of sentences that say the same in English and French."),
}


def describe_builtin() -> list[tuple[str, str, str]]:
    """(name, title, one sentence) of every built-in domain, in their usual order."""
    return [(name, *_DESCRIPTIONS[name]) for name in BUILTIN]
