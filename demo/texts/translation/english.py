"""English forms: plurals, articles, verbs, auxiliaries."""

from __future__ import annotations

VOWELS = "aeiou"
DOUBLES = frozenset({"cut", "put", "stop", "win", "begin", "swim", "run", "get", "forget", "sit"})
# subjects in the order of the French persons: I, you (one), he, we, you, they
BE = ("am", "are", "is", "are", "are", "are")
WAS = ("was", "were", "was", "were", "were", "were")
HAVE = ("have", "have", "has", "have", "have", "have")
DO = ("do", "do", "does", "do", "do", "do")


def plural(noun: str) -> str:
    """The regular plural: boxes, cities, dogs."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in VOWELS:
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def with_article(words: str) -> str:
    """`a` or `an` before the words."""
    vowel = words[0].lower() in VOWELS and not words.startswith(("uni", "use", "Eu"))
    silent = words.startswith(("hour", "honest"))
    return f"{'an' if vowel or silent else 'a'} {words}"


def third(base: str) -> str:
    """The third person of the present: goes, tries, has, sings."""
    if base in ("have", "be"):
        return {"have": "has", "be": "is"}[base]
    if base.endswith(("s", "x", "ch", "sh", "o")):
        return f"{base}es"
    if base.endswith("y") and base[-2] not in VOWELS:
        return f"{base[:-1]}ies"
    return f"{base}s"


def gerund(base: str) -> str:
    """The -ing form: lying, making, running, seeing."""
    if base.endswith("ie"):
        return f"{base[:-2]}ying"
    if base.endswith("e") and not base.endswith("ee") and base != "be":
        return f"{base[:-1]}ing"
    if base in DOUBLES:
        return f"{base}{base[-1]}ing"
    return f"{base}ing"
