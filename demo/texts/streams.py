"""What the generators share: splitting by meaning, and streams that never repeat themselves."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

Made = TypeVar("Made")

PATIENCE = 20_000  # attempts in a row that gave nothing new before a stream counts as used up


@functools.lru_cache(maxsize=1 << 18)
def is_held_out(meaning: str, *, one_in: int) -> bool:
    """Whether a meaning belongs to the held-out split: about every `one_in`-th one does.

    It depends on nothing but the text of the meaning, so that no seed, order or number of documents
    can move a meaning from one split to the other.
    """
    digest = hashlib.blake2b(meaning.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % one_in == 0


def check_split(split: str) -> None:
    """Raise ValueError unless the split is one of the two there are."""
    if split not in ("train", "held-out"):
        raise ValueError(f"There is no split {split!r}; there are 'train' and 'held-out'.")


def distinct(
    make: Callable[[random.Random], Made | None], *, text: Callable[[Made], str], seed: str
) -> Iterator[Made]:
    """Stream what `make` gives for the random numbers of `seed`, each `text` at most once.

    `make` answers None for an attempt that came to nothing. The stream ends when many attempts
    in a row gave nothing new.
    """
    numbers = random.Random(seed)
    seen: set[bytes] = set()
    failures = 0
    while failures < PATIENCE:
        made = make(numbers)
        failures += 1
        if made is None:
            continue
        digest = hashlib.blake2b(text(made).encode(), digest_size=8).digest()
        if digest not in seen:
            seen.add(digest)
            failures = 0
            yield made
