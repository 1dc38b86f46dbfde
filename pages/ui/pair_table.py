"""Every pair of domains in one table: overlap and chance, and the yardsticks once they are known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import streamlit as st

from analysis.figures.domains import label

if TYPE_CHECKING:
    import numpy as np

    from analysis.evidence.yardsticks import PairEvidence

NUMBERS = {
    "overlap": "The Jaccard overlap of the two masks.",
    "ceiling": "The overlap of two draws of one domain, mean of the two.",
    "chance": "The overlap of independent masks.",
    "cross": "The overlap of a half of each domain's text, to be read beside the ceiling.",
    "magnitude_a": "The first domain's overlap with the mask of the weights' magnitudes alone.",
    "magnitude_b": "The second domain's overlap with that mask.",
    "index": "Distinctness: 0 = like two draws of one domain, 1 = like independent masks.",
    "index_low": "Lower end of the index's 95% interval.",
    "index_high": "Upper end of the index's 95% interval.",
    "unlimited_index": "The index that unlimited text would give: to compare runs and models by.",
    "p": "Permutation test of the groups' labels.",
    "adjusted_p": "The same, adjusted for asking many times (Benjamini-Hochberg).",
}


def pair_columns(
    domains: Sequence[str],
    jaccard: np.ndarray,
    chance: np.ndarray,
    known: Sequence[PairEvidence] | None,
) -> dict[str, list[Any]]:
    """One row a pair: column name -> values. jaccard, chance: (D, D)."""
    whole = {frozenset((each.domain_a, each.domain_b)): each.whole for each in known or ()}
    pairs = list(combinations(range(len(domains)), 2))
    found = [whole.get(frozenset((domains[a], domains[b]))) for a, b in pairs]
    columns: dict[str, list[Any]] = {
        "pair": [f"{label(domains[a])} · {label(domains[b])}" for a, b in pairs],
        "overlap": [float(jaccard[a, b]) for a, b in pairs],
        "chance": [float(chance[a, b]) for a, b in pairs],
    }
    if whole:
        names = ["ceiling", "cross", "magnitude_a", "magnitude_b"]
        names += ["index", "index_low", "index_high", "unlimited_index", "p", "adjusted_p"]
        columns |= {n: [getattr(each, n) if each else None for each in found] for n in names}
    return columns


def pair_table(columns: dict[str, list[Any]]) -> None:
    """Draw the table; a click on a heading sorts."""
    config: dict[str, Any] = {"pair": st.column_config.TextColumn("pair", width="medium")}
    config |= {
        name: st.column_config.NumberColumn(
            name.replace("_", " "), help=explanation, format="%.4f", width="small"
        )
        for name, explanation in NUMBERS.items()
    }
    st.dataframe(columns, hide_index=True, column_config=config)
