"""Sharp regions: set differences with known answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.structure import sharp as module
from analysis.structure.findings import sharp_sentence
from analysis.structure.sharp import (
    SharpRegions,
    SharpSpec,
    concentrated,
    sharp_masks,
    sharp_regions,
)
from pruning.errors import InputError
from pruning.masks.mask import Mask
from pruning.masks.scores import score
from pruning.runs.run import Run
from pruning.specs import PruneSpec, WeightKey

Q0 = WeightKey(layer=0, name="self_attn.q_proj")


def mask(*rows: list[int]) -> Mask:
    return Mask.pack(np.array(rows, dtype=bool))


def test_a_difference_by_hand() -> None:
    tops = [mask([1, 1, 0, 0]), mask([0, 1, 1, 0]), mask([0, 0, 1, 1])]
    wider = [mask([1, 1, 1, 0]), mask([0, 1, 1, 1]), mask([0, 0, 1, 1])]
    same = [found.unpack().astype(int).tolist() for found in sharp_masks(tops, tops)]
    assert same == [[[1, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 1]]]
    sharper = [found.unpack().astype(int).tolist() for found in sharp_masks(tops, wider)]
    assert sharper == [[[1, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]]


def test_bits_beyond_the_last_column_stay_empty() -> None:
    first, second = (Mask.pack(np.full((3, 67), kept)) for kept in (True, False))
    [of_first, of_second] = sharp_masks([first, second], [first, second])
    assert (of_first.count(), of_second.count()) == (3 * 67, 0)


def test_concentration_is_of_the_fullest_hundredth_of_channels() -> None:
    kept = np.zeros((4, 150), dtype=bool)
    kept[:, 7] = True  # 4 weights
    kept[:3, 140] = True  # 3
    kept[0, :5] = True  # 5 channels with 1 each
    assert concentrated(Mask.pack(kept)) == 7  # 1% of 150 channels, rounded up, are 2


def test_concentration_counts_more_rows_than_a_byte_can() -> None:
    kept = np.zeros((700, 10), dtype=bool)
    kept[:, 3] = kept[::2, 4] = True
    assert concentrated(Mask.pack(kept)) == 700  # 1 of 10 channels


def slow_tops(scores: np.ndarray, share: float) -> set[tuple[int, int]]:
    """The ceil(share * n) highest of each row; ties keep the higher index."""
    kept = scores.shape[1] - int(scores.shape[1] * (1 - share) + 1e-9)
    order = np.argsort(scores, axis=1, kind="stable")[:, -kept:]
    return {(row, int(column)) for row, columns in enumerate(order) for column in columns}


def test_a_run_against_sets_of_python(tiny_run: Run) -> None:
    spec = SharpSpec(top=0.1, others_top=0.25)
    found = sharp_regions(tiny_run, PruneSpec(sparsity=0.7), spec)
    reader = tiny_run.weight_reader()
    for index, weight in enumerate(tiny_run.weights):
        tops, wide = [], []
        for domain in tiny_run.domains:
            norms = np.sqrt(tiny_run.stats(domain).sum_sq[weight.input_key].sum(axis=0))
            scores = score(
                reader.matrix(weight.key), torch.from_numpy(norms), PruneSpec(), weight.key
            ).numpy()
            tops.append(slow_tops(scores, 0.1))
            wide.append(slow_tops(scores, 0.25))
        for d in range(len(tops)):
            others = set().union(*(wide[e] for e in range(len(tops)) if e != d))
            assert found.sharp[d, index] == len(tops[d] - others)
            assert found.top[d, index] == len(tops[d])
    again = sharp_regions(tiny_run, PruneSpec(sparsity=0.2, pattern="unstructured"), spec, pytest.fail)  # fmt: skip
    np.testing.assert_array_equal(again.sharp, found.sharp)  # sparsity plays no part


def test_where_everything_is_on_top_nothing_is_sharp(tiny_run: Run) -> None:
    found = sharp_regions(tiny_run, PruneSpec(), SharpSpec(top=0.5, others_top=1.0))
    assert not found.sharp.any()
    assert not found.expected.any()
    assert "No domain has a sharp region" in sharp_sentence(found, SharpSpec())
    whole = sharp_regions(tiny_run, PruneSpec(), SharpSpec(top=1.0, others_top=0.5))
    np.testing.assert_array_equal(whole.top[0], whole.total)


def test_what_cannot_be_asked_is_a_sentence(tiny_run: Run) -> None:
    with pytest.raises(InputError, match="ignores the text"):
        sharp_regions(tiny_run, PruneSpec(score="magnitude"), SharpSpec())
    for bad in ({"top": 0.0}, {"top": 1.1}, {"others_top": -0.1}, {"others_top": float("nan")}):
        with pytest.raises(InputError, match="outside 0 < share <= 1"):
            SharpSpec(**bad)


def test_shares_and_the_sentence() -> None:
    found = SharpRegions(
        domains=("python", "math"),
        weights=(Q0,),
        top=np.array([[20], [20]]),
        sharp=np.array([[5], [2]]),
        expected=np.array([[18.0], [18.0]]),
        concentrated=np.array([[4], [1]]),
        total=np.array([200]),
    )
    assert found.share_of_top("python") == 0.25
    assert found.share_of_top("math", expected=True) == 0.9
    assert found.share_of_weights("math") == 0.01
    assert found.concentration("python") == 0.8
    assert found.layer_by_projection("python")[2].tolist() == [[0.25]]
    assert sharp_sentence(found, SharpSpec(top=0.1, others_top=0.2), str.title) == (
        "The largest sharp region is Python's: of the top 10% of weights by its scores, 25.0% are "
        "in no other domain's top 20%. These are 2.50% of all weights, and 80% of them sit in the "
        "fullest 1% of the input channels."
    )


def test_a_large_model_waits_for_a_job(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.overlap.table.CURVE_LIMIT", 0)
    spec = SharpSpec(top=0.07)
    assert not module.is_quick(tiny_run, PruneSpec(), spec)
    sharp_regions(tiny_run, PruneSpec(), spec)
    assert module.is_quick(tiny_run, PruneSpec(), spec)
