"""Regions counted by hand, against a slow count, and against independence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from analysis.figures.look import LIGHT
from analysis.figures.structure_regions import (
    domain_shares,
    kept_by_number,
    largest_regions,
    upset,
)
from analysis.overlap.table import overlap_table
from analysis.structure import regions as module
from analysis.structure.findings import (
    core_sentence,
    exclusive_sentence,
    extremes_sentence,
    largest_region_sentence,
    number_sentence,
)
from analysis.structure.regions import RegionCounts, count_regions, region_counts
from pruning.errors import InputError
from pruning.masks.making import run_masks
from pruning.masks.mask import Mask
from pruning.progress import Progress
from pruning.runs.run import Run
from pruning.specs import PruneSpec, WeightKey

Q0 = WeightKey(layer=0, name="self_attn.q_proj")
UP1 = WeightKey(layer=1, name="mlp.up_proj")
A = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], dtype=bool)
B = np.array([[1, 0, 1, 0], [1, 0, 1, 0]], dtype=bool)


def counted(*matrices: tuple[np.ndarray, ...]) -> RegionCounts:
    """Of one or two matrices, each the masks of python and java."""
    return RegionCounts(
        domains=("python", "java"),
        weights=(Q0, UP1)[: len(matrices)],
        counts=np.stack([count_regions([Mask.pack(mask) for mask in each]) for each in matrices]),
    )


def test_two_small_matrices_by_hand() -> None:
    found = counted((A, B))
    assert found.counts.tolist() == [[3, 1, 1, 3]]  # neither, python alone, java alone, both
    assert found.kept.tolist() == [[4, 4]]
    assert found.expected.tolist() == [[2, 2, 2, 2]]
    assert found.share(found.core, found.kept_by_any) == 3 / 5
    assert found.share(found.core, found.kept_by_any, expected=True) == 2 / 6
    assert found.share(found.exclusive("java"), found.kept_by("java")) == 1 / 4
    assert found.by_number().tolist() == [3 / 8, 2 / 8, 3 / 8]


def test_cells_add_integers_and_say_where_there_is_nothing() -> None:
    found = counted((A, B), (A, A))
    layers, projections, cells = found.layer_by_projection(found.core, found.kept_by_any)
    assert (layers, projections) == ((0, 1), ("q_proj", "up_proj"))
    np.testing.assert_array_equal(cells, [[3 / 5, np.nan], [np.nan, 1.0]])
    assert found.share(found.core, found.kept_by_any) == 7 / 9
    assert found.select([1]).weights == (UP1,)
    with pytest.raises(InputError, match="no layer 5"):
        found.select([5])


@pytest.mark.parametrize("count", [1, 3, 12])
@pytest.mark.parametrize("chunk", [2**22, 100])
def test_every_region_against_a_slow_count(
    count: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    masks = np.random.default_rng(count).random((count, 9, 67)) < 0.4
    slow = Counter(sum(1 << d for d in range(count) if masks[d, i, j]) for i in range(9) for j in range(67))  # fmt: skip
    found = count_regions([Mask.pack(mask) for mask in masks])
    assert {region: int(found[region]) for region in np.flatnonzero(found)} == slow
    assert found.sum() == 9 * 67


def test_too_many_domains_are_refused() -> None:
    mask = Mask.pack(A)
    with pytest.raises(InputError, match="at most 12 domains; this run has 13"):
        count_regions([mask] * 13)


def test_independent_masks_converge_on_what_is_expected() -> None:
    random = np.random.default_rng(0)
    masks = [random.random((400, 1000)).argsort(axis=1) < kept for kept in (300, 500, 900)]
    found = RegionCounts(
        domains=("a", "b", "c"),
        weights=(Q0,),
        counts=count_regions([Mask.pack(mask) for mask in masks])[None],
    )
    assert found.expected.sum() == pytest.approx(400_000)
    assert found.expected[0, 0b101] == pytest.approx(400_000 * 0.3 * 0.5 * 0.9)
    np.testing.assert_allclose(found.counts, found.expected, atol=4 * np.sqrt(400_000) / 2)


def test_a_run_agrees_with_its_overlaps_and_is_counted_once(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.37)
    steps: list[Progress] = []
    found = region_counts(tiny_run, prune, steps.append)
    table = overlap_table(tiny_run, prune)
    assert found.weights == table.weights
    np.testing.assert_array_equal(found.total, table.total)
    np.testing.assert_array_equal(found.kept.T, table.kept)
    both = found.counts[:, found.members[:, 0] & found.members[:, 2]].sum(axis=1)
    np.testing.assert_array_equal(both, table.both[0, 2])
    assert steps[-1].done == steps[-1].total == len(tiny_run.weights)
    part = region_counts(tiny_run, PruneSpec(sparsity=0.37, layers=(1,)), pytest.fail)
    np.testing.assert_array_equal(part.counts, found.select([1]).counts)


def test_a_large_model_is_counted_for_the_choice_alone(
    tiny_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.overlap.table.CURVE_LIMIT", 0)
    prune = PruneSpec(sparsity=0.41, layers=(0,), projections=("q_proj",))
    assert not module.is_quick(tiny_run, prune)
    assert [str(key) for key in region_counts(tiny_run, prune).weights] == ["0.self_attn.q_proj"]
    assert module.is_quick(tiny_run, prune)
    assert not module.is_quick(tiny_run, PruneSpec(sparsity=0.41))


def test_layers_that_share_out_the_sparsity_are_counted_as_chosen(tiny_run: Run) -> None:
    whole = PruneSpec(allocation="owl")
    part = PruneSpec(allocation="owl", layers=(1,))
    region_counts(tiny_run, whole)
    found = region_counts(tiny_run, part)
    counts = [count_regions(list(masks.values())) for _, masks in run_masks(tiny_run, part)]
    np.testing.assert_array_equal(found.counts, counts)


def test_equal_masks_have_a_core_and_nothing_else(tiny_run: Run) -> None:
    found = region_counts(tiny_run, PruneSpec(score="magnitude"))
    assert found.share(found.core, found.kept_by_any) == 1
    assert exclusive_sentence(found).startswith("Of what each domain keeps, 0.0% is kept by no")
    assert largest_regions(found, 20, with_core=False) == []
    assert upset(found, found.domains, LIGHT, with_core=False).table["weights"] == []


def test_sentences_have_the_numbers() -> None:
    found = counted((A, B))
    assert core_sentence(found) == (
        "Of the weights that some domain keeps, 60.0% are kept by both; of independent masks of "
        "the same densities it would be 33.3%."
    )
    lopsided = counted((A, B & A))
    assert exclusive_sentence(lopsided, str.title) == (
        "Of what Python keeps, 25.0% is kept by no other domain, the most of all; of what Java "
        "keeps, 0.0%, the least. Of independent masks it would be 62.5%."
    )
    assert number_sentence(found) == (
        "Every domain keeps 37.5% of all weights and every domain prunes 37.5%: on 75% they agree. "
        "Independent masks would agree on 50.0%."
    )
    assert largest_region_sentence(lopsided, str.title) == (
        "Apart from the core, the largest region is what Python keeps and no other domain does: "
        "12.50% of all weights, against 31.25% in independent masks."
    )
    three = RegionCounts(
        domains=("a", "b", "c"), weights=(Q0,), counts=np.array([[0, 1, 1, 0, 1, 5, 2, 90]])
    )
    assert "is what every domain but b keeps: 5.00% of all" in largest_region_sentence(three)
    assert largest_region_sentence(counted((A, A))) == ""
    cells = np.array([[0.1, np.nan], [0.3, 0.2]])
    assert extremes_sentence([0, 4], ["q", "up"], cells) == (
        "Highest: 30.0% in q of layer 4. Lowest: 10.0% in q of layer 0."
    )
    assert extremes_sentence([0], ["q"], cells[:1, 1:]) == ""
    assert extremes_sentence([0], ["q"], cells[:1, :1]) == "It is the same everywhere."
    nothing = counted((A & ~A, A & ~A))
    assert core_sentence(nothing) == "No domain keeps any weight at this sparsity."
    assert "no weight" in exclusive_sentence(nothing)


def test_the_upset_plot_draws_its_table() -> None:
    counts = np.array([[10, 5, 9, 0, 5, 2, 1, 40]])
    found = RegionCounts(domains=("python", "java", "math"), weights=(Q0,), counts=counts)
    # by size, equal ones by fewer domains, empty and core left out
    assert largest_regions(found, 20, with_core=False) == [2, 1, 4, 5, 6]
    assert largest_regions(found, 2, with_core=True) == [7, 2]
    chart = upset(found, ("math", "java", "python"), LIGHT, with_core=False)
    assert chart.table["kept_by"] == ["java", "python", "math", "math + python", "math + java"]
    assert chart.table["weights"] == [9, 5, 5, 2, 1]
    bars, chance, _, filled, lines, sizes = chart.figure.data
    assert list(bars.y) == chart.table["share"] == [9 / 72, 5 / 72, 5 / 72, 2 / 72, 1 / 72]
    assert list(chance.y) == chart.table["share_of_independent_masks"]
    dots = set(zip(filled.x, filled.y, strict=True))
    assert dots == {(0, 1), (1, 2), (2, 0), (3, 0), (3, 2), (4, 0), (4, 1)}
    assert list(lines.y)[9:11] == [0, 2]
    assert list(sizes.x) == [48 / 72, 50 / 72, 47 / 72]


def test_the_small_figures_draw_their_tables() -> None:
    found = counted((A, B))
    chart = kept_by_number(found, LIGHT)
    assert list(chart.figure.data[0].y) == chart.table["share"] == [3 / 8, 2 / 8, 3 / 8]
    bars = domain_shares({"python": 0.1}, {"python": 0.2}, LIGHT, "alone", "kept alone")
    assert bars.table == {"domain": ["python"], "alone": [0.1], "independent_masks": [0.2]}
    assert list(bars.figure.data[0].x) == [0.1]
