"""What a domain is called on a page, and its colour, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.figures.look import Look

LABELS = {
    "python": "Python",
    "java": "Java",
    "cpp": "C++",
    "javascript": "JavaScript",
    "math": "Math",
    "commonsense": "Common sense",
    "translation": "Translation",
}


def label(domain: str) -> str:
    """A built-in domain's proper name; a person's own domain as they named it."""
    return LABELS.get(domain, domain)


def colours(domains: Sequence[str], style: Look) -> dict[str, str]:
    """A colour a domain: built-in ones keep theirs, others take the free ones in order."""
    own = {name: style.categories[i] for i, name in enumerate(LABELS)}
    taken = {own[name] for name in domains if name in own}
    free = [colour for colour in style.categories[::-1] if colour not in taken]
    free = free or list(style.categories)
    others = [name for name in domains if name not in own]
    return {name: own[name] for name in domains if name in own} | {
        name: free[i % len(free)] for i, name in enumerate(others)
    }
