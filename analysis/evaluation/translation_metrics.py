"""chrF (Popović 2015) and BLEU (Papineni et al. 2002) by sacrebleu (Post 2018), from sums of counts.

sacrebleu's own bootstrap adds a segment's n-gram counts and scores the sum; these are the same
counts and the same scores, with sacrebleu's default settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics import BLEU, CHRF

Float = NDArray[np.float64]


def chrf_statistics(hypotheses: Sequence[str], references: Sequence[str]) -> Float:
    """Character n-gram counts of each segment: (segments, 18)."""
    return _statistics(_chrf(), hypotheses, references)


def bleu_statistics(hypotheses: Sequence[str], references: Sequence[str]) -> Float:
    """Lengths and word n-gram counts of each segment: (segments, 10)."""
    return _statistics(_bleu(), hypotheses, references)


def chrf_of_totals(totals: Float) -> Float:
    """chrF, 0 to 100, of sums of counts: (draws, 18) -> (draws,)."""
    return _scores(_chrf(), totals)


def bleu_of_totals(totals: Float) -> Float:
    """BLEU, 0 to 100, of sums of counts: (draws, 10) -> (draws,)."""
    return _scores(_bleu(), totals)


@cache
def _chrf() -> Any:
    return CHRF()


@cache
def _bleu() -> Any:
    return BLEU()


def _statistics(metric: Any, hypotheses: Sequence[str], references: Sequence[str]) -> Float:
    counts = metric._extract_corpus_statistics(hypotheses, [references])
    return np.array(counts, dtype=np.float64)


def _scores(metric: Any, totals: Float) -> Float:
    rows = totals.round().astype(int).tolist()
    return np.array([metric._compute_score_from_stats(row).score for row in rows])
