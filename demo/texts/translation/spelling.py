"""Join words to a sentence: elision, contraction, prevocalic forms, capitals, punctuation.

A French token may read `A|B`: A before a consonant, B before a vowel or a mute h (le|l', ma|mon,
beau|bel). A star before a word marks an aspirated h. A tilde ends an object pronoun that looks like
an article, so that `de le` is contracted to `du` for the article alone.
"""

from __future__ import annotations

from collections.abc import Sequence

VOWELS = "aeiouyhâàéèêëîïôûùœæ"
CONTRACTED = {("à", "le"): "au", ("à", "les"): "aux", ("de", "le"): "du", ("de", "les"): "des"}


def _starts_with_vowel(word: str) -> bool:
    return word[0].lower() in VOWELS  # a starred word begins with its star


def _resolve(tokens: Sequence[str]) -> list[str]:
    """Choose the form of every `A|B` by what follows it, from the end to the beginning."""
    resolved: list[str] = []
    for token in reversed(tokens):
        if "|" in token:
            before_consonant, before_vowel = token.split("|")
            vowel = bool(resolved) and _starts_with_vowel(resolved[-1])
            token = before_vowel if vowel else before_consonant
        resolved.append(token)
    return resolved[::-1]


def _contract(tokens: list[str]) -> list[str]:
    joined: list[str] = []
    for token in tokens:
        before = joined[-1] if joined else ""
        # the preposition may have been elided by nothing: `de|d'` before le gives `de`
        if (before, token) in CONTRACTED:
            joined[-1] = CONTRACTED[before, token]
        else:
            joined.append(token)
    return joined


def french(tokens: Sequence[str], end: str) -> str:
    """Write a French sentence; a question mark or an exclamation mark has a space before it."""
    words = " ".join(tokens).split()
    parts = [word.strip("~").lstrip("*") for word in _contract(_resolve(words))]
    text = " ".join(parts).replace("' ", "'").replace(" ,", ",")
    return f"{text[0].upper()}{text[1:]}{' ' if end in '?!' else ''}{end}"


def english(tokens: Sequence[str], end: str) -> str:
    """Write an English sentence."""
    text = " ".join(" ".join(tokens).split()).replace(" ,", ",")
    return f"{text[0].upper()}{text[1:]}{end}"
