"""Tokens to text as they come, without broken characters.

A token of a byte-level vocabulary may hold a part of a character only. Decoded alone it would show
as U+FFFD, so its text waits for the tokens that complete it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BROKEN = "\ufffd"
CONTEXT = 5  # tokens before the first new one: some tokenizers drop a leading space without any
LONGEST_CHARACTER = 4  # bytes, and so tokens, that one character may take


class PieceStream:
    """What each token adds to the text; the pieces together are the decoded whole."""

    def __init__(self, tokenizer: Any, prompt: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._ids = list(prompt)
        self._start = max(len(self._ids) - CONTEXT, 0)  # decoded from here
        self._clean = len(self._ids)  # up to here the text is complete
        self._shown = len(self._decoded())

    def push(self, token: int) -> str:
        """The text that this token completes, perhaps none."""
        self._ids.append(token)
        fresh = self._decoded()[self._shown :]
        if not fresh.endswith(BROKEN):
            self._start, self._clean = self._clean, len(self._ids)
            self._shown = len(self._decoded())
            return fresh
        waiting = len(self._ids) - self._clean
        ready = fresh[:-1] if waiting >= LONGEST_CHARACTER else ""
        self._shown += len(ready)
        return ready

    def rest(self) -> str:
        """What is left at the end: the sign for a character that was never completed, if any."""
        return self._decoded()[self._shown :]

    def _decoded(self) -> str:
        return str(
            self._tokenizer.decode(
                self._ids[self._start :],
                skip_special_tokens=False,
                clean_up_tokenization_spaces=False,
            )
        )
