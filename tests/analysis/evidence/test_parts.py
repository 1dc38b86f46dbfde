"""Evidence on whole parts: a planted difference is found, halves of one text are not."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.evidence.comparisons import Comparison, EvidenceSpec
from analysis.evidence.parts import evidence_of_parts, rows_of_units, stored_evidence_of_parts
from analysis.evidence.testing import best_evidence, pair_evidence
from analysis.overlap.part_scores import PartScores, overlap_of_parts, part_scores
from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec, WeightKey

KEY = WeightKey(layer=0, name="mlp.down_proj")
SMALL = EvidenceSpec(splits=4, permutations=99, bootstraps=10)
CHANNELS = 200


def drawn(random: np.random.Generator, loud: np.ndarray | float = 1.0) -> ChannelStats:
    energy = np.linspace(0.5, 2.0, CHANNELS) * loud
    sums = energy * random.gamma(9.0, size=(8, CHANNELS))
    return ChannelStats(sum_sq={KEY: sums}, tokens={KEY: np.full(8, 100)})


def test_planted_channels_are_found_and_two_draws_are_not() -> None:
    random = np.random.default_rng(1)
    loud = np.where(np.arange(CHANNELS) < CHANNELS // 4, 50.0, 1.0)
    stats = {"a": drawn(random), "again": drawn(random), "other": drawn(random, loud)}
    scores = PartScores(
        of="channels",
        rows=(PrunableWeight(key=KEY, shape=(1, CHANNELS), input_name=KEY.name, parameter="w"),),
        magnitude={KEY: np.ones(CHANNELS)},
        stats=stats,
    )
    comparison = Comparison(stats, SMALL)
    (sampled,) = rows_of_units(scores)
    same, planted, _ = pair_evidence(
        list(stats), comparison, comparison.count(sampled, PruneSpec()), [KEY]
    )
    assert planted.whole.p == pytest.approx(0.01)
    assert planted.whole.index > 0.5
    assert same.whole.p > 0.1
    assert abs(same.whole.index) < 0.1
    # a keeps the upper half; the loud first quarter takes the place of the third
    assert planted.whole.overlap == pytest.approx(1 / 3, abs=0.05)
    table = overlap_of_parts(scores, PruneSpec())
    assert [same.whole.overlap, planted.whole.overlap] == table.jaccard()[0, 1:].tolist()


def test_it_is_kept_and_apart_from_that_of_weights(tiny_run: Run) -> None:
    prune = PruneSpec(sparsity=0.43)
    found = evidence_of_parts(tiny_run, "channels", prune, SMALL)
    assert stored_evidence_of_parts(tiny_run, "channels", prune, SMALL) == found
    assert best_evidence(tiny_run, prune) is None
    table = overlap_of_parts(part_scores(tiny_run, "channels", prune), prune)
    assert [pair.whole.overlap for pair in found] == pytest.approx(
        table.jaccard()[np.triu_indices(3, 1)].tolist()
    )
    assert [row.part for row in found[0].layers] == [str(layer) for layer in tiny_run.layers]


def test_layers_have_one_row_and_size_no_evidence(tiny_run: Run) -> None:
    found = evidence_of_parts(tiny_run, "layers", PruneSpec(), SMALL)
    assert all(pair.layers == pair.projections == () for pair in found)
    with pytest.raises(InputError, match="ignores the text"):
        evidence_of_parts(tiny_run, "heads", PruneSpec(score="magnitude"), SMALL)
