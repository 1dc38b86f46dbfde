"""Sequential pruning against the plain way: the full model with hooks, once for each layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pruning.domains.token_sample import TokenSample
from pruning.errors import Cancelled, InputError
from pruning.masks.sequential import prune_sequential
from pruning.models.loading import LoadedModel, load_model
from pruning.progress import Progress
from pruning.specs import ModelSpec, PruneSpec
from tests.pruning.plain import plain_sequential
from tests.pruning.zoo import ARCHITECTURES

SPECS = [PruneSpec(sparsity=0.5), PruneSpec(sparsity=0.6), PruneSpec(pattern="2:4")]


def random_sample(seed: int = 0, samples: int = 10, length: int = 24) -> TokenSample:
    random = np.random.default_rng(seed)
    valid = np.ones((samples, length), dtype=bool)
    valid[:, 0] = False  # as a beginning-of-text token
    valid[-1, length // 2 :] = False  # as padding
    return TokenSample(
        input_ids=random.integers(3, 380, (samples, length), dtype=np.int32),
        valid=valid,
        group=np.zeros(samples, dtype=np.int32),
        documents=np.array([samples], dtype=np.int64),
    )


def state(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in loaded.module.state_dict().items()}


def assert_unchanged(loaded: LoadedModel, before: dict[str, torch.Tensor]) -> None:
    for name, tensor in loaded.module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for layer in loaded.layers:
        assert "forward" not in layer.__dict__
        assert not any(module._forward_pre_hooks for module in layer.modules())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_same_masks_as_the_plain_way(
    architecture: str, tiny_model: Callable[..., LoadedModel], tiny_folder: Callable[..., Path]
) -> None:
    sample = random_sample()
    loaded = tiny_model(architecture)
    before = state(loaded)
    plain = load_model(ModelSpec(source=str(tiny_folder(architecture)), device="cpu"))
    for spec in SPECS:
        masks = prune_sequential(loaded, [(sample, 1.0)], spec, batch_size=4)
        assert_unchanged(loaded, before)
        plain.module.load_state_dict(before)
        expected = plain_sequential(plain, sample.input_ids, sample.valid, spec)
        assert set(masks) == set(expected) == set(loaded.keys)
        different = sum(int((masks[key].unpack() != expected[key]).sum()) for key in masks)
        total = sum(mask.size for mask in expected.values())
        assert different <= 1e-4 * total, (spec, different, total)


def test_later_layers_see_their_predecessors_pruned(
    tiny_model: Callable[..., LoadedModel],
) -> None:
    loaded, sample = tiny_model("llama"), random_sample()
    whole = prune_sequential(loaded, [(sample, 1.0)], PruneSpec(sparsity=0.6), 8)
    alone = prune_sequential(loaded, [(sample, 1.0)], PruneSpec(sparsity=0.6, layers=(1,)), 8)
    assert {key.layer for key in alone} == {1}
    assert any(whole[key].both(alone[key]) < whole[key].count() for key in alone)
    first = prune_sequential(loaded, [(sample, 1.0)], PruneSpec(sparsity=0.6, layers=(0,)), 8)
    assert all(whole[key].both(first[key]) == whole[key].count() for key in first)


def test_batch_size_does_not_change_the_masks(tiny_model: Callable[..., LoadedModel]) -> None:
    loaded, sample = tiny_model("gpt2"), random_sample()
    one = prune_sequential(loaded, [(sample, 1.0)], PruneSpec(), 1)
    many = prune_sequential(loaded, [(sample, 1.0)], PruneSpec(), 64)
    different = sum(one[key].count() - one[key].both(many[key]) for key in one)
    assert different <= 1e-4 * sum(mask.count() for mask in one.values())


def test_a_mixture_lies_between_its_parts(tiny_model: Callable[..., LoadedModel]) -> None:
    loaded = tiny_model("llama")
    one, other = random_sample(1), random_sample(2)
    spec = PruneSpec(sparsity=0.5, layers=(0,))
    only = prune_sequential(loaded, [(one, 1.0)], spec, 8)
    mostly = prune_sequential(loaded, [(one, 1.0), (other, 1e-9)], spec, 8)
    assert all(only[key].both(mostly[key]) == only[key].count() for key in only)


def test_the_model_is_restored_when_cancelled(tiny_model: Callable[..., LoadedModel]) -> None:
    loaded = tiny_model("llama")
    before = state(loaded)
    calls: Iterator[int] = iter(range(10))

    def cancel(_: Progress) -> None:
        if next(calls) == 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        prune_sequential(loaded, [(random_sample(), 1.0)], PruneSpec(), 8, cancel)
    assert_unchanged(loaded, before)


def test_a_model_with_one_layer(tiny_model: Callable[..., LoadedModel]) -> None:
    loaded = tiny_model("llama", 1)
    masks = prune_sequential(loaded, [(random_sample(), 1.0)], PruneSpec(sparsity=0.5), 8)
    assert {key.layer for key in masks} == {0}
    assert all(mask.count() * 2 == mask.shape[0] * mask.shape[1] for mask in masks.values())


def test_a_layer_that_is_not_there(tiny_model: Callable[..., LoadedModel]) -> None:
    with pytest.raises(InputError, match="there are layers 0 to 1"):
        prune_sequential(tiny_model("llama"), [(random_sample(), 1.0)], PruneSpec(layers=(5,)), 8)
