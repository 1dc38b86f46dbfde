"""Models whose own loop over decoder layers indexes, unpacks or counts what a layer returns."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from transformers.modeling_outputs import BaseModelOutput

from bench import field
from pruning.calibration.decoder import check_layer_by_layer
from pruning.calibration.replies import hidden_of, reply_of
from pruning.errors import AtlasError
from pruning.models.loading import LoadedModel, load_model
from pruning.specs import ModelSpec

LOOPS = {
    "falcon": 3,
    "bloom": 6,
    "mpt": 6,
    "gptj": 2,
    "codegen": 3,
    "gpt_neo": 6,
    "openai-gpt": 3,
    "roformer": 3,
}


def opened(model_type: str, layers: int, folder: Path) -> LoadedModel:
    field.save_tiny(model_type, layers, folder)
    return load_model(ModelSpec(source=str(folder), device="cpu"))


@pytest.mark.parametrize(("model_type", "layers"), LOOPS.items())
def test_masks_equal_those_of_plain_hooks(model_type: str, layers: int, tmp_path: Path) -> None:
    loaded = opened(model_type, layers, tmp_path)
    assert len(loaded.layers) == layers
    check_layer_by_layer(loaded)
    wrong, bits = field.wrong_bits(loaded)
    assert wrong == 0
    assert bits == sum(weight.shape[0] * weight.shape[1] for weight in loaded.weights)


class Pair(NamedTuple):
    hidden: torch.Tensor
    attention: Any


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        (lambda h: (h, "cache", None), ("cache", None)),
        (lambda h: [h, "cache"], ("cache",)),
        (lambda h: Pair(h, 1), (1,)),
        (lambda h: BaseModelOutput(last_hidden_state=h, attentions=(h,)), None),
        (lambda h: h, None),
    ],
)
def test_a_layer_that_does_nothing_answers_in_the_form_of_the_real_one(
    answer: Any, rest: tuple[Any, ...] | None
) -> None:
    shown, other = torch.zeros(1, 2, 3), torch.ones(2, 2, 3)
    real, stand_in = answer(shown), reply_of(answer(shown)).around(other)
    assert type(stand_in) is type(real)
    assert hidden_of(stand_in) is other
    if rest is not None:
        assert tuple(stand_in[1:]) == rest


def test_a_layer_that_answers_with_no_hidden_states_first_is_refused() -> None:
    with pytest.raises(AtlasError, match="return NoneType where hidden states are expected"):
        reply_of((None, torch.zeros(1)))


def test_a_loop_that_trips_over_layers_that_do_nothing_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = opened("gptj", 2, tmp_path)

    def trips(*args: Any, **kwargs: Any) -> None:
        raise ValueError("too many values to unpack")

    monkeypatch.setattr("pruning.calibration.decoder.enter", trips)
    with pytest.raises(AtlasError, match=r"one by one.*\(too many values to unpack\).*Choose"):
        check_layer_by_layer(loaded)
