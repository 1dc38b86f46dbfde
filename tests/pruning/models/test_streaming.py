"""Models streamed from disk give what they give in memory, bit for bit, and hold one layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.calibration import calibrating as calibration
from pruning.calibration import passages as collection
from pruning.calibration.calibrating import calibrate
from pruning.calibration.decoder import Decoder
from pruning.calibration.parking import park, unpark, where_parked
from pruning.calibration.passages import Passage, channel_sums, pass_through
from pruning.errors import AtlasError, Cancelled, InputError
from pruning.masks.sequential import prune_sequential
from pruning.models.loading import LoadedModel, load_model
from pruning.progress import Progress
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, PruneSpec, SampleSpec, WeightKey
from tests.pruning.finished_run import WORDS, write_documents
from tests.pruning.masks.test_sequential import random_sample
from tests.pruning.zoo import ARCHITECTURES, build, edit_config


def streamed_model(folder: Path, **choices: str) -> LoadedModel:
    return load_model(ModelSpec(source=str(folder), device="cpu", stream=True, **choices))


def on_disk(loaded: LoadedModel) -> bool:
    return all(p.is_meta for layer in loaded.layers for p in layer.parameters())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sums_and_sequential_masks_are_those_of_the_model_in_memory(
    architecture: str,
    tiny_model: Callable[..., LoadedModel],
    tiny_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, streamed = tiny_model(architecture), streamed_model(tiny_folder(architecture))
    assert streamed.weights == whole.weights
    ids = torch.randint(3, 380, (5, 20), generator=torch.Generator().manual_seed(1))
    valid = ids % 7 != 0
    batches = [(ids[:3], valid[:3]), (ids[3:], valid[3:])]
    expected = channel_sums(whole, batches, whole.weights)
    sums = channel_sums(streamed, batches, streamed.weights)
    assert set(sums.sum_sq) == set(expected.sum_sq)
    for key, values in expected.sum_sq.items():
        assert np.array_equal(sums.sum_sq[key], values), key
        assert np.array_equal(sums.tokens[key], expected.tokens[key])
    monkeypatch.setattr(collection, "HELD_SHARE", 0)  # hidden states go to disk
    samples = [(random_sample(seed, samples=3, length=12), 1.0) for seed in (1, 2)]
    masks = prune_sequential(streamed, samples, PruneSpec(sparsity=0.6), 2)
    for key, mask in prune_sequential(whole, samples, PruneSpec(sparsity=0.6), 2).items():
        assert np.array_equal(masks[key].unpack(), mask.unpack()), key
    assert on_disk(streamed)


def test_a_streamed_model_in_bfloat16_with_shards_and_tied_embeddings(tmp_path: Path) -> None:
    folder = build(
        "qwen2", tmp_path / "m", layers=3, max_shard_size="50KB", tie_word_embeddings=True
    )
    assert len(list(folder.glob("*.safetensors"))) > 2
    whole = load_model(ModelSpec(source=str(folder), device="cpu", dtype="bfloat16"))
    streamed = streamed_model(folder, dtype="bfloat16")
    tokens = torch.arange(40).reshape(2, 20)
    with torch.inference_mode():
        logits = streamed.module(tokens, use_cache=False).logits
        assert torch.equal(logits, whole.module(tokens, use_cache=False).logits)
    assert streamed.module.lm_head.weight is streamed.module.get_input_embeddings().weight
    assert on_disk(streamed)


def test_one_layer_is_in_memory_while_it_is_used(tiny_folder: Callable[..., Path]) -> None:
    loaded = streamed_model(tiny_folder("llama"))
    key = WeightKey(layer=1, name="mlp.up_proj")
    with pytest.raises(AtlasError, match="does not fit into memory"):
        loaded.matrix(key)
    with loaded.resident(1):
        assert not loaded.matrix(key).is_meta
        assert all(parameter.is_meta for parameter in loaded.layers[0].parameters())
    assert on_disk(loaded)
    with contextlib.suppress(Cancelled), loaded.resident(1):
        raise Cancelled
    assert on_disk(loaded)


def calibration_spec(folder: Path, **build_options: object) -> CalibrationSpec:
    build("llama_gqa", folder / "base", layers=3, **build_options)
    return CalibrationSpec(
        model=ModelSpec(source=str(folder / "base"), device="cpu"),
        domains=tuple(
            DomainSpec(name=name, kind="files", source=str(write_documents(folder / name, name)))
            for name in WORDS
        ),
        sample=SampleSpec(num_samples=8, seq_len=24, groups=3),
        batch_size=2,
    )


def assert_same_sums(run: Run, expected: Run) -> None:
    assert (run.id, run.status) == (expected.id, "done")
    for name in run.domains:
        assert run.stats_path(name).read_bytes() == expected.stats_path(name).read_bytes()
    assert not (run.folder / "partial").exists()


def stopped(spec: CalibrationSpec, workspace: Workspace, after: int) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "Calibrating" and progress.done == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        calibrate(spec, workspace, stop)


@pytest.mark.parametrize("share_of_memory", [0.25, 0.0])
def test_a_streamed_run_is_the_run_in_memory_and_resumes_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share_of_memory: float
) -> None:
    spec = calibration_spec(tmp_path)
    whole = calibrate(spec, Workspace(tmp_path / "whole"))
    monkeypatch.setattr(collection, "HELD_SHARE", share_of_memory)
    monkeypatch.setattr(collection, "PARK_EVERY", 0)
    streamed = replace(spec, model=replace(spec.model, stream=True))
    workspace = Workspace(tmp_path / "streamed")
    stopped(spec, workspace, 2)  # begun in memory: in the first of 6 groups
    for after in (7, 11, 16):
        stopped(streamed, workspace, after)
    seen: list[Progress] = []
    assert_same_sums(calibrate(streamed, workspace, seen.append), whole)
    first = next(each for each in seen if each.stage == "Calibrating")
    assert first.done >= 17  # what was done before is not done again


def test_hidden_states_leave_memory_and_disk_with_their_last_layer(tmp_path: Path) -> None:
    loaded = streamed_model(build("llama", tmp_path / "m"))
    decoder, ids = Decoder(loaded), torch.randint(3, 380, (4, 6))
    batches = [(row[None], torch.ones(1, 6, dtype=torch.bool)) for row in ids]
    passages = [
        Passage(decoder, [batch], str(number), tmp_path / f"{number}.parked")
        for number, batch in enumerate(batches)
    ]
    in_memory = []

    def count(_: Passage) -> None:
        in_memory.append(sum(passage._states._hidden is not None for passage in passages))

    pass_through(loaded, passages, loaded.weights, hold=False, done=count)
    assert in_memory == [1, 1, 1, 1]
    assert not list(tmp_path.glob("*.parked"))
    whole = channel_sums(loaded, batches, loaded.weights).sum_sq
    for key, sums in whole.items():
        parts = [passage.stats().sum_sq[key] for passage in passages]
        np.testing.assert_allclose(np.sum(parts, axis=0), sums, rtol=1e-6)


def test_more_groups_than_are_taken_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = calibration_spec(tmp_path)
    whole = calibrate(spec, Workspace(tmp_path / "whole"))
    monkeypatch.setattr(calibration, "GROUPS_AT_ONCE", 4)
    streamed = replace(spec, model=replace(spec.model, stream=True))
    assert_same_sums(calibrate(streamed, Workspace(tmp_path / "streamed")), whole)


def test_states_of_other_batches_are_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "states"
    hidden = [torch.rand(2, 5, 3).to(torch.bfloat16), torch.rand(1, 5, 3).to(torch.bfloat16)]
    park(path, 4, hidden, {"1.q": torch.ones(1, 3, dtype=torch.float64)})
    layer, sums = where_parked(path, [torch.Size((2, 5)), torch.Size((1, 5))])
    assert layer == 4
    assert sums["1.q"].tolist() == [[1, 1, 1]]
    assert all(map(torch.equal, unpark(path, 2), hidden))
    assert where_parked(path, [torch.Size((3, 5))]) == (0, {})
    assert where_parked(tmp_path / "other", []) == (0, {})


def refused(folder: Path, words: str) -> None:
    with pytest.raises(InputError, match=words):
        streamed_model(folder)


def test_checkpoints_that_do_not_fit_are_refused_as_in_memory(tmp_path: Path) -> None:
    folder = build("llama", tmp_path / "m")
    path = folder / "model.safetensors"
    tensors = load_file(path)
    for changes, words in (
        ({"num_hidden_layers": 3}, "lacks 9 of the tensors of LlamaForCausalLM"),
        ({"num_hidden_layers": 1}, "has unexpected 9 of the tensors"),
        ({"num_hidden_layers": 2, "intermediate_size": 64}, "has the wrong shape for 6"),
    ):
        edit_config(folder, **changes)
        refused(folder, words)
    edit_config(folder, intermediate_size=80)
    tensors["model.layers.1.mlp.up_proj.weight"][3, 4] = float("nan")
    save_file(tensors, path, {"format": "pt"})
    refused(folder, r"tensor model\.layers\.1\.mlp\.up_proj\.weight holds NaN or infinite")
