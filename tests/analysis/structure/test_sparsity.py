"""Core and exclusive weights at every percent: the same integers as masks of that sparsity give."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.figures.look import LIGHT
from analysis.figures.structure_sparsity import core_lines, exclusive_lines
from analysis.structure.findings import sparsity_sentence
from analysis.structure.regions import region_counts
from analysis.structure.sparsity import count_curves, has_curves, region_curves
from pruning.runs.run import Run
from pruning.specs import PruneSpec


def test_levels_by_hand() -> None:
    levels = [np.array([[3, 100, 50]]), np.array([[3, 100, 10]]), np.array([[1, 100, 20]])]
    found = count_curves([level.astype(np.uint8) for level in levels])
    assert found["core"][[0, 1, 9, 10, 99]].tolist() == [3, 2, 2, 1, 1]
    assert found["any_domain"][[0, 2, 3, 49, 50, 99]].tolist() == [3, 3, 2, 2, 1, 1]
    # the third weight is the first domain's alone from 20% to 49%
    assert np.flatnonzero(found["exclusive"][0]).tolist() == list(range(20, 50))
    assert not found["exclusive"][1:].any()
    assert found["kept"][[2, 3, 50]].tolist() == [3, 2, 1]
    assert found["total"].tolist() == [3]


@pytest.mark.parametrize("percent", [1, 37, 50, 96])
def test_it_agrees_with_the_regions(percent: int, tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=percent / 100, layers=(1,))
    curves, regions = region_curves(tiny_run, prune), region_counts(tiny_run, prune)
    np.testing.assert_array_equal(curves.core[:, percent], regions.counts[:, regions.core[0]])
    share = regions.share(regions.core, regions.kept_by_any)
    assert curves.core_share()[percent] == share
    chance = regions.share(regions.core, regions.kept_by_any, expected=True)
    assert curves.core_share_of_independent_masks()[percent] == pytest.approx(chance)
    for domain in tiny_run.domains:
        parts = regions.exclusive(domain), regions.kept_by(domain)
        assert curves.exclusive_share(domain)[percent] == regions.share(*parts)
        chance = regions.share(*parts, expected=True)
        assert curves.exclusive_share_of_independent_masks()[percent] == pytest.approx(chance)


def test_it_is_counted_once_for_all_sparsities(tiny_run: Run) -> None:
    region_curves(tiny_run, PruneSpec(sparsity=0.3))
    region_curves(tiny_run, PruneSpec(sparsity=0.8, projections=("q_proj",)), pytest.fail)


@pytest.mark.parametrize(
    "prune",
    [
        PruneSpec(pattern="2:4"),
        PruneSpec(comparison_group="matrix"),
        PruneSpec(allocation="owl"),
    ],
)
def test_other_masks_have_no_curves(prune: PruneSpec, tiny_run: Run) -> None:
    assert not has_curves(tiny_run, prune)
    with pytest.raises(ValueError, match="unstructured"):
        region_curves(tiny_run, prune)


def test_figures_draw_their_tables(tiny_run: Run) -> None:
    curves = region_curves(tiny_run, PruneSpec())
    chart = core_lines(curves, LIGHT)
    assert list(chart.figure.data[0].y) == chart.table["core_share"]
    assert list(chart.figure.data[0].x) == chart.table["sparsity"]
    order = tiny_run.domains[::-1]
    chart = exclusive_lines(curves, order, LIGHT)
    for trace, name in zip(chart.figure.data, order, strict=False):
        assert list(trace.y) == chart.table[f"exclusive_share_{name}"]
    core = curves.core_share()
    text = sparsity_sentence(curves)
    assert f"from {core[10]:.1%} at 10% sparsity" in text
    assert f"to {core[90]:.1%} at 90%" in text
