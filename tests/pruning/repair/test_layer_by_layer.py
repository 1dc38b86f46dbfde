"""Repair layer by layer against the plain way: two whole models with hooks, once for each input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pruning.calibration.decoder import Decoder
from pruning.calibration.passages import HiddenStates, batches_of, channel_sums
from pruning.checkpoints.weights import PrunableWeight
from pruning.domains.token_sample import TokenSample
from pruning.errors import AtlasError, Cancelled
from pruning.masks.scores import score
from pruning.masks.selecting import keep_highest
from pruning.models.loading import LoadedModel, load_model
from pruning.progress import Progress
from pruning.repair.collecting import Pair, collect, fitting, stages
from pruning.repair.layer_by_layer import LayerMade, repair
from pruning.repair.made import MadeWeight
from pruning.repair.second_moments import SecondMoments
from pruning.repair.solving import Solver
from pruning.specs import ModelSpec, PruneSpec, WeightKey
from tests.pruning.masks.test_sequential import assert_unchanged, random_sample, state
from tests.pruning.repair.test_refit import exact, objective

PRUNE = PruneSpec(sparsity=0.5)
ORDERS = {  # the inputs of one layer, by their first readers, in the order of reading
    "llama": ["self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"],
    "gpt2": ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"],
    "opt": ["self_attn.k_proj", "self_attn.out_proj", "fc1", "fc2"],
}


def wanda(weight: PrunableWeight, matrix: Tensor, norms: Tensor) -> Tensor:
    return keep_highest(score(matrix, norms, PRUNE, weight.key), PRUNE)


def wanda_behind(weight: PrunableWeight, matrix: Tensor, moments: SecondMoments) -> Tensor:
    return wanda(weight, matrix, moments.norms())


def solver(method: str = "refit", prune: PruneSpec = PRUNE) -> Solver:
    return Solver(
        method=method,
        prune_of=lambda weight: prune,
        kept_of=wanda_behind if method == "refit" else None,
    )


def made_of(
    loaded: LoadedModel, method: str = "refit", prune: PruneSpec = PRUNE, batch: int = 4
) -> list[LayerMade]:
    samples = [(random_sample(), 1.0)]
    return list(repair(loaded, samples, loaded.weights, solver(method, prune), batch))


@torch.no_grad()
def inputs_of(loaded: LoadedModel, sample: TokenSample, key: WeightKey) -> Tensor:
    """(tokens, channels): what a weight reads at the counted positions."""
    seen: list[Tensor] = []
    handle = loaded.submodule(key).register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0].detach())
    )
    try:
        loaded.module(torch.from_numpy(sample.input_ids.astype(np.int64)), use_cache=False)
    finally:
        handle.remove()
    return seen[0].reshape(-1, seen[0].shape[-1])[torch.from_numpy(sample.valid).flatten()]


@pytest.mark.parametrize("architecture", ORDERS)
def test_the_same_problems_are_solved_as_in_the_plain_way(
    architecture: str, tiny_model: Callable[..., LoadedModel], tiny_folder: Callable[..., Path]
) -> None:
    """Each weight's mask and values are the best behind what was made before it."""
    sample, loaded = random_sample(), tiny_model(architecture)
    before = state(loaded)
    made: dict[WeightKey, MadeWeight] = {}
    for layer in made_of(loaded):
        made |= layer.weights
    assert_unchanged(loaded, before)
    assert set(made) == set(loaded.keys)
    plain = load_model(ModelSpec(source=str(tiny_folder(architecture)), device="cpu"))
    for layer in range(len(loaded.layers)):
        for name in ORDERS[architecture]:
            first = WeightKey(layer=layer, name=name)
            dense, pruned = (inputs_of(each, sample, first) for each in (loaded, plain))
            readers = [w for w in loaded.weights if w.input_key == loaded.weight(first).input_key]
            assert readers
            for weight in readers:
                matrix = loaded.matrix(weight.key)
                kept = wanda(weight, matrix, pruned.double().square().sum(0).sqrt())
                found = torch.from_numpy(made[weight.key].mask.unpack())
                assert int((found != kept).sum()) <= 0.01 * kept.numel()
                values = made[weight.key].matrix(matrix)
                best = exact(matrix, found, dense, pruned)
                least = objective(best, matrix, dense, pruned)
                assert objective(values, matrix, dense, pruned) <= 1.01 * least
            for weight in readers:
                made[weight.key].write(plain.matrix(weight.key))


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox", "mixtral", "qwen2_moe"])
@pytest.mark.parametrize("method", ["refit", "sparsegpt", "alps"])
def test_repair_brings_the_output_nearer(
    architecture: str, method: str, tiny_model: Callable[..., LoadedModel]
) -> None:
    """The recorded errors are those of the hidden states, and less than those of the mask alone."""
    sample, loaded = random_sample(), tiny_model(architecture)
    layers = made_of(loaded, method)
    alone = [
        LayerMade(
            layer=layer.layer,
            weights={key: MadeWeight(mask=made.mask) for key, made in layer.weights.items()},
            error=layer.error,
        )
        for layer in layers
    ]
    known = {layer.layer: layer.weights for layer in alone}
    again = repair(loaded, [(sample, 1.0)], loaded.weights, solver(method), 4, known=known.get)
    for repaired, masked in zip(layers, again, strict=True):
        assert 0 < repaired.error < masked.error


