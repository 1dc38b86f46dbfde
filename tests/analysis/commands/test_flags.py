"""What is asked of a run can be written as flags, and these are read as the same question."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.__main__ import make_parser
from analysis.cause.options import cause_flags, cause_spec_of
from analysis.cause.spec import REGIONS, CauseSpec
from analysis.evaluation.options import (
    add_evaluation,
    evaluation_flags,
    evaluation_spec_of,
)
from analysis.evaluation.sampling import Sampling
from analysis.evaluation.spec import EvaluationSpec
from analysis.evaluation.tasks import HARNESS, TaskSpec
from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.options import USUAL, effort_of, evidence_flags, sparsities_of
from pruning.commands.flags import read_flags
from pruning.commands.options import prune_spec_of
from pruning.errors import InputError
from pruning.specs import REPAIRS, TEXT_SCORES, PruneSpec
from pruning.specs.narrowing import PARTS
from tests.pruning.drawn_specs import NAMES, prune_specs, specs

PARSER = make_parser()
EACH = settings(deadline=None, max_examples=50)
SEED = st.integers(0, 2**40)
OTHERS = st.lists(st.floats(0.01, 0.99), max_size=3, unique=True)
DOMAINS = st.none() | st.lists(NAMES, min_size=1, max_size=3).map(tuple)


@st.composite
def evaluation_specs(draw: st.DrawFn) -> EvaluationSpec:
    plain = {"score": st.sampled_from(TEXT_SCORES), "allocation": st.just("uniform")}
    prune = draw(prune_specs(**plain).filter(lambda spec: spec.sparsity > 0))
    shares = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=3, unique=True).map(tuple)
    sparsities = (prune.sparsity,) if prune.block else draw(shares)
    samples = draw(st.integers(1, 20))
    sampling = specs(
        Sampling,
        samples=st.just(samples),
        temperature=st.floats(0.01 if samples > 1 else 0, 2),
        top_p=st.floats(0.01, 1),
        ks=st.sets(st.integers(1, samples), min_size=1).map(lambda ks: tuple(sorted(ks))),
        seed=st.just(prune.seed),
    )
    kinds = st.sampled_from(("math", "choices", "translation", "programs"))
    files = st.builds(
        lambda name, kind, path: TaskSpec(name=name, kind=kind, source=path),
        NAMES | st.just("in: two=words"),
        kinds,
        st.sampled_from(("sums.jsonl", "/my tasks/a=b.jsonl", "hf:org/name")),
    )
    folder, limit = draw(st.sampled_from(("", "own tasks"))), draw(st.none() | st.integers(1, 99))
    harness = NAMES.map(
        lambda name: TaskSpec(name=f"h{name}", kind=HARNESS, source=folder, count=limit)
    )
    sets = [*draw(st.lists(files, max_size=2)), *draw(st.lists(harness, max_size=2))]
    spec: EvaluationSpec = draw(
        specs(
            EvaluationSpec,
            sparsities=st.just(sparsities),
            prune=st.just(replace(prune, sparsity=sparsities[0])),
            text_bytes=st.integers(0, 10**6),
            tasks=st.integers(0, 999),
            task_sets=st.just(tuple(sets)),
            sampling=sampling,
            calibrated_on=DOMAINS,
            measured_on=DOMAINS,
            yardsticks=st.booleans(),
            meteor=st.booleans(),
            **_submodels(prune),
        )
    )
    return spec


def _submodels(prune: PruneSpec) -> dict[str, st.SearchStrategy[str]]:
    """What is removed, and how the rest is repaired, as far as they go with these masks."""
    if not prune.block and prune.seed % 2:
        return {"remove": st.sampled_from(PARTS), "repair": st.just("none")}
    repairs = REPAIRS if prune.score == "wanda" else ("none", "refit")
    return {"remove": st.just("weights"), "repair": st.sampled_from(repairs)}


@EACH
@given(evaluation_specs())
def test_what_to_measure(spec: EvaluationSpec) -> None:
    assert evaluation_spec_of(read_flags(add_evaluation, evaluation_flags(spec))) == spec


@pytest.mark.parametrize(
    "spec",
    [
        EvaluationSpec(prune=PruneSpec(allocation="owl")),
        EvaluationSpec(prune=PruneSpec(seed=1)),
        EvaluationSpec(task_sets=(TaskSpec(name="m", kind="math", source="m.jsonl", count=3),)),
        EvaluationSpec(
            task_sets=(
                TaskSpec(name="a", kind=HARNESS, source="one"),
                TaskSpec(name="b", kind=HARNESS, source="other"),
            )
        ),
    ],
    ids=["owl", "two seeds", "part of a file", "two folders"],
)
def test_what_no_flags_say_is_refused_and_not_said_wrongly(spec: EvaluationSpec) -> None:
    with pytest.raises(InputError, match="has no flags; write them in a file"):
        evaluation_flags(spec)


@EACH
@given(prune_specs(), SEED, st.data())
def test_which_weights_to_remove(prune: PruneSpec, seed: int, data: st.DataObject) -> None:
    whole = st.integers(100, 10**6)
    spec = data.draw(
        specs(
            CauseSpec,
            region=st.sampled_from(REGIONS),
            top=st.floats(0.001, 0.999),
            others_top=st.floats(0.001, 0.999),
            draws=st.integers(2, 99),
            size=whole,
            bootstraps=whole,
            seed=st.just(prune.seed),
        )
    )
    others = data.draw(OTHERS)
    words = ["cause", "--run", "ab12", *cause_flags(prune, spec, others)]
    arguments = PARSER.parse_args(words)
    assert prune_spec_of(arguments) == prune
    assert cause_spec_of(arguments) == spec
    assert sparsities_of(arguments) == others
    other = PARSER.parse_args(["cause", "--run=a", *cause_flags(prune, replace(spec, seed=seed))])
    assert cause_spec_of(other).seed == seed


@EACH
@given(prune_specs(), st.data())
def test_how_hard_to_look(prune: PruneSpec, data: st.DataObject) -> None:
    spec = data.draw(
        specs(
            EvidenceSpec,
            splits=st.integers(1, 99),
            permutations=st.integers(1, 999),
            bootstraps=st.integers(2, 999),
            rows=st.just(0) | st.integers(2, 99),
            seed=st.just(prune.seed),
        )
    )
    others = data.draw(OTHERS)
    words = ["evidence", "--run", "ab12", *evidence_flags(prune, spec, others)]
    arguments = PARSER.parse_args(words)
    assert prune_spec_of(arguments) == prune
    assert effort_of(arguments) == spec
    assert sparsities_of(arguments) == others


def test_the_usual_effort_is_that_of_the_spec() -> None:
    assert EvidenceSpec(**USUAL) == EvidenceSpec()
