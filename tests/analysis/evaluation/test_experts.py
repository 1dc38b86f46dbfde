"""Evaluations of a mixture of experts: starved ones are pruned by magnitude or left dense."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from analysis.__main__ import main
from analysis.evaluation.evaluate import Content, plan
from analysis.evaluation.mask_sources import (
    MAGNITUDE,
    MIXTURE,
    MaskSource,
    halves_of,
    masks_of,
    of_domain,
    prune_of,
)
from analysis.evaluation.spec import EvaluationSpec, columns_of
from analysis.evaluation.table import LEFT_DENSE, remarks, stored_tables
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec, WeightKey
from tests.pruning.finished_run import finished_run

HALF = PruneSpec(sparsity=0.5)
DENSE = replace(HALF, starved="dense")
USUAL = EvaluationSpec(text_bytes=200, measured_on=("code",))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("qwen3_moe", tmp_path_factory.mktemp("experts"))


def kept_whole(run: Run, source: MaskSource, prune: PruneSpec) -> set[WeightKey]:
    masks = masks_of(run, source, prune)
    return {key for key, mask in masks.items() if mask.count() == mask.shape[0] * mask.shape[1]}


def of_starved(run: Run, stats: ChannelStats) -> set[WeightKey]:
    return {weight.key for weight in run.weights if weight.input_key in stats.starved}


def test_a_mask_leaves_dense_what_its_own_text_starves(run: Run) -> None:
    code = run.stats("code")
    assert kept_whole(run, of_domain("code"), DENSE) == of_starved(run, code) != set()
    assert kept_whole(run, MIXTURE, DENSE) <= kept_whole(run, of_domain("code"), DENSE)
    for number, half in enumerate(halves_of("code")):
        starved = of_starved(run, code.subset(range(number, code.groups, 2)))
        assert kept_whole(run, half, DENSE) == starved > of_starved(run, code)
    for source in (of_domain("code"), MIXTURE, *halves_of("code")):
        assert kept_whole(run, source, HALF) == set()


def test_magnitude_and_chance_prune_every_expert(run: Run) -> None:
    assert kept_whole(run, MAGNITUDE, DENSE) == set()
    assert prune_of(MAGNITUDE, DENSE) == replace(HALF, score="magnitude")


def test_the_choice_measures_again_only_what_it_changes(run: Run) -> None:
    def cells(spec: EvaluationSpec) -> dict[MaskSource, str]:
        contents = {column: Content(units=(), digest="0") for column in columns_of(run, spec)}
        return {cell.source: cell.name for cell in plan(run, spec, contents)}

    usual, dense = cells(USUAL), cells(replace(USUAL, prune=DENSE))
    assert usual.keys() == dense.keys()
    same = {source.kind for source, name in usual.items() if dense[source] == name}
    other = {source.kind for source, name in usual.items() if dense[source] != name}
    assert (same, other) == ({"dense", "magnitude", "random"}, {"domain", "half", "mixture"})


def test_results_from_before_the_choice_keep_their_names() -> None:
    assert "starved" not in USUAL.to_json()["prune"]
    assert EvaluationSpec.from_json(USUAL.to_json()) == USUAL
    dense = replace(USUAL, prune=DENSE)
    assert EvaluationSpec.from_json(json.loads(json.dumps(dense.to_json()))) == dense
    assert dense.content_hash() != USUAL.content_hash()
    assert (LEFT_DENSE in remarks(dense), LEFT_DENSE in remarks(USUAL)) == (True, False)


def test_the_command_takes_the_choice(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--run", run.id, "--workspace", str(run.folder.parents[1])]
    words += ["--text", "200", "--measured-on", "code", "--starved", "dense"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["evaluation"]["prune"]["starved"] == "dense"
    assert [spec for spec, _ in stored_tables(run)] == [replace(USUAL, prune=DENSE)]
    assert main(words) == 0
    assert LEFT_DENSE in " ".join(capsys.readouterr().out.split())
