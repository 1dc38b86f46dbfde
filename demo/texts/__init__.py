"""Built-in domain texts: deterministic generators, one endless stream of documents a domain.

Nothing here imports torch or any other package of the project: these texts calibrate *any* model,
offline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

DOMAINS = ("python", "java", "cpp", "javascript", "math", "commonsense", "translation")
Split = Literal["train", "held-out"]


def documents(domain: str, *, seed: int = 0, split: Split = "train") -> Iterator[str]:
    """Stream the documents of a built-in domain, deterministic for (domain, seed, split).

    The stream never repeats a document. It is endless for practical purposes; a domain whose
    meanings are used up ends the stream. Raises ValueError for an unknown domain or split.
    """
    if domain not in DOMAINS:
        raise ValueError(f"There is no built-in domain {domain!r}; there are {', '.join(DOMAINS)}.")
    if split not in ("train", "held-out"):
        raise ValueError(f"There is no split {split!r}; there are 'train' and 'held-out'.")
    if domain in ("python", "java", "cpp", "javascript"):
        from demo.texts import programs

        return programs.documents(domain, seed=seed, split=split)
    if domain == "math":
        from demo.texts import math_problems

        return math_problems.documents(seed=seed, split=split)
    if domain == "commonsense":
        from demo.texts import commonsense

        return commonsense.documents(seed=seed, split=split)
    from demo.texts import translation

    return translation.documents(seed=seed, split=split)
