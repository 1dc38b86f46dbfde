"""Documents to token ids, as plain text: no special token is added, or read but of a template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pruning.domains.document import Templated
from pruning.errors import InputError

CHARACTERS_PER_TOKEN = 8  # first guess of how much text is needed for the tokens wanted
MARGIN = 32  # tokens at the end of a piece of text that the cut may have changed
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")  # JSON can write them; UTF-8 cannot


@dataclass(frozen=True, kw_only=True)
class TextEncoder:
    """A tokenizer and the two things that packing must know about it.

    end_of_text: the id that separates documents. prefix: the ids that the tokenizer puts before
    every text by default (a beginning-of-sequence token), often none.
    """

    tokenizer: Any
    end_of_text: int
    prefix: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Any) -> TextEncoder:
        """Raises InputError for a tokenizer without an end-of-text token."""
        end_of_text = tokenizer.eos_token_id
        if end_of_text is None:
            raise InputError(
                "The model's tokenizer names no end-of-text token, which must stand between "
                "documents; set eos_token in its tokenizer_config.json."
            )
        return cls(tokenizer=tokenizer, end_of_text=int(end_of_text), prefix=_prefix(tokenizer))

    def encode(self, texts: Sequence[str], limit: int) -> list[list[int]]:
        """At most `limit` token ids of each text. Special tokens are read in `Templated` ones only.

        A very long text is not tokenized to its end: a growing beginning of it is, until it gives
        `limit` tokens and a margin, so that the cut does not change the tokens that are used.
        """
        encoded: list[list[int]] = [[] for _ in texts]
        for templated in (False, True):
            places = [i for i, text in enumerate(texts) if isinstance(text, Templated) == templated]
            plain = [writable(texts[place]) for place in places]
            for place, ids in zip(places, self._beginnings(plain, limit, templated), strict=True):
                encoded[place] = ids
        return encoded

    def special(self, text: str, ids: Sequence[int]) -> np.ndarray:
        """bool, one for each id: whether a chat template, and not the text itself, put it there."""
        if not isinstance(text, Templated):
            return np.zeros(len(ids), dtype=bool)
        added = self.tokenizer.added_tokens_decoder
        special = {number for number, token in added.items() if token.special}
        return np.isin(ids, [*special, *self.tokenizer.all_special_ids])

    def _beginnings(self, texts: list[str], limit: int, templated: bool) -> list[list[int]]:
        length = (limit + MARGIN) * CHARACTERS_PER_TOKEN
        encoded = self._encode([text[:length] for text in texts], templated) if texts else []
        for index, text in enumerate(texts):
            shown = length
            while shown < len(text) and len(encoded[index]) < limit + MARGIN:
                shown *= 2
                encoded[index] = self._encode([text[:shown]], templated)[0]
        return [ids[:limit] for ids in encoded]

    def _encode(self, texts: list[str], templated: bool) -> list[list[int]]:
        return self.tokenizer(
            texts,
            add_special_tokens=False,
            split_special_tokens=not templated,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]


def writable(text: str) -> str:
    """The text as UTF-8 can write it: what JSON alone can is U+FFFD instead."""
    return _LONE_SURROGATES.sub("\ufffd", text)


def _prefix(tokenizer: Any) -> tuple[int, ...]:
    """The ids that come before "a" when special tokens are added, if any are."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    for start in range(len(whole) - len(plain) + 1):
        if whole[start : start + len(plain)] == plain:
            return tuple(whole[:start])
    return ()
