"""Block counts, differences, profiles and windows of masks, against sums done by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.overlap.masks_view import (
    Window,
    block_view,
    channel_profile,
    difference,
    disagreement,
    edges,
    only_in,
    row_profile,
    thin,
)
from pruning.errors import InputError
from pruning.masks.mask import Mask

A = Mask.pack(np.array([[1, 0, 1, 0], [1, 1, 0, 0]], dtype=bool))
B = Mask.pack(np.array([[0, 1, 1, 0], [1, 0, 0, 1]], dtype=bool))


def random_bits(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((rows, columns)) < 0.5


def test_blocks_count_by_hand() -> None:
    view = block_view(A, limit=2)
    assert view.count.tolist() == [[1, 1], [2, 0]]
    assert view.size.tolist() == [[2, 2], [2, 2]]
    assert view.share.tolist() == [[0.5, 0.5], [1.0, 0.0]]


def test_differences_by_hand() -> None:
    assert difference(A, B, limit=2).count.tolist() == [[0, 0], [1, -1]]
    assert disagreement(A, B, limit=2).count.tolist() == [[2, 0], [1, 1]]
    assert only_in(A, B, limit=2).count.tolist() == [[1, 0], [1, 0]]


def test_profiles_by_hand() -> None:
    assert channel_profile(A).tolist() == [1.0, 0.5, 0.5, 0.0]
    assert row_profile(A).tolist() == [0.5, 0.5]


def test_profiles_of_a_matrix_of_many_blocks() -> None:
    kept = random_bits(1000, 130)
    assert (channel_profile(Mask.pack(kept)) == kept.mean(axis=0)).all()
    assert (row_profile(Mask.pack(kept)) == kept.mean(axis=1)).all()


@pytest.mark.parametrize("rows", [255, 256, 70_000])
def test_blocks_of_many_rows_are_counted_whole(rows: int) -> None:
    view = block_view(Mask.pack(np.ones((rows, 3), dtype=bool)), limit=1)
    assert view.count.tolist() == [[3 * rows]]


@given(rows=st.integers(1, 70), columns=st.integers(1, 70), limit=st.integers(1, 20))
def test_every_weight_is_in_exactly_one_block(rows: int, columns: int, limit: int) -> None:
    kept = random_bits(rows, columns)
    view = block_view(Mask.pack(kept), limit=limit)
    assert view.count.shape == (min(rows, limit), min(columns, limit))
    assert view.count.sum() == kept.sum()
    assert view.size.sum() == kept.size
    heights = np.diff(view.row_edges)
    assert heights.min() >= 1
    assert heights.max() - heights.min() <= 1


@given(length=st.integers(1, 3000), limit=st.integers(1, 64))
def test_thinned_runs_keep_the_mean(length: int, limit: int) -> None:
    values = np.random.default_rng(length).random(length)
    cuts, means = thin(values, limit)
    assert len(means) == min(length, limit)
    assert np.average(means, weights=np.diff(cuts)) == pytest.approx(values.mean())


def test_a_large_matrix_fits_the_screen() -> None:
    kept = random_bits(1000, 3001)
    view = block_view(Mask.pack(kept))
    assert view.count.shape == (256, 256)
    first = kept[: view.row_edges[1], : view.column_edges[1]]
    assert view.count[0, 0] == first.sum()
    last = kept[view.row_edges[-2] :, view.column_edges[-2] :]
    assert view.count[-1, -1] == last.sum()


def test_zoom_shows_the_weights_themselves() -> None:
    kept = random_bits(600, 900)
    window = Window.around(599, 450, 64, (600, 900))
    view = block_view(Mask.pack(kept), window)
    assert (window.first_row, window.last_row) == (536, 600)
    assert (window.first_column, window.last_column) == (418, 482)
    assert view.is_single_weights
    assert (view.share == kept[536:600, 418:482]).all()
    assert view.row_edges[0] == 536
    assert view.column_edges[-1] == 482


def test_window_larger_than_the_matrix_is_the_matrix() -> None:
    assert Window.around(1, 1, 256, (2, 4)) == Window.whole((2, 4))


def test_the_table_lists_every_block() -> None:
    table = block_view(A, limit=2).table()
    assert table["first_column"] == [0, 2, 0, 2]
    assert table["last_row"] == [0, 0, 1, 1]
    assert table["kept"] == [1, 1, 2, 0]


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (2, 0), (0, 4)])
def test_a_place_outside_is_refused(row: int, column: int) -> None:
    with pytest.raises(InputError, match="outside the matrix of 2 rows and 4 columns"):
        Window.around(row, column, 1, (2, 4))


def test_masks_of_different_shapes_are_refused() -> None:
    for compare in (difference, disagreement, only_in):
        with pytest.raises(InputError, match="different shapes"):
            compare(A, Mask.pack(B.unpack()[:, :3]))


def test_an_empty_window_is_refused() -> None:
    empty = Window(first_row=1, last_row=1, first_column=0, last_column=4)
    with pytest.raises(InputError, match="holds no weight"):
        block_view(A, empty)


def test_edges_cover_a_range_that_does_not_start_at_zero() -> None:
    assert edges(10, 17, 3).tolist() == [10, 12, 14, 17]
