"""The card of an export can be read by a hub and gives nothing away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from pruning.exports.card import model_card
from pruning.exports.planning import plan_export
from pruning.exports.writing import export
from pruning.runs.run import Run
from pruning.specs import ExportSpec, ModelSpec, PruneSpec
from tests.pruning.finished_run import finished_run

MIXTURE = (("code", 1.0), ("prose", 0.5))


def spec_of(run: Run, **prune: Any) -> ExportSpec:
    return ExportSpec(run=run.id, mixture=MIXTURE, prune=PruneSpec(**prune))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


def test_the_card_is_one_that_a_hub_reads(llama: Run, tmp_path: Path) -> None:
    spec = spec_of(llama)
    export(llama, spec, tmp_path / "my-model")
    card = ModelCard.load(tmp_path / "my-model" / "README.md")
    assert card.data.tags == ["pruned", "wanda", "code", "prose"]
    assert card.data.base_model is None  # a folder's path is nobody's business
    assert str(tmp_path) not in card.content
    assert "code + 0.5 × prose" in card.text
    assert "| code | own files (code" in card.text
    assert "2306.11695" in card.text
    assert "2501.05248" in card.text
    plan = plan_export(llama, spec)
    assert f"{plan.pruned:,}" in card.text
    hub = llama.spec.from_json(
        {**llama.spec.to_json(), "model": ModelSpec(source="org/name").to_json()}
    )
    assert ModelCard(model_card("x", spec, hub, plan, [])).data.base_model == "org/name"
