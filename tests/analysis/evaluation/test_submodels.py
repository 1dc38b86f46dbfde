"""Repaired and narrowed sub-models as rows of an evaluation, against the exported folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.evaluation import submodels
from analysis.evaluation.evaluate import evaluate
from analysis.evaluation.held_out import held_out_documents
from analysis.evaluation.likelihood import document_losses
from analysis.evaluation.mask_sources import DENSE, MAGNITUDE, MIXTURE, of_domain
from analysis.evaluation.spec import EvaluationSpec
from pruning.errors import InputError
from pruning.exports.writing import export
from pruning.models.loading import load_model
from pruning.runs.run import Run
from pruning.specs import ModelSpec, PruneSpec

REPAIRED = EvaluationSpec(
    sparsities=(0.6,), text_bytes=300, calibrated_on=("code",), measured_on=("code",), repair="alps"
)
NARROWED = replace(REPAIRED, sparsities=(0.5,), repair="none", remove="channels")


def of_folder(folder: Path, run: Run) -> float:
    """Bits per byte of an exported folder, loaded as any other model."""
    loaded = load_model(ModelSpec(source=str(folder), device="cpu"))
    return document_losses(loaded, held_out_documents(run, "code", size=300)).bits_per_byte


@pytest.mark.parametrize("spec", [REPAIRED, NARROWED])
def test_a_row_answers_as_the_exported_folder(
    spec: EvaluationSpec, tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = evaluate(tiny_run, spec, device="cpu")
    values = {r.source: r.estimate.value for r in table.select(measure="bits per byte")}
    own = submodels.submodel_of(tiny_run, of_domain("code"), spec, spec.sparsities[0])
    assert own is not None
    folder = export(tiny_run, own, tmp_path / "own").folder
    assert values[of_domain("code")] == pytest.approx(of_folder(folder, tiny_run), rel=1e-5)
    assert values[DENSE] != values[of_domain("code")]
    assert values[MIXTURE] != values[of_domain("code")]
    assert (MAGNITUDE in values) == (spec is REPAIRED)  # a mask has no whole parts
    assert not [source for source in values if source.kind == "half"]
    monkeypatch.setattr("analysis.evaluation.evaluate.load_model", None)
    assert evaluate(tiny_run, spec, device="cpu").results == table.results


def test_masks_alone_keep_their_cells_and_hashes() -> None:
    plain = EvaluationSpec()
    assert not {"repair", "remove", "meteor"} & set(plain.to_json())
    assert EvaluationSpec.from_json(plain.to_json()) == plain
    assert EvaluationSpec.from_json(NARROWED.to_json()) == NARROWED
    assert len({each.content_hash() for each in (plain, REPAIRED, NARROWED)}) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repair": "magic"}, "not one of none, refit"),
        ({"remove": "biases"}, "one of weights, channels"),
        ({"remove": "channels", "repair": "alps"}, "refitted anyway"),
        ({"remove": "heads", "prune": PruneSpec(pattern="2:4")}, "of single weights"),
        ({"repair": "alps", "prune": PruneSpec(score="ria")}, "without a score"),
    ],
)
def test_what_makes_no_sense(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EvaluationSpec(**change)  # type: ignore[arg-type]
