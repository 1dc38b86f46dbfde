"""Learning curves: sets that nest and share nothing, overlaps that rise, numbers by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.evidence import learning_curve as module
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.learning_curve import (
    changed_share,
    learning_curves,
    nested_sets,
    sizes,
    stored_learning_curves,
)
from analysis.figures.learning_curve import learning_chart
from analysis.figures.look import look
from analysis.overlap.table import count_overlaps
from pruning.errors import InputError
from pruning.masks.making import selected_weights
from pruning.masks.mask import Mask
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.pruning.finished_run import finished_run

SPEC = EvidenceSpec(splits=6, rows=0)


def test_the_sizes_are_powers_of_two_and_the_half() -> None:
    assert sizes(16) == (1, 2, 4, 8)
    assert sizes(12) == (1, 2, 4, 6, 8)
    assert sizes(7) == (1, 2, 3, 4)
    assert sizes(2) == (1,)


def test_sets_nest_and_the_second_shares_nothing_with_the_first() -> None:
    members = nested_sets(7, 40, np.random.default_rng(0))
    assert members.shape == (4, 40, 2, 7)
    for number, size in enumerate(sizes(7)):
        assert (members[number, :, 0].sum(axis=1) == size).all()
        assert (members[number, :, 1].sum(axis=1) == (size if 2 * size <= 7 else 0)).all()
    assert (members.sum(axis=2) <= 1).all()
    assert (members[:-1, :, 0] <= members[1:, :, 0]).all()
    assert len({tuple(draw) for draw in members[0, :, 0]}) > 4


def test_the_changed_share_by_hand() -> None:
    """Two masks that keep 4 weights each and share 3: Jaccard 3/5, a quarter has changed."""
    assert changed_share(3 / 5) == pytest.approx(1 / 4)
    assert changed_share(1.0) == 0


def test_overlaps_are_those_of_masks_made_one_by_one(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.6)
    [curve, *_] = learning_curves(tiny_run, prune, SPEC)
    stats = tiny_run.stats(curve.domain)
    sets = nested_sets(stats.groups, SPEC.splits, np.random.default_rng(SPEC.seed))
    reader = tiny_run.weight_reader()
    shared = np.zeros(SPEC.splits)
    kept = 0
    for weight in selected_weights(tiny_run, prune):
        matrix, sums = reader.matrix(weight.key), stats.sum_sq[weight.input_key]

        def mask(members: np.ndarray, matrix=matrix, sums=sums, key=weight.key) -> Mask:  # type: ignore[no-untyped-def]
            norms = np.sqrt(members @ sums)
            return Mask.pack(keep_highest(score(matrix, norm_tensor(norms), prune, key), prune))

        every = mask(np.ones(stats.groups))
        kept += every.count()
        for draw in range(SPEC.splits):
            shared[draw] += count_overlaps([mask(sets[1, draw, 0]), every])[0, 1]
    jaccard = shared / (2 * kept - shared)
    assert curve.points[1].groups == 2
    assert curve.points[1].with_all == pytest.approx(jaccard.mean())
    assert curve.points[1].with_all_spread == pytest.approx(jaccard.std(ddof=1))


def norm_tensor(norms: np.ndarray):  # type: ignore[no-untyped-def]
    import torch

    return torch.from_numpy(norms)


def test_more_text_gives_steadier_masks(tiny_run: Run) -> None:
    for curve in learning_curves(tiny_run, PruneSpec(), SPEC):
        assert (curve.groups, [point.groups for point in curve.points]) == (4, [1, 2])
        one, two = curve.points
        assert one.with_all < two.with_all < 1
        assert one.disjoint is not None
        assert two.disjoint is not None
        assert one.disjoint < two.disjoint < two.with_all
        assert curve.half is two
        assert curve.tokens == tiny_run.manifest.domains[curve.domain].tokens


def test_it_is_read_back(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first = learning_curves(tiny_run, PruneSpec(), SPEC)
    monkeypatch.setattr(module, "each_matrix", lambda *_: pytest.fail("counted again"))
    assert learning_curves(tiny_run, PruneSpec(), SPEC) == first
    assert stored_learning_curves(tiny_run, PruneSpec(sparsity=0.11), SPEC) is None


def test_of_a_mixture_of_experts_the_tokens_are_those_of_the_text(tmp_path: Path) -> None:
    run = finished_run("qwen3_moe", tmp_path)
    for curve in learning_curves(run, PruneSpec(), EvidenceSpec(splits=1, rows=2)):
        assert curve.tokens == run.manifest.domains[curve.domain].tokens


def test_a_score_that_ignores_the_text_has_none(tiny_run: Run) -> None:
    with pytest.raises(InputError, match="ignores the text"):
        learning_curves(tiny_run, PruneSpec(score="magnitude"), SPEC)


def test_the_chart_draws_its_table(tiny_run: Run) -> None:
    curves = learning_curves(tiny_run, PruneSpec(), SPEC)
    chart = learning_chart(curves, look(False))
    drawn = [y for trace in chart.figure.data[::2] for y in trace.y]
    assert drawn == list(chart.table["with_all"])
    assert list(chart.table["domain"]) == [curve.domain for curve in curves for _ in (1, 2)]
