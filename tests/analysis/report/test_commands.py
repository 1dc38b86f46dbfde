"""The commands in a report, read by the command line itself, ask for what the report shows."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import replace
from html import unescape
from types import SimpleNamespace

import pytest

from analysis.__main__ import make_parser
from analysis.cause import results
from analysis.cause.results import cause
from analysis.cause.spec import CauseSpec
from analysis.evaluation.options import evaluation_spec_of
from analysis.evaluation.sampling import Sampling
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.tasks import HARNESS, TaskSpec
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.options import effort_of, sparsities_of
from analysis.evidence.testing import evidence
from analysis.report.commands import reproduction
from analysis.report.source import Source, gather
from pruning.commands.options import prune_spec_of
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from tests.analysis.cause.test_figures import FOUND

PRUNE = PruneSpec(sparsity=0.35, layers=(0, 1), projections=("q_proj", "down_proj"), seed=3)
SPEC = EvidenceSpec(splits=2, permutations=9, bootstraps=3, rows=2, seed=3)


@pytest.fixture(scope="module")
def source(tiny_run: Run) -> Source:
    for sparsity in (0.35, 0.65):
        evidence(tiny_run, replace(PRUNE, sparsity=sparsity), SPEC)
    return gather(tiny_run, PRUNE, compute=False)


def commands(source: Source) -> dict[str, argparse.Namespace]:
    """What the command line reads, by the name of the command."""
    block = re.search(r"<code>(.*?)</code>", reproduction(source).html, re.DOTALL)
    assert block
    lines = unescape(block[1]).split("python -m analysis ")[1:]
    return {line.split()[0]: make_parser().parse_args(shlex.split(line)) for line in lines}


def test_every_command_is_of_the_same_masks(source: Source) -> None:
    found = commands(source)
    assert list(found) == ["overlap", "evidence", "structure", "report"]
    assert {arguments.run for arguments in found.values()} == {source.run.id}
    assert all(prune_spec_of(arguments) == PRUNE for arguments in found.values())


def test_what_becomes_of_starved_experts_is_said(source: Source) -> None:
    other = replace(PRUNE, starved="dense")
    found = commands(replace(source, prune=other))
    assert all(prune_spec_of(arguments) == other for arguments in found.values())


def test_evidence_is_looked_for_as_hard(source: Source) -> None:
    arguments = commands(source)["evidence"]
    assert effort_of(arguments) == SPEC == source.spec
    assert sparsities_of(arguments) == [0.65]


def test_the_same_weights_are_removed(tiny_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "measure", lambda *_: None)
    monkeypatch.setattr(results, "answer", lambda *_: FOUND)
    spec = CauseSpec(draws=3, size=700, bootstraps=150, seed=3)
    for sparsity in (0.2, 0.35):
        cause(tiny_run, replace(PRUNE, sparsity=sparsity), spec)
    arguments = commands(gather(tiny_run, PRUNE, compute=False))["cause"]
    assert (arguments.region, arguments.draws, arguments.bytes) == ("exclusive", 3, 700)
    assert (arguments.bootstraps, arguments.seed) == (150, 3)
    assert sparsities_of(arguments) == [0.2]


@pytest.mark.parametrize(
    "spec",
    [
        EvaluationSpec(sparsities=(0.35,), prune=replace(PRUNE, seed=0), text_bytes=100),
        EvaluationSpec(
            sparsities=(0.35, 0.5),
            prune=replace(PRUNE, starved="dense"),
            text_bytes=0,
            tasks=4,
            task_sets=(
                TaskSpec(name="my sums", kind="math", source="sums.jsonl"),
                TaskSpec(name="arc_easy", kind=HARNESS, source="own", count=7),
                TaskSpec(name="boolq", kind=HARNESS, source="own", count=7),
            ),
            sampling=Sampling(samples=5, temperature=0.7, top_p=0.9, ks=(1, 5), seed=3),
            calibrated_on=("code",),
            measured_on=("sums", "code"),
            yardsticks=False,
            meteor=True,
        ),
        EvaluationSpec(text_bytes=0, tasks=4, sampling=Sampling(temperature=0.8, top_p=0.9)),
        EvaluationSpec(
            sparsities=(0.5,),
            prune=PruneSpec(pattern="2:4", comparison_group="row"),
            text_bytes=100,
            task_sets=(TaskSpec(name="boolq", kind=HARNESS, source=""),),
        ),
    ],
    ids=["text", "everything", "temperature", "pattern"],
)
def test_the_same_is_measured(spec: EvaluationSpec, source: Source) -> None:
    measured = replace(source, evaluations=(SimpleNamespace(spec=spec),))
    assert evaluation_spec_of(commands(measured)["evaluate"]) == spec
    private = any(each.source not in ("", "own") for each in spec.task_sets)
    said = "Own files are named" in reproduction(measured).html
    assert said or not private


def test_of_owl_the_command_is_the_one_that_measured_it(source: Source) -> None:
    prune = PruneSpec(sparsity=0.35, allocation="owl", starved="dense")
    spec = EvaluationSpec(sparsities=(0.35, 0.6), prune=prune, text_bytes=100, yardsticks=False)
    measured = replace(source, evaluations=(SimpleNamespace(spec=spec),))
    found = commands(measured)
    assert "evaluate" not in found
    scores = found["scores"]
    assert (scores.run, scores.sparsity, scores.text) == (source.run.id, [0.35, 0.6], 100)
    assert scores.starved == "dense"
    assert "made by python -m analysis scores" in reproduction(measured).html
    other = replace(source, evaluations=(SimpleNamespace(spec=replace(spec, tasks=3)),))
    assert not {"evaluate", "scores"} & set(commands(other))
    assert "write them in a file" in reproduction(other).html
