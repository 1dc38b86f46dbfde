"""Repaired and narrowed sub-models in the playground, against the exported folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from analysis.playground import making
from analysis.playground.engine import Engine
from analysis.playground.records import Event, GenerationSpec, Passage, Sampling, SubModel
from pruning.errors import AtlasError, InputError
from pruning.exports.writing import export
from pruning.progress import Meter
from pruning.runs.run import Run
from pruning.specs import NarrowSpec, PruneSpec
from tests.analysis.playground.test_playground import by_transformers, ids, never, passages
from tests.pruning.finished_run import finished_run

CODE = (("code", 1.0),)
REPAIRED = SubModel(mixture=CODE, prune=PruneSpec(sparsity=0.6), repair="alps")
NARROWED = SubModel(
    mixture=CODE, prune=PruneSpec(sparsity=0.0), narrow=NarrowSpec(channels=0.5, multiple=4)
)
SHORTER = SubModel(mixture=CODE, prune=PruneSpec(sparsity=0.0), narrow=NarrowSpec(layers=1))
PROMPT = "def add(first, second):\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("tiny"))


def asked(run: Run, *submodels: SubModel) -> GenerationSpec:
    return GenerationSpec(
        run=run.id, prompt=PROMPT, submodels=submodels, sampling=Sampling(max_tokens=20)
    )


def stages(events: Iterator[Event]) -> list[str]:
    return [event.stage for event in events if event.passage == 1 and event.stage]


def test_they_write_what_their_exported_folders_do(run: Run, tmp_path: Path) -> None:
    """Greedy, the folders loaded by transformers alone; the model in memory is dense again."""
    engine = Engine.of_run(run)
    before = {key: engine.loaded.matrix(key).clone() for key in engine.loaded.keys}
    choices = (REPAIRED, NARROWED, SHORTER)
    dense, *written = passages(engine.generate(run, asked(run, *choices), never), 4)
    for key, matrix in before.items():
        assert torch.equal(engine.loaded.matrix(key), matrix)
    assert ids(dense) == by_transformers(engine, PROMPT, 20)
    for number, (choice, passage) in enumerate(zip(choices, written, strict=True)):
        folder = export(run, choice.of_run(run.id), tmp_path / str(number)).folder
        module = AutoModelForCausalLM.from_pretrained(folder).eval()
        engine.loaded = replace(engine.loaded, module=module)
        assert ids(passage) == by_transformers(engine, PROMPT, 20)
        assert ids(passage) != ids(dense)


@pytest.mark.parametrize("choice", [REPAIRED, NARROWED])
def test_what_is_not_kept_is_made_once_and_said(
    choice: SubModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished_run("llama", tmp_path)
    engine = Engine.of_run(run)
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 10)
    with pytest.raises(AtlasError, match="evaluate or export it first"):
        list(engine.generate(run, asked(run, choice), never))
    monkeypatch.undo()
    said = stages(engine.generate(run, asked(run, choice), never))
    assert said[0] == "making the sub-model"
    assert any(" of " in stage for stage in said[1:-1])
    assert said[-1] == "reading the prompt"
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 10)  # what is kept has any size
    assert stages(engine.generate(run, asked(run, choice), never)) == ["reading the prompt"]


@pytest.mark.parametrize("choice", [REPAIRED, NARROWED])
def test_a_stop_while_it_is_made_keeps_nothing_half_made(choice: SubModel, tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path)
    engine = Engine.of_run(run)
    seen: list[str] = []

    def stop() -> bool:
        return any(" of " in stage for stage in seen)

    found: tuple[Passage, ...] = (Passage(),) * 2
    for event in engine.generate(run, asked(run, choice), stop):
        seen += [event.stage] if event.stage else []
        found = event.add_to(found)
    assert [passage.ended for passage in found] == ["length", "stopped"]
    assert not found[1].tokens
    assert stages(engine.generate(run, asked(run, choice), never))[0] == "making the sub-model"


def test_a_generation_that_is_left_ends_the_making(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0

    def endless(_: Run, spec: Any, report: Any) -> None:
        nonlocal steps
        meter = Meter(report, "layers", 10**9)
        while True:
            meter.step()
            steps += 1

    monkeypatch.setattr(making, "is_made", lambda run, spec: False)
    monkeypatch.setattr("pruning.narrowing.submodels.narrowed", endless)
    made = making.make(run, NARROWED.of_run(run.id), never)
    assert [next(made), next(made)][0] == "making the sub-model"
    made.close()  # type: ignore[attr-defined]
    assert 0 < steps < 10**9  # and it has come back


def test_records_of_before_read_as_before_and_new_ones_come_back() -> None:
    plain = SubModel(mixture=CODE, prune=PruneSpec(sparsity=0.6))
    old = {"mixture": [["code", 1.0]], "prune": PruneSpec(sparsity=0.6).to_json()}
    assert plain.to_json() == old
    assert SubModel.from_json(old) == plain
    spec = GenerationSpec(run="a", prompt="b", submodels=(plain, REPAIRED, NARROWED))
    assert GenerationSpec.from_json(spec.to_json()) == spec
    assert len({each.content_hash() for each in spec.submodels}) == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"narrow": NarrowSpec(heads=1)}, "not both"),
        ({"repair": "magic"}, "not one of"),
        ({"repair": "alps", "prune": PruneSpec(score="ria")}, "without a score"),
    ],
)
def test_what_makes_no_sense(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        SubModel(mixture=CODE, **change)
