"""Plans are exact; what does not fit is refused before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pruning.errors import InputError
from pruning.exports.planning import plan_export
from pruning.exports.writing import export
from pruning.masks.making import selected_weights
from pruning.masks.recipe import recipe_of
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec
from pruning.specs.exports import parse_mixture
from tests.pruning.finished_run import finished_run

MIXTURE = (("code", 1.0), ("prose", 0.5))


def spec_of(run: Run, **prune: Any) -> ExportSpec:
    return ExportSpec(run=run.id, mixture=MIXTURE, prune=PruneSpec(**prune))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


def test_the_plan_counts_floors_by_hand(llama: Run) -> None:
    plan = plan_export(llama, spec_of(llama, sparsity=0.3, projections=("down_proj",)))
    assert [(w.shape, w.pruned) for w in plan.weights] == [((32, 80), 32 * 24)] * 2
    whole = plan_export(
        llama, spec_of(llama, sparsity=0.3, comparison_group="matrix", projections=("q_proj",))
    )
    assert [(w.shape, w.pruned) for w in whole.weights] == [((32, 32), 307)] * 2
    row = plan_export(llama, spec_of(llama, sparsity=0.3, projections=("q_proj",)))
    assert [w.pruned for w in row.weights] == [32 * 9] * 2
    assert [(part.part, part.total, part.pruned) for part in row.projections] == [
        ("q_proj", 2 * 1024, 2 * 32 * 9)
    ]
    # In float32, 32 * 9 pruned values save 4 bytes each; a bit for each of 1024 values, 32 row
    # offsets of 4 bytes and a shape of 16 are added.
    assert row.bytes - row.compressed_bytes == 2 * (32 * 9 * 4 - 1024 // 8 - 32 * 4 - 16)
    assert json.loads(json.dumps(row.to_json()))["weights"][0]["shape"] == [32, 32]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixture": (("rust", 1.0),)}, "no domain 'rust'.*code, prose"),
        ({"prune": PruneSpec(layers=(7,))}, "no layer 7"),
        ({"prune": PruneSpec(projections=("z_proj",))}, "no projection z_proj.*q_proj"),
        ({"prune": PruneSpec(pattern="3:6")}, r"3:6 does not divide 0\.self_attn\.q_proj.*32"),
    ],
)
def test_what_does_not_fit_the_run_is_refused(
    llama: Run, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    spec = ExportSpec(**{"run": llama.id, "mixture": MIXTURE, "prune": PruneSpec(), **change})
    for act in (lambda: plan_export(llama, spec), lambda: export(llama, spec, tmp_path / "out")):
        with pytest.raises(InputError, match=message):
            act()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "slow",
    [
        {"prune": PruneSpec(sparsity=0.41, allocation="owl")},
        {"mixture": parse_mixture("code,prose"), "combination": "union"},
    ],
)
def test_what_takes_long_is_planned_once(
    slow: dict[str, Any], llama: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ExportSpec(**{"run": llama.id, "mixture": MIXTURE, **slow})
    assert recipe_of(llama, spec).is_quick  # of a small model
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 0)
    assert not recipe_of(llama, spec).is_quick
    plan_export(llama, spec)
    assert recipe_of(llama, spec).is_quick


@pytest.mark.parametrize("starved", ["magnitude", "dense"])
def test_a_plan_from_shapes_and_counts_takes_no_time(
    starved: str, llama: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 0)
    assert recipe_of(llama, spec_of(llama, sparsity=0.5, starved=starved)).is_quick


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        ((), "at least one domain"),
        ((("code", 0.0),), "greater than 0"),
        ((("code", -1.0),), "greater than 0"),
        ((("code", float("nan")),), "greater than 0"),
        ((("code", 1.0), ("code", 2.0)), "names code twice"),
    ],
)
def test_mixtures_that_make_no_sense(mixture: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ExportSpec(run="a", mixture=mixture, prune=PruneSpec())


def test_specs_survive_json_and_mixtures_are_read_from_text() -> None:
    spec = ExportSpec(
        run="ab12", mixture=parse_mixture("python, java=0.5"), prune=PruneSpec(layers=(0, 2))
    )
    assert spec.mixture == (("python", 1.0), ("java", 0.5))
    assert ExportSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    for text in ("python,", "java=", "java=much", "=2", ""):
        with pytest.raises(InputError, match=r"python,java=0\.5"):
            parse_mixture(text)
    with pytest.raises(InputError, match="no field colour"):
        ExportSpec.from_json({**spec.to_json(), "colour": 1})
    with pytest.raises(InputError, match="one-shot, sequential"):
        ExportSpec(run="a", mixture=MIXTURE, prune=PruneSpec(), mode="two-shot")


def test_the_plan_knows_the_run_s_own_selection(tmp_path: Path) -> None:
    run = finished_run("llama", tmp_path, selection={"layers": (1,)})
    plan = plan_export(run, spec_of(run))
    assert [part.part for part in plan.layers] == ["1"]
    assert len(plan.weights) == len(selected_weights(run, PruneSpec())) == 7
