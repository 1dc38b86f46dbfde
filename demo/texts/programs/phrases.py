"""The sentences of pipelines: what is kept, what becomes of each, how it is gathered."""

from __future__ import annotations

import random

from demo.texts.programs.meaning import Spec
from demo.texts.programs.pieces import Piece

ENDS = {
    "sum": ("the sum of {0}", "the sum"),
    "product": ("the product of {0}", "the product"),
    "max": (
        "the largest of {0}, or {1} if there are none",
        "the largest, or {1} if there are none",
    ),
    "min": (
        "the smallest of {0}, or {1} if there are none",
        "the smallest, or {1} if there are none",
    ),
    "first": ("the first of {0}, or {1} if there is none", "the first, or {1} if there is none"),
    "last": ("the last of {0}, or {1} if there is none", "the last, or {1} if there is none"),
    "list": ("a list of {0}", "the list"),
    "text": ("a string of {0}", "the resulting string"),
    "joined": ("{0}, joined by {1}", "them joined by {1}"),
}
WORDS = {
    "sum": "sum",
    "product": "product",
    "max": "largest",
    "min": "smallest",
    "first": "first",
    "last": "last",
    "list": "list",
    "text": "string",
    "joined": "join",
    "count": "count",
    "any": "any",
    "all": "all",
}


def sentence(
    rng: random.Random, nouns: str, keep: Piece | None, change: Piece | None, end: Spec
) -> str:
    """Word a pipeline over things that the plural `nouns` names."""
    kind, shown = end[0], end[1] if len(end) > 1 else ""
    if kind in ("any", "all", "count") and keep is not None:
        return _question(rng, nouns, keep.clause(rng), kind)
    kept = f"the {nouns}" if keep is None else f"the {nouns} that {keep.clause(rng)}"
    whole, short = ENDS[kind]
    if rng.random() < 0.5 or (keep is None and change is None):
        if change is not None:
            kept += ", " + rng.choice(change.participles)
            if "{1}" in whole:
                kept += ","
        return f"Return {whole.format(kept, shown).replace(',,', ',')}."
    steps = [f"{'Take' if keep is None else 'Keep'} {kept}"]
    if change is not None:
        steps.append(change.phrase(rng))
    joint = ", and return " if len(steps) > 1 else " and return "
    return ", ".join(steps) + joint + short.format("", shown) + "."


def _question(rng: random.Random, nouns: str, phrase: str, kind: str) -> str:
    """Word a pipeline that asks how many, or whether any or all."""
    if kind == "count":
        return rng.choice(
            (
                f"Return how many of the {nouns} {phrase}.",
                f"Count the {nouns} that {phrase}.",
            )
        )
    return rng.choice(
        (
            f"Return whether {kind} of the {nouns} {phrase}.",
            f"Check if {kind} of the {nouns} {phrase}.",
        )
    )


def title(end: Spec, keep: Piece | None, change: Piece | None) -> str:
    """Name a pipeline by its pieces."""
    words = [WORDS[end[0]]]
    if change is not None:
        words.append(change.word)
    if keep is not None:
        words.append(keep.word)
    return "_".join(words)
