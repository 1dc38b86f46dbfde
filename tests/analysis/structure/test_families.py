"""The tree and the map of domains, by hand and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.figures.look import DARK, LIGHT
from analysis.figures.structure_families import domain_map, domain_tree, name_offsets
from analysis.structure.families import classical_map, families
from analysis.structure.findings import families_sentence, trust_sentence
from pruning.errors import InputError

DOMAINS = ("python", "math", "java")


def overlaps(distances: list[list[float]]) -> np.ndarray:
    return 1 - np.array(distances)


THREE = overlaps([[0, 0.4, 0.1], [0.4, 0, 0.6], [0.1, 0.6, 0]])


def test_a_tree_by_hand() -> None:
    found = families(DOMAINS, THREE)
    joined = [(set(merge.members), round(merge.height, 12)) for merge in found.merges]
    assert joined == [({"python", "java"}, 0.1), ({"python", "math", "java"}, 0.5)]
    # of the two ways to turn the first join, the one that puts python beside math is shorter
    assert found.order in (("java", "python", "math"), ("math", "python", "java"))
    # distances 0.4, 0.1, 0.6 against heights 0.5, 0.1, 0.5
    assert found.cophenetic == pytest.approx(np.corrcoef([0.4, 0.1, 0.6], [0.5, 0.1, 0.5])[0, 1])


def test_points_in_a_plane_come_back_as_they_were() -> None:
    points = np.random.default_rng(0).normal(size=(6, 2))
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    found, explained = classical_map(distances)
    again = np.linalg.norm(found[:, None] - found[None], axis=2)
    np.testing.assert_allclose(again, distances, atol=1e-9)
    assert explained == pytest.approx(1)
    assert all(found[np.abs(found[:, axis]).argmax(), axis] > 0 for axis in (0, 1))


def test_distances_that_fit_in_no_flat_space() -> None:
    # by hand: a star of three points 1 from the centre and 2 apart; B has eigenvalues
    # 2, 2, 0 and -1/4, so the map shows 4 of 4.25
    star = np.array([[0, 1, 1, 1], [1, 0, 2, 2], [1, 2, 0, 2], [1, 2, 2, 0]], dtype=float)
    points, explained = classical_map(star)
    assert np.isfinite(points).all()
    assert explained == pytest.approx(4 / 4.25)


def test_two_domains_have_one_join_and_lie_on_a_line() -> None:
    found = families(("python", "math"), overlaps([[0, 0.3], [0.3, 0]]))
    assert found.order == ("python", "math")
    assert found.cophenetic is None
    np.testing.assert_allclose(found.points, [[0.15, 0], [-0.15, 0]], atol=1e-12)
    assert found.explained == pytest.approx(1)
    assert families_sentence(found) == "python and math are 0.300 apart."
    assert trust_sentence(found) == "The map shows 100% of the squared distances."


@pytest.mark.parametrize("count", [2, 3, 7])
def test_equal_masks_are_all_in_one_place(count: int) -> None:
    found = families([f"d{n}" for n in range(count)], np.ones((count, count)))
    assert not found.points.any()
    assert (found.cophenetic, found.explained) == (None, None)
    assert "nothing to tell apart" in families_sentence(found)
    assert trust_sentence(found) == ""
    for style in (LIGHT, DARK):
        assert domain_tree(found, style).table["distance"] == [0.0] * (count - 1)
        assert domain_map(found, style).table["x"] == [0.0] * count


def test_too_little_to_compare_is_a_sentence() -> None:
    with pytest.raises(InputError, match="at least two domains"):
        families(("python",), np.ones((1, 1)))
    with pytest.raises(InputError, match="no weight is in either set"):
        families(("python", "math"), np.full((2, 2), np.nan))


def test_the_sentence_names_both_sides_of_the_deepest_split() -> None:
    text = families_sentence(families(DOMAINS, THREE), str.title)
    assert "Most alike are Java and Python (distance 0.100)." in text or (
        "Most alike are Python and Java (distance 0.100)." in text
    )
    assert "Math" in text
    assert "0.500 apart" in text


def test_figures_draw_their_tables() -> None:
    found = families(DOMAINS, THREE)
    tree = domain_tree(found, LIGHT)
    lines, joints, leaves = tree.figure.data
    assert list(joints.x) == tree.table["distance"]
    assert list(tree.figure.layout.yaxis.ticktext) == [
        {"python": "Python  ", "math": "Math  ", "java": "Java  "}[name] for name in found.order
    ]
    # every join is drawn from the heights of its two branches
    drawn = [list(lines.x[start : start + 4]) for start in range(0, len(lines.x), 5)]
    assert [row[1] for row in drawn] == tree.table["distance"]
    assert drawn[0][0] == drawn[0][3] == 0
    assert sorted((drawn[1][0], drawn[1][3])) == [0, pytest.approx(0.1)]
    assert len(leaves.x) == 3
    points = domain_map(found, LIGHT)
    assert list(points.figure.data[0].x) == points.table["x"] == found.points[:, 0].tolist()


def test_names_on_the_map_hide_neither_each_other_nor_a_point() -> None:
    points = np.array([[0, 0], [3, 2], [-2, 4], [60, 0], [1, -3]], dtype=float)
    names = ["JavaScript", "Java", "Python", "Translation", "C++"]
    offsets = name_offsets(names, points)
    boxes = [
        (x + right - 3.5 * len(name), x + right + 3.5 * len(name), down - y)
        for name, (x, y), (right, down) in zip(names, points, offsets, strict=True)
    ]
    for one in range(5):
        left, right, middle = boxes[one]
        for other in range(5):
            x, y = points[other]
            assert not (left < x < right and abs(middle + y) < 8)
            apart = boxes[other]
            same_line = abs(apart[2] - middle) < 16
            assert one == other or not (same_line and left < apart[1] and apart[0] < right)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_any_overlaps_give_a_whole_tree_and_a_finite_map(count: int, seed: int) -> None:
    jaccard = np.random.default_rng(seed).random((count, count))
    jaccard = (jaccard + jaccard.T) / 2
    found = families([f"d{n}" for n in range(count)], jaccard)
    assert sorted(found.order) == sorted(found.domains)
    heights = [merge.height for merge in found.merges]
    assert heights == sorted(heights)
    assert set(found.merges[-1].members) == set(found.domains)
    assert np.isfinite(found.points).all()
    assert found.explained is not None
    assert 0 < found.explained <= 1 + 1e-12
