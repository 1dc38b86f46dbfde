"""`python -m analysis` on a tiny model: the numbers are the library's, the refusals sentences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.__main__ import main
from analysis.commands.overlap import number
from analysis.overlap.part_scores import overlap_of_parts, part_scores
from analysis.overlap.table import overlap_table
from pruning.commands.console import QUIET
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.pruning.finished_run import finished_run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("tiny"))


def flags(run: Run, *more: str) -> list[str]:
    return ["overlap", "--run", run.id, "--workspace", str(run.folder.parents[1]), *more]


def test_the_numbers_are_the_tables(run: Run, capsys: Capture) -> None:
    assert main(flags(run, "--sparsity", "0.6", "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    table = overlap_table(run, PruneSpec(sparsity=0.6))
    assert data["run"] == run.id
    assert data["prune"] == PruneSpec(sparsity=0.6).to_json()
    assert data["domains"] == ["code", "prose"]
    assert data["weights"] == sum(weight.shape[0] * weight.shape[1] for weight in run.weights)
    for name, kept in (("kept", True), ("pruned", False)):
        np.testing.assert_array_equal(data[f"jaccard_{name}"], table.jaccard(kept=kept))
        np.testing.assert_array_equal(data[f"chance_{name}"], table.chance(kept=kept))
    assert [row["layer"] for row in data["per_layer"]] == list(run.layers)
    assert [row["projection"] for row in data["per_projection"]] == list(run.projections)
    layer, jaccard, chance = table.per_layer("code", "prose", kept=False)[1]
    assert data["per_layer"][1] == data["per_layer"][1] | {
        "domain_a": "code",
        "domain_b": "prose",
        "layer": layer,
        "jaccard_pruned": jaccard,
        "chance_pruned": chance,
    }


def test_a_part_of_the_model(run: Run, capsys: Capture) -> None:
    more = ("--pattern", "2:4", "--layers", "1", "--projections", "q_proj,k_proj", "--json")
    assert main(flags(run, *more)) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["prune"]["sparsity"] == 0.5
    assert [row["layer"] for row in data["per_layer"]] == [1]
    assert [row["projection"] for row in data["per_projection"]] == ["q_proj", "k_proj"]
    np.testing.assert_allclose(data["chance_kept"], 1 / 3)  # 1/4 shared of 3/4 in either


def test_empty_sets_are_null(run: Run, capsys: Capture) -> None:
    assert main(flags(run, "--sparsity", "0", "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["jaccard_kept"] == [[1.0, 1.0], [1.0, 1.0]]
    assert data["jaccard_pruned"] == [[None, None], [None, None]]


def test_a_person_sees_overlap_and_chance(run: Run, capsys: Capture) -> None:
    assert main(flags(run, "--sparsity", "0.5")) == 0
    out = capsys.readouterr().out
    table = overlap_table(run, PruneSpec())
    assert number(table.jaccard()[0, 1]) in out
    assert f"({number(table.chance()[0, 1])})" in out
    assert "kept weights" in out
    assert "pruned weights" in out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "--sparsity 0.5"),
        (("--sparsity", "1"), "Sparsity"),
        (("--pattern", "3:7"), "3:7"),
        (("--sparsity", "0.5", "--layers", "9"), "9"),
        (("--sparsity", "0.5", "--run", "abc"), "abc"),
        (("--sparsity", "0.5", "--workspace", str(Path(__file__))), "workspace"),
    ],
)
def test_bad_input_is_one_sentence(
    more: tuple[str, ...], words: str, run: Run, capsys: Capture
) -> None:
    assert main(flags(run, *more)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_number_that_is_none_is_a_dash() -> None:
    assert (number(float("nan")), number(0.33333)) == ("-", "0.333")


def test_evidence_names_every_yardstick(run: Run, capsys: Capture) -> None:
    few = ["--permutations", "9", "--bootstraps", "5", "--splits", "2", "--rows", "4"]
    ask = ["evidence", *flags(run, "--sparsity", "0.5")[1:]]
    assert main([*ask, *few, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    [pair] = found["pairs"]
    assert (pair["domain_a"], pair["domain_b"]) == tuple(run.domains)
    assert pair["whole"]["part"] == "whole model"
    assert 0.1 <= pair["whole"]["p"] <= 1
    assert [row["part"] for row in pair["layers"]] == [str(layer) for layer in run.layers]
    assert [row["part"] for row in pair["projections"]] == list(run.projections)
    assert pair["sentence"].startswith(f"{run.domains[0]} and {run.domains[1]} share")
    assert main([*ask, *few]) == 0
    said = capsys.readouterr().out
    headings = ("overlap", "ceiling", "cross", "chance", "magnitudes", "index", "adjusted p")
    assert all(said.count(f" {heading} ") >= 3 for heading in headings)
    for words in (pair["sentence"], found["rows"], "The smallest p that the groups and shuffles"):
        assert " ".join(words.split()) in " ".join(said.split())
    assert all(f" {name} " in said for name in run.projections)
    more = ["--more-sparsities", "0.2,0.8", "--json"]
    assert main([*ask, *few, *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["sparsity"] for each in found["more_sparsities"]] == [0.2, 0.8]
    assert found["more_sparsities"][0]["pairs"][0]["whole"]["chance"] == pytest.approx(
        2 / 3, abs=0.03
    )
    assert [each["domain"] for each in found["learning"]] == list(run.domains)
    assert "documents" in found["learning"][0]["sentence"]
    assert main([*ask, "--more-sparsities", "half"]) == 2
    assert "0.1,0.3" in capsys.readouterr().err
    assert main([*ask, "--score", "random"]) == 2
    assert "ignores the text" in capsys.readouterr().err


def test_whole_channels_and_whose_they_are(run: Run, capsys: Capture) -> None:
    assert main(flags(run, "--of", "channels", "--sparsity", "0.5", "--json")) == 0
    data = json.loads(capsys.readouterr().out)
    scores = part_scores(run, "channels", PruneSpec())
    assert data["units"] == sum(row.shape[1] for row in scores.rows)
    assert data["jaccard_kept"] == overlap_of_parts(scores, PruneSpec()).jaccard().tolist()
    first = data["owners"][0]
    units = scores.rows[0].shape[1]
    assert sum(first[name] for name in ("everybody", "code", "prose", "several", "nobody")) == units
    assert len(data["own"]) == sum(row["code"] + row["prose"] for row in data["owners"])


def test_evidence_on_whole_heads(run: Run, capsys: Capture) -> None:
    words = ["evidence", *flags(run, "--sparsity=0.5", "--of=heads", "--permutations=9")[1:]]
    assert main([*words, "--bootstraps=2", "--splits=2"]) == 0
    shown = capsys.readouterr().out
    assert "of the heads that either keeps" in shown
    assert "Every decoder layer" in shown
    assert main([*words, "--bootstraps=2", "--splits=2", "--score=ria"]) != 0
    assert "choose 'wanda'" in capsys.readouterr().err
