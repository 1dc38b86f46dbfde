"""Set operations on masks, against sets of positions made by hand, and as exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from pruning.errors import InputError
from pruning.exports.planning import plan_export
from pruning.exports.record import SUBMODEL
from pruning.exports.verifying import verify
from pruning.exports.writing import export
from pruning.masks.combinations import combine
from pruning.masks.making import run_masks
from pruning.masks.mask import Mask
from pruning.masks.recipe import recipe_of
from pruning.runs.run import Run
from pruning.specs import COMBINATIONS, ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run

BOTH = (("code", 1.0), ("prose", 1.0))
SET_OPERATIONS = [how for how in COMBINATIONS if how != "mixture"]


def mask(*rows: str) -> Mask:
    return Mask.pack(np.array([[letter == "x" for letter in row] for row in rows]))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


def spec_of(run: Run, combination: str, domains: Any = BOTH, **prune: Any) -> ExportSpec:
    return ExportSpec(
        run=run.id, mixture=domains, prune=PruneSpec(**prune), combination=combination
    )


def test_by_hand() -> None:
    masks = {
        "python": mask("xx..", "x..."),
        "java": mask("x.x.", "...x"),
        "c": mask("x...", "x..."),
    }
    both = ("python", "java")
    assert combine(masks, "union", both).unpack().tolist() == mask("xxx.", "x..x").unpack().tolist()
    common = combine(masks, "intersection", both).unpack().tolist()
    assert common == mask("x...", "....").unpack().tolist()
    # Only Java keeps the third of row 1 and the fourth of row 2; all else stays.
    without = combine(masks, "removal", ("java",)).unpack().tolist()
    assert without == mask("xx.x", "xxx.").unpack().tolist()
    # Java or Python keep those and the second of row 1, which C does not.
    without = combine(masks, "removal", both).unpack().tolist()
    assert without == mask("x..x", "xxx.").unpack().tolist()


@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_counts_obey_inclusion_and_exclusion(columns: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = (Mask.pack(draw.random((3, columns)) < 0.5) for _ in range(2))
    masks = {"a": a, "b": b}
    union = combine(masks, "union", ("a", "b")).count()
    intersection = combine(masks, "intersection", ("a", "b")).count()
    assert union == a.count() + b.count() - a.both(b)
    assert intersection == a.both(b)
    # b's own weights alone go, and no spare bit of a row's last word is set.
    assert combine(masks, "removal", ("b",)).count() == 3 * columns - (b.count() - a.both(b))


@pytest.mark.parametrize("combination", SET_OPERATIONS)
def test_an_export_holds_what_was_planned(llama: Run, combination: str, tmp_path: Path) -> None:
    domains = BOTH if combination != "removal" else (("prose", 1.0),)
    spec = spec_of(llama, combination, domains, sparsity=0.6)
    plan = plan_export(llama, spec)
    result = export(llama, spec, tmp_path / "out")
    assert result.plan == plan
    dense = load_file(Path(llama.spec.model.source) / "model.safetensors")
    written = load_file(tmp_path / "out" / "model.safetensors")
    for weight, masks in run_masks(llama, spec.prune):
        code, prose = (torch.from_numpy(masks[name].unpack()) for name in ("code", "prose"))
        kept = {
            "union": code | prose,
            "intersection": code & prose,
            "removal": ~(prose & ~code),
        }[combination]
        name = str(weight.tensor)
        assert torch.equal(written[name], dense[name] * kept)
    assert plan.pruned == sum(int((tensor == 0).sum()) for tensor in written.values())
    assert plan.prunable_sparsity < 0.6 or combination == "intersection"
    assert verify(tmp_path / "out").ok


def test_the_record_and_the_card_say_which(llama: Run, tmp_path: Path) -> None:
    spec = spec_of(llama, "removal", (("prose", 1.0),))
    export(llama, spec, tmp_path / "out")
    record = json.loads((tmp_path / "out" / SUBMODEL).read_text())
    assert record["schema"] == 2
    assert ExportSpec.from_json(record["export"]) == spec
    assert record["kept_for"] == ["code"]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "pruned of what **only prose** needs" in card
    assert "| sparsity of every domain's own mask | 0.5 |" in card
    export(llama, spec_of(llama, "union"), tmp_path / "union")
    assert "**any of code, prose** needs" in (tmp_path / "union" / "README.md").read_text()


def test_what_moved_from_a_row_to_another_is_found_in_an_intersection(
    llama: Run, tmp_path: Path
) -> None:
    out = export(llama, spec_of(llama, "intersection", pattern="2:4"), tmp_path / "out").folder
    check = next(check for check in verify(out).checks if check.name == "Zeros")
    assert check.ok
    assert "at most 2 of every 4" in check.detail
    union = export(llama, spec_of(llama, "union", pattern="2:4"), tmp_path / "union").folder
    check = next(check for check in verify(union).checks if check.name == "Zeros")
    assert check.ok
    assert "2 of every 4" not in check.detail


def test_counts_are_kept_with_the_run(llama: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pruning.masks.recipe.SECONDS_WORTH", 0)
    first = recipe_of(llama, spec_of(llama, "union", sparsity=0.37))
    assert not first.is_quick
    counts = first.kept()
    monkeypatch.setattr("pruning.masks.recipe.run_masks", pytest.fail)
    again = recipe_of(llama, spec_of(llama, "union", BOTH[::-1], sparsity=0.37))
    assert again.is_quick
    assert again.kept() == counts
    assert set(counts) == {weight.key for weight in llama.weights}


def test_an_export_combines_every_matrix_once(
    llama: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    combined = []

    def counting(*arguments: Any) -> Mask:
        combined.append(arguments)
        return combine(*arguments)

    monkeypatch.setattr("pruning.masks.recipe.combine", counting)
    spec = spec_of(llama, "removal", (("prose", 1.0),), sparsity=0.43)
    result = export(llama, spec, tmp_path / "out")
    assert len(combined) == len(llama.weights)
    assert plan_export(llama, spec) == result.plan  # of the counts that were kept
    assert len(combined) == len(llama.weights)


def test_mixtures_of_earlier_releases_read_and_hash_as_before(llama: Run) -> None:
    spec = ExportSpec(run="ab12", mixture=BOTH)
    old = {
        "run": "ab12",
        "mixture": [["code", 1.0], ["prose", 1.0]],
        "prune": PruneSpec().to_json(),
        "mode": "one-shot",
    }
    assert spec.to_json() == old
    assert ExportSpec.from_json(old) == spec
    union = ExportSpec(run="ab12", mixture=BOTH, combination="union")
    assert union.content_hash() != spec.content_hash()
    assert ExportSpec.from_json(union.to_json()) == union


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"combination": "difference"}, "not one of mixture, union"),
        ({"combination": "union", "mixture": (("code", 1.0),)}, "at least two domains"),
        ({"combination": "union", "mixture": (("code", 1.0), ("prose", 0.5))}, "leave out the"),
        ({"combination": "intersection", "mode": "sequential"}, "choose one-shot"),
    ],
)
def test_what_makes_no_sense(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ExportSpec(**{"run": "a", "mixture": BOTH, **change})


def test_a_removal_needs_something_that_stays(llama: Run) -> None:
    with pytest.raises(InputError, match="all domains of the run"):
        plan_export(llama, spec_of(llama, "removal"))


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_layers_may_have_a_sparsity_of_their_own(
    llama: Run, combination: str, tmp_path: Path
) -> None:
    domains = (("prose", 1.0),) if combination == "removal" else BOTH
    spec = spec_of(llama, combination, domains, allocation="owl")
    plan = plan_export(llama, spec)
    assert export(llama, spec, tmp_path / "out").plan == plan
    written = load_file(tmp_path / "out" / "model.safetensors")
    masks = dict(recipe_of(llama, spec).masks())
    for weight, kept in masks.items():
        zero = written[str(weight.tensor)] == 0
        assert torch.equal(zero, torch.from_numpy(~kept.unpack()))
    assert verify(tmp_path / "out").ok
    if combination == "mixture":
        with pytest.raises(InputError, match="choose one-shot"):
            ExportSpec(run="a", mixture=BOTH, prune=spec.prune, mode="sequential")
