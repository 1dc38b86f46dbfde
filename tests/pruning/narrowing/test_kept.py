"""What a narrowing chose is kept with its run, and read back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pruning.checkpoints.headers import read_json
from pruning.errors import AtlasError
from pruning.models.loading import load_model
from pruning.narrowing import kept
from pruning.narrowing.configs import describe
from pruning.narrowing.making import make
from pruning.narrowing.surgery import temporarily_narrow
from pruning.runs.run import Run
from pruning.specs import ExportSpec, PruneSpec
from pruning.specs.narrowing import NarrowSpec
from tests.pruning.finished_run import finished_run


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run("llama", tmp_path_factory.mktemp("llama"))


def spec_of(run: Run, sparsity: float = 0.0, **narrow: object) -> ExportSpec:
    return ExportSpec(
        run=run.id,
        mixture=(("code", 1.0),),
        prune=PruneSpec(sparsity=sparsity),
        narrow=NarrowSpec(**{"multiple": 4, **narrow}),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "narrow",
    [
        {"channels": 0.25},
        {"heads": 0.5},
        {"layers": 1},
        {"channels": 0.25, "choice": "sums", "refit": False},
    ],
)
def test_it_answers_as_what_was_made(
    llama: Run, narrow: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(llama, **narrow)
    assert spec.narrow is not None
    shape = describe(read_json(llama.model_folder() / "config.json"), spec.narrow)
    made = make(llama, spec, shape)
    first = kept.narrowed(llama, spec)
    monkeypatch.setattr("pruning.narrowing.making.make", pytest.fail)
    again = kept.narrowed(llama, spec_of(llama, 0.5, **narrow))  # weights play no part
    assert again.layers == first.layers == made.layers
    assert again.cosines == pytest.approx(made.cosines)
    assert again.errors == made.errors
    loaded = load_model(llama.spec.model)
    tokens = torch.arange(8)[None]
    answers = []
    for each in (made, again):
        with temporarily_narrow(loaded, each):
            answers.append(loaded.module(tokens).logits)
    assert torch.equal(*answers)
    assert not torch.equal(answers[0], loaded.module(tokens).logits)


def test_damage_is_a_sentence(llama: Run) -> None:
    spec = spec_of(llama, channels=0.5)
    kept.narrowed(llama, spec)
    (path,) = (
        each
        for each in Path(llama.folder).glob("submodels/narrowed-*/made.safetensors")
        if each == kept._path(llama, spec)
    )
    path.write_bytes(b"nothing")
    with pytest.raises(AtlasError, match="delete it to make it again"):
        kept.narrowed(llama, spec)
