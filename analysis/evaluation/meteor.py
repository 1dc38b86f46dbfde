"""METEOR (Banerjee and Lavie 2005; parameters of Lavie and Agarwal 2007) by nltk, an optional extra.

    pip install -r requirements-meteor.txt

Words are matched where they are the same, then where their Porter stems are; lower case throughout.
The original's third step, synonyms of WordNet, is left out: WordNet is a download. So values are
at most those with synonyms.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from pruning.errors import InputError

Float = NDArray[np.float64]


class NoSynonyms:
    """Stands where nltk asks WordNet."""

    def synsets(self, word: str) -> tuple[()]:
        """The meanings of a word: none is known."""
        return ()


def is_installed() -> bool:
    """Whether METEOR can be measured here."""
    try:
        metadata.version("nltk")
    except metadata.PackageNotFoundError:
        return False
    return True


def check_installed() -> None:
    """InputError, with what to install, where METEOR cannot be measured."""
    if not is_installed():
        raise InputError(
            "METEOR needs nltk, which is not installed; pip install -r requirements-meteor.txt, or "
            "leave out --meteor."
        )


def meteor_scores(hypotheses: Sequence[str], references: Sequence[str]) -> Float:
    """METEOR of each sentence, 0 to 1: (segments,). alpha 0.9, beta 3, gamma 0.5.

    Words are those of nltk's `word_tokenize`, without its search for sentences, which needs a
    download. Raises InputError where nltk is not installed.
    """
    check_installed()
    from nltk.tokenize import word_tokenize
    from nltk.translate.meteor_score import single_meteor_score

    words = [
        [word_tokenize(text, preserve_line=True) for text in texts]
        for texts in (references, hypotheses)
    ]
    scores = [
        single_meteor_score(reference, hypothesis, wordnet=NoSynonyms())
        for reference, hypothesis in zip(*words, strict=True)
    ]
    return np.array(scores, dtype=np.float64)
