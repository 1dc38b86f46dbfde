"""A document: a text, and what is known of where it comes from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


class Templated(str):
    """A text that a chat template wrote: the special tokens spelled in it are special tokens."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document of a domain; one whose text is blank stands for none.

    cluster: the source it shares with others, such as a repository; None where nothing is known of
    it. problem: the task it is about, where other domains have documents about the same tasks.
    """

    text: str
    cluster: str | None = None
    problem: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to read."""
        return not self.text.strip()


NOTHING = Document(text="")


def digest(text: str) -> bytes:
    """16 bytes that name a text without regard to its white space (BLAKE2b)."""
    return hashlib.blake2b(" ".join(text.split()).encode(errors="replace"), digest_size=16).digest()
