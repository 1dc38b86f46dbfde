"""Overlap by hand on 2x4 matrices, and the chance level against independent masks."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.overlap.table import OverlapTable, count_overlaps
from pruning.errors import InputError
from pruning.masks.mask import Mask
from pruning.specs import WeightKey

Q0 = WeightKey(layer=0, name="self_attn.q_proj")
UP0 = WeightKey(layer=0, name="mlp.up_proj")
Q1 = WeightKey(layer=1, name="self_attn.q_proj")

A = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], dtype=bool)
B = np.array([[1, 0, 1, 0], [1, 0, 1, 0]], dtype=bool)


def table(pairs: dict[WeightKey, tuple[np.ndarray, np.ndarray]]) -> OverlapTable:
    counts = [count_overlaps([Mask.pack(a), Mask.pack(b)]) for a, b in pairs.values()]
    both = np.stack(counts, axis=2)
    return OverlapTable(
        domains=("python", "java"),
        weights=tuple(pairs),
        kept=np.diagonal(both).T,
        both=both,
        total=np.array([a.size for a, _ in pairs.values()]),
    )


def test_two_small_matrices_by_hand() -> None:
    overlap = table({Q0: (A, B)})
    assert overlap.kept.tolist() == [[4], [4]]
    assert overlap.both[0, 1].tolist() == [3]
    assert overlap.jaccard()[0, 1] == 3 / 5
    assert overlap.jaccard(kept=False)[0, 1] == 3 / 5  # both prune 4, share 3
    assert overlap.chance()[0, 1] == pytest.approx(1 / 3)
    assert np.diagonal(overlap.jaccard()).tolist() == [1.0, 1.0]


def test_kept_and_pruned_differ_away_from_half() -> None:
    a = np.array([[1, 1, 1, 0]], dtype=bool)
    b = np.array([[1, 1, 0, 1]], dtype=bool)
    overlap = table({Q0: (a, b)})
    assert overlap.jaccard()[0, 1] == 2 / 4
    assert overlap.jaccard(kept=False)[0, 1] == 0.0


def test_layers_add_integers_before_dividing() -> None:
    small = np.array([[1, 0]], dtype=bool), np.array([[0, 1]], dtype=bool)
    overlap = table({Q0: (A, B), Q1: small})
    assert overlap.jaccard()[0, 1] == 3 / (5 + 2)  # not the mean of 3/5 and 0
    assert overlap.per_layer("python", "java") == [
        (0, 3 / 5, pytest.approx(1 / 3)),
        (1, 0.0, pytest.approx(1 / 3)),
    ]


def test_projections_and_missing_cells() -> None:
    overlap = table({Q0: (A, B), UP0: (A, A), Q1: (B, B)})
    assert overlap.per_projection("python", "java")[1][:2] == ("up_proj", 1.0)
    layers, projections, cells = overlap.layer_by_projection("python", "java")
    assert (layers, projections) == ((0, 1), ("q_proj", "up_proj"))
    assert cells[0].tolist() == [3 / 5, 1.0]
    assert cells[1, 0] == 1.0
    assert np.isnan(cells[1, 1])


def test_nothing_pruned_has_no_pruned_overlap() -> None:
    everything = np.ones((2, 4), dtype=bool)
    overlap = table({Q0: (everything, everything)})
    assert overlap.jaccard()[0, 1] == 1.0
    assert overlap.chance()[0, 1] == 1.0
    assert np.isnan(overlap.jaccard(kept=False)[0, 1])


def test_selection_is_strict() -> None:
    overlap = table({Q0: (A, B), UP0: (A, A), Q1: (B, B)})
    assert overlap.select(layers=[0], projections=["q_proj"]).weights == (Q0,)
    with pytest.raises(InputError, match="no layer 7; there are layers 0 to 1"):
        overlap.select(layers=[7])
    with pytest.raises(InputError, match="no projection k_proj; there are q_proj, up_proj"):
        overlap.select(projections=["k_proj"])
    with pytest.raises(InputError, match="no weight in common"):
        overlap.select(layers=[1], projections=["up_proj"])


def test_independent_masks_converge_on_the_chance_level() -> None:
    random = np.random.default_rng(0)
    # exactly 400 of 1000 kept in each row, independently
    a, b = (random.random((600, 1000)).argsort(axis=1) < 400 for _ in range(2))
    overlap = table({Q0: (a, b)})
    assert overlap.chance()[0, 1] == pytest.approx(0.16 / 0.64)
    assert overlap.jaccard()[0, 1] == pytest.approx(overlap.chance()[0, 1], abs=0.002)


def test_tidy_rows_hold_the_integers() -> None:
    rows = list(table({Q0: (A, B)}).rows())
    assert [(row["domain_a"], row["domain_b"]) for row in rows] == [
        ("python", "python"),
        ("python", "java"),
        ("java", "java"),
    ]
    assert rows[1] == {
        "domain_a": "python",
        "domain_b": "java",
        "layer": 0,
        "weight": "self_attn.q_proj",
        "kept_by_a": 4,
        "kept_by_b": 4,
        "kept_by_both": 3,
        "total": 8,
    }
