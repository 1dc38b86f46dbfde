"""Which experts a domain uses: shares by hand, from a run, drawn, and on the command line."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.learning_curve import learning_curves
from analysis.evidence.resampling import GroupSums
from analysis.evidence.testing import evidence
from analysis.figures.look import LIGHT
from analysis.figures.routing import AGAINST, SHARE, routing_heatmap
from analysis.overlap.table import overlap_table
from analysis.structure.activations import channel_values
from analysis.structure.routing import (
    RoutingTable,
    distance_sentence,
    routing_sentence,
    routing_table,
)
from pruning.calibration.passages import batches_of
from pruning.errors import InputError
from pruning.models.loading import load_model
from pruning.progress import Meter, ignore
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec, WeightKey
from tests.pruning.finished_run import finished_run

TABLE = RoutingTable(
    domains=("java", "prose"),
    layers=(1, 3),
    tokens=np.array([[[30, 40, 130], [100, 100, -1]], [[300, 50, 50], [320, 80, -1]]]),
    text=np.array([100, 200]),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("qwen3_moe", tmp_path_factory.mktemp("experts"))


def test_shares_and_distances_by_hand() -> None:
    shares = TABLE.shares()
    assert np.allclose(shares[0, 0], [0.3, 0.4, 1.3])
    assert np.allclose(shares[1, 1, :2], [1.6, 0.4])
    assert np.isnan(shares[:, 1, 2]).all()
    assert np.allclose(TABLE.against_others()[0, 0], [0.3 - 1.5, 0.4 - 0.25, 1.3 - 0.25])
    distance = TABLE.distance()
    # 0.15, 0.20, 0.65 of 200 against 0.75, 0.125, 0.125 of 400; then 0.5, 0.5 against 0.8, 0.2
    assert np.allclose(distance[0, 1], [0.6, 0.3])
    assert np.allclose(distance, distance.transpose(1, 0, 2))
    assert not distance[0, 0].any()
    assert TABLE.starved() == {"java": ((1, 0),), "prose": ()}


def test_sentences() -> None:
    assert routing_sentence(TABLE, "java", str.title) == (
        "Java sends 130.0% of its tokens in layer 1 to expert 2; the other domains send 25.0% on "
        "average. No other expert is more its own."
    )
    assert "in layer 1, 60.0% of what" in distance_sentence(TABLE)
    assert "over all layers, 45.0%" in distance_sentence(TABLE)
    alone = RoutingTable(
        domains=("java",), layers=(1, 3), tokens=TABLE.tokens[:1], text=TABLE.text[:1]
    )
    assert not np.nan_to_num(alone.against_others()).any()
    assert "One domain alone" in distance_sentence(alone)
    assert routing_sentence(alone, "java").startswith("java sends ")


def test_a_run_counts_each_token_once_for_each_of_its_experts(run: Run) -> None:
    table = routing_table(run)
    assert table.tokens.shape == (2, 2, 8)
    assert table.text.tolist() == [
        run.stats(name).tokens[_attention()].sum() for name in run.domains
    ]
    assert np.array_equal(table.tokens.sum(axis=2), 3 * table.text[:, None] * np.ones((1, 2)))
    key = WeightKey(layer=1, name="mlp.experts.5.gate_proj")
    assert table.tokens[0, 1, 5] == run.stats(run.domains[0]).tokens[key].sum()
    rows = list(table.rows())
    assert len(rows) == 2 * 2 * 8
    assert rows[-1] == {
        "domain": "prose",
        "layer": 1,
        "expert": 7,
        "tokens": int(table.tokens[1, 1, 7]),
        "share": table.tokens[1, 1, 7] / table.text[1],
    }
    few = {name: len(run.stats(name).starved) // 2 for name in run.domains}
    assert {name: len(found) for name, found in table.starved().items()} == few


def test_the_table_is_made_of_the_counts_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load = ChannelStats.load.__func__  # type: ignore[attr-defined]

    def noted(
        cls: type[ChannelStats], path: Path, inputs: Collection[WeightKey] | None = None
    ) -> ChannelStats:
        loaded.append(load(cls, path, inputs))
        return loaded[-1]

    monkeypatch.setattr(ChannelStats, "load", classmethod(noted))
    assert routing_table(run).tokens.any()
    assert [dict(stats.sum_sq) for stats in loaded] == [{}, {}]


def _attention() -> WeightKey:
    return WeightKey(layer=0, name="self_attn.q_proj")


def test_the_picture_shows_the_table() -> None:
    drawn = routing_heatmap(TABLE, "java", LIGHT, SHARE)
    assert np.allclose(drawn.figure.data[0].z[0], [0.3, 0.4, 1.3])
    assert drawn.figure.data[0].zmin == 0
    assert drawn.table["expert"] == [0, 1, 2, 0, 1]
    assert drawn.table["tokens"] == [30, 40, 130, 100, 100]
    apart = routing_heatmap(TABLE, "prose", LIGHT, AGAINST)
    assert apart.figure.data[0].zmax == -apart.figure.data[0].zmin == pytest.approx(1.2)
    assert apart.table["against_others"] == pytest.approx([1.2, -0.15, -1.05, 0.6, -0.6])


def test_the_command_line_gives_the_same(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["routing", "--run", run.id, "--workspace", str(run.folder.parents[1])]
    assert main([*flags, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["experts"] == list(routing_table(run).rows())
    assert data["starved"]["prose"] == [[0, 6]]
    assert len(data["sentences"]) == 3
    assert main(flags) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert data["sentences"][0] in out
    assert "Experts that saw fewer than 32 tokens" in out


def test_a_dense_model_has_no_routing(tiny_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert not tiny_run.has_experts
    with pytest.raises(InputError, match="has no experts"):
        routing_table(tiny_run)


def test_overlap_and_evidence_see_every_expert(run: Run) -> None:
    half = PruneSpec(sparsity=0.5)
    table = overlap_table(run, half)
    assert len([key for key in table.weights if key.expert is not None]) == 2 * 8 * 3
    names = {row["weight"] for row in table.rows()}
    assert "mlp.experts.7.down_proj" in names
    dense = overlap_table(run, PruneSpec(sparsity=0.5, starved="dense"))
    starved = dense.weights.index(WeightKey(layer=0, name="mlp.experts.6.gate_proj"))
    assert dense.kept[:, starved].tolist() == [28 * 32, 28 * 32]
    assert dense.both[0, 1, starved] == 28 * 32
    spec = EvidenceSpec(splits=4, permutations=10, bootstraps=4)
    (pair,) = evidence(run, half, spec)
    assert pair.whole.chance < pair.whole.cross < pair.whole.ceiling < 1
    assert len(learning_curves(run, half, spec)) == 2
    for ask in (evidence, learning_curves):
        with pytest.raises(InputError, match="Let starved experts be pruned by magnitude: the"):
            ask(run, replace(half, starved="dense"), spec)


def test_draws_with_too_few_tokens_fall_back_on_magnitude() -> None:
    sums = GroupSums(
        sums=np.array([[1.0, 4.0], [9.0, 16.0]]), tokens=np.array([10, 30]), of_expert=True
    )
    members = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 2.0]])
    assert sums.drawn(members).tolist() == [[1, 1], [1, 1], [10, 20], [18, 32]]
    assert sums.pooled(sums).drawn(np.ones(4)).tolist() == [20, 40]
    everyone = GroupSums(sums=sums.sums, tokens=sums.tokens, of_expert=False)
    assert everyone.drawn(members).tolist() == [[1, 4], [9, 16], [10, 20], [18, 32]]


def test_what_drives_an_experts_channels_is_read_at_its_own_tokens(run: Run) -> None:
    """The squares read again add up to what was summed, though the expert saw some tokens only."""
    key = WeightKey(layer=1, name="mlp.experts.5.gate_proj")
    loaded = load_model(run.spec.model)
    sample = run.tokens("code")
    batches = batches_of(sample, range(len(sample.input_ids)), 3)
    weights = [weight for weight in loaded.weights if weight.key == key]
    meter = Meter(ignore, "Reading", 2)
    found = channel_values(loaded, {"code": batches}, weights, {key: [4, 9]}, meter)["code"][key]
    assert len(found) == sample.valid.sum()
    stats = run.stats("code")
    assert int((found != 0).any(axis=1).sum()) == stats.tokens[key].sum() < len(found)
    assert np.allclose((found**2).sum(axis=0), stats.sum_sq[key].sum(axis=0)[[4, 9]], rtol=1e-4)