def test_the_error_is_that_of_the_hidden_states(tiny_model: Callable[..., LoadedModel]) -> None:
    sample, loaded = random_sample(), tiny_model("llama")
    layers = made_of(loaded)
    valid = torch.from_numpy(sample.valid)
    tokens = torch.from_numpy(sample.input_ids.astype(np.int64))
    states: list[tuple[Tensor, ...]] = []
    for made in ({}, {k: m for layer in layers for k, m in layer.weights.items()}):
        before = {key: loaded.matrix(key).clone() for key in made}
        for key, each in made.items():
            each.write(loaded.matrix(key))
        found: list[Tensor] = []
        handles = [
            layer.register_forward_hook(lambda m, i, output, found=found: found.append(output))
            for layer in loaded.layers
        ]
        with torch.no_grad():
            loaded.module(tokens, use_cache=False)
        for handle in handles:
            handle.remove()
        for key, matrix in before.items():
            loaded.matrix(key).copy_(matrix)
        states.append(tuple(found))
    for layer, dense, pruned in zip(layers, *states, strict=True):
        apart = (dense - pruned).square().sum(-1) / dense.square().sum(-1)
        assert layer.error == pytest.approx(float(apart[valid].mean().sqrt()), rel=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "mixtral"])
def test_streamed_from_disk_as_in_memory(
    architecture: str,
    tiny_model: Callable[..., LoadedModel],
    tiny_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = made_of(tiny_model(architecture), "alps")
    spec = ModelSpec(source=str(tiny_folder(architecture)), device="cpu", stream=True)
    monkeypatch.setattr("pruning.repair.collecting.SUMS_SHARE", 0.0)  # one input at a time
    monkeypatch.setattr("pruning.repair.layer_by_layer.fits_memory", lambda *given: False)
    streamed = made_of(load_model(spec), "alps")
    for one, other in zip(whole, streamed, strict=True):
        assert one.error == other.error
        for key, made in one.weights.items():
            assert (made.mask.words == other.weights[key].mask.words).all()
            assert torch.equal(made.values, other.weights[key].values)


def pair_of(loaded: LoadedModel, sample: TokenSample) -> Pair:
    decoder, batches = Decoder(loaded), batches_of(sample, range(sample.num_samples), 4)
    dense, pruned = (HiddenStates(decoder, batches) for _ in range(2))
    return Pair(dense=dense, pruned=pruned, weight=1.0)


@pytest.mark.parametrize("architecture", ["llama", "mixtral", "qwen2_moe"])
def test_the_diagonal_is_the_sum_of_squares(
    architecture: str, tiny_model: Callable[..., LoadedModel]
) -> None:
    """Of an expert over the tokens that are sent to it, and where nothing is pruned, twice."""
    loaded, sample = tiny_model(architecture), random_sample()
    weights = [weight for weight in loaded.weights if weight.key.layer == 0]
    sums = collect(loaded, [pair_of(loaded, sample)], weights, {})
    plain = channel_sums(loaded, batches_of(sample, range(sample.num_samples), 4), weights)
    assert set(sums) == {weight.input_name for weight in weights}
    for weight in weights:
        found = sums[weight.input_name]
        total = plain.sum_sq[weight.input_key][0]
        assert np.allclose(found.gram.diagonal(), total, rtol=1e-4)
        assert found.tokens == plain.tokens[weight.input_key][0]
        assert found.cross is not None
        assert torch.allclose(found.cross, found.gram, rtol=1e-5, atol=1e-6)


def test_experts_do_not_wait_for_each_other(tiny_model: Callable[..., LoadedModel]) -> None:
    loaded = tiny_model("mixtral")
    weights = [weight for weight in loaded.weights if weight.key.layer == 0]
    order = stages(pair_of(loaded, random_sample()), loaded, weights)
    experts = sum(".experts." in weight.key.name for weight in weights) // 3
    assert [len(stage) for stage in order] == [1, 1, experts, experts]
    assert order[0] == ["self_attn.q_proj"]


def test_sums_that_do_not_fit_together_are_collected_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pruning.repair.collecting.free_memory_bytes", lambda: 4 * 20_000)
    inputs = [("a", 40), ("b", 8), ("c", 40), ("d", 100), ("e", 8)]
    lists = fitting(inputs, torch.device("cpu"))
    assert lists == [["a", "b"], ["c"], ["d"], ["e"]]


def test_cancelled_at_any_step_the_model_is_as_it_was(
    tiny_model: Callable[..., LoadedModel],
) -> None:
    loaded = tiny_model("llama")
    before, steps = state(loaded), []

    def report(progress: Progress) -> None:
        steps.append(progress)
        if len(steps) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(repair(loaded, [(random_sample(), 1.0)], loaded.weights, solver(), 4, report))
    assert_unchanged(loaded, before)
    assert steps[0].total == 2 * (4 + 1)


def test_layers_that_are_known_are_not_solved_again(
    tiny_model: Callable[..., LoadedModel],
) -> None:
    loaded = tiny_model("llama")
    whole = made_of(loaded)
    known = {0: whole[0].weights}
    samples = [(random_sample(), 1.0)]
    resumed = list(repair(loaded, samples, loaded.weights, solver(), 4, known=known.get))
    for one, other in zip(whole, resumed, strict=True):
        assert one.error == other.error
        for key, made in one.weights.items():
            assert torch.equal(made.values, other.weights[key].values)


def test_an_expert_without_a_token_is_refused_unless_it_stays_dense(
    tiny_model: Callable[..., LoadedModel],
) -> None:
    loaded, sample = tiny_model("mixtral"), random_sample(samples=2, length=3)
    with pytest.raises(AtlasError, match=r"No token of the text reached 0\.mlp\.experts"):
        list(repair(loaded, [(sample, 1.0)], loaded.weights, solver("alps"), 1))
    dense = PruneSpec(sparsity=0.0)
    lenient = Solver(method="alps", prune_of=lambda w: PRUNE if w.key.expert is None else dense)
    for layer in repair(loaded, [(sample, 1.0)], loaded.weights, lenient, 1):
        whole = [made for made in layer.weights.values() if made.values is None]
        assert whole
        assert all(made.mask.unpack().all() for made in whole)
