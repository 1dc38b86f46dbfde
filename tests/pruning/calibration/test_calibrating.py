"""Calibration against plain hooks; resuming, cancelling, reusing; what a run leaves on disk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.calibration import calibrating as calibration
from pruning.calibration.calibrating import calibrate
from pruning.calibration.input_sums import InputSums
from pruning.calibration.passages import Batch, Passage, batches_of, channel_sums
from pruning.domains.token_sample import TokenSample
from pruning.errors import AtlasError, Cancelled, InputError
from pruning.models.loading import LoadedModel
from pruning.progress import Progress
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, SampleSpec
from tests.pruning.plain import plain_sums
from tests.pruning.zoo import ARCHITECTURES, build

LINES = [f"line {n} of the text says that {n} and {n + 1} make {2 * n + 1}.\n" for n in range(400)]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, step in (("odd", 1), ("even", 2)):
        documents = [{"text": " ".join(LINES[n : n + 3 * step : step])} for n in range(60)]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, documents)))
    return folder


@pytest.fixture
def spec(texts: Path, tiny_folder: Callable[..., Path]) -> CalibrationSpec:
    return CalibrationSpec(
        model=ModelSpec(source=str(tiny_folder("llama")), device="cpu"),
        domains=tuple(
            DomainSpec(name=name, kind="files", source=str(texts / f"{name}.jsonl"))
            for name in ("odd", "even")
        ),
        sample=SampleSpec(num_samples=12, seq_len=32, groups=4, seed=3),
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sums_equal_those_of_hooks_on_every_linear_map(
    architecture: str, tiny_model: Callable[..., LoadedModel]
) -> None:
    loaded = tiny_model(architecture)
    random = np.random.default_rng(5)
    ids = random.integers(3, 380, (5, 20), dtype=np.int64)
    valid = random.random((5, 20)) < 0.8
    expected = plain_sums(loaded, ids, valid, loaded.keys)
    batches = [
        (torch.from_numpy(ids[:3]), torch.from_numpy(valid[:3])),
        (torch.from_numpy(ids[3:]), torch.from_numpy(valid[3:])),
    ]
    stats = channel_sums(loaded, batches, loaded.weights)
    for weight in loaded.weights:
        sums = stats.sum_sq[weight.input_key][0]
        assert sums.shape == (weight.shape[1],)
        np.testing.assert_allclose(sums, expected[weight.key], rtol=2e-4)
        assert stats.tokens[weight.input_key].tolist() == [valid.sum()]


def test_a_run_holds_what_it_promises(spec: CalibrationSpec, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    reports: list[Progress] = []
    run = calibrate(spec, workspace, reports.append)
    assert run.status == "done"
    assert run.folder == tmp_path / "workspace" / "runs" / run.id
    names = sorted(str(p.relative_to(run.folder)) for p in run.folder.rglob("*.*"))
    assert [name for name in names if name != ".lock"] == [
        "run.json",
        "stats/even.safetensors",
        "stats/odd.safetensors",
        "tokens/even.safetensors",
        "tokens/odd.safetensors",
    ]
    tokens, stats = run.tokens("odd"), run.stats("odd")
    assert tokens.input_ids.shape == (12, 32)
    assert stats.groups == 4
    for counts in stats.tokens.values():
        assert counts.tolist() == tokens.tokens.tolist()
    assert run.manifest.domains["odd"].origin["source"] == "own files (odd.jsonl)"
    last = reports[-1]
    assert (last.stage, last.done, last.total) == ("Calibrating", 16, 16)
    assert last.seconds_left == 0
    assert "even, group 4 of 4, layer 1" in last.detail


def test_group_sums_are_those_of_the_stored_tokens(
    spec: CalibrationSpec, tmp_path: Path, tiny_model: Callable[..., LoadedModel]
) -> None:
    run = calibrate(spec, Workspace(tmp_path / "workspace"))
    loaded, tokens, stats = tiny_model("llama"), run.tokens("even"), run.stats("even")
    for group in range(4):
        rows = tokens.group == group
        expected = plain_sums(loaded, tokens.input_ids[rows], tokens.valid[rows], loaded.keys)
        for weight in run.weights:
            np.testing.assert_allclose(
                stats.sum_sq[weight.input_key][group], expected[weight.key], rtol=2e-4
            )


def test_a_finished_run_is_not_done_again(
    spec: CalibrationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    first = calibrate(spec, workspace)
    monkeypatch.setattr(calibration, "load_model", lambda *_: pytest.fail("loaded again"))
    assert calibrate(spec, workspace).id == first.id


@pytest.mark.parametrize("stop_after", [1, 5, 11])
def test_resumes_after_a_stop_at_any_moment_with_the_same_bytes(
    spec: CalibrationSpec, tmp_path: Path, stop_after: int
) -> None:
    whole = calibrate(spec, Workspace(tmp_path / "whole"))

    def stop(progress: Progress) -> None:
        if progress.stage == "Calibrating" and progress.done == stop_after:
            raise Cancelled

    workspace = Workspace(tmp_path / "stopped")
    with pytest.raises(Cancelled):
        calibrate(spec, workspace, stop)
    assert workspace.runs()[0].status == "cancelled"
    with pytest.raises(AtlasError, match="is not finished"):
        workspace.runs()[0].stats("odd")
    resumed = calibrate(spec, workspace)
    assert resumed.id == whole.id
    for name in ("odd", "even"):
        assert resumed.stats_path(name).read_bytes() == whole.stats_path(name).read_bytes()


KILLED = """
import json, os, signal, sys
from pruning.calibration.calibrating import calibrate
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec

def report(progress):
    if progress.stage == "Calibrating" and progress.done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

calibrate(CalibrationSpec.from_json(json.loads(sys.argv[1])), Workspace(sys.argv[2]), report)
"""


@pytest.mark.process
def test_resumes_after_a_kill_with_the_same_bytes(spec: CalibrationSpec, tmp_path: Path) -> None:
    whole = calibrate(spec, Workspace(tmp_path / "whole"))
    folder = str(tmp_path / "killed")
    arguments = [json.dumps(spec.to_json()), folder, "7"]
    ended = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL
    workspace = Workspace(folder)
    assert workspace.runs()[0].status == "running"  # nobody was left to write anything else
    resumed = calibrate(spec, workspace)
    assert (resumed.id, resumed.status) == (whole.id, "done")
    for name in ("odd", "even"):
        assert resumed.stats_path(name).read_bytes() == whole.stats_path(name).read_bytes()


def watch_passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The groups that go through the model from now on."""
    calls: list[str] = []
    plain = calibration.pass_through

    def watched(loaded: LoadedModel, passages: list[Passage], *rest: Any, **options: Any) -> None:
        calls.extend(passage.where for passage in passages)
        plain(loaded, passages, *rest, **options)

    monkeypatch.setattr(calibration, "pass_through", watched)
    return calls


def stopped(spec: CalibrationSpec, folder: Path) -> Workspace:
    """A workspace with the run, which was cancelled in its third group of eight."""

    def stop(progress: Progress) -> None:
        if progress.stage == "Calibrating" and progress.done == 5:
            raise Cancelled

    workspace = Workspace(folder)
    with pytest.raises(Cancelled):
        calibrate(spec, workspace, stop)
    return workspace


def test_only_the_missing_groups_are_run_again(
    spec: CalibrationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = stopped(spec, tmp_path / "workspace")
    calls = watch_passes(monkeypatch)
    calibrate(spec, workspace)
    assert len(calls) == 6  # 2 of the 8 groups were on disk
    assert calls[0] == "odd, group 3 of 4"


def test_a_resumption_that_fails_to_load_keeps_the_finished_groups(
    spec: CalibrationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = stopped(spec, tmp_path / "workspace")

    def unreadable(*_: object) -> LoadedModel:
        raise InputError("The weights could not be read.")

    with monkeypatch.context() as broken:
        broken.setattr(calibration, "load_model", unreadable)
        with pytest.raises(InputError, match="could not be read"):
            calibrate(spec, workspace)
    assert workspace.runs()[0].status == "failed"
    calls = watch_passes(monkeypatch)
    assert calibrate(spec, workspace).status == "done"
    assert len(calls) == 6


def test_a_resumption_reads_in_the_batches_that_are_asked_for_then(
    spec: CalibrationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = stopped(replace(spec, batch_size=3), tmp_path / "workspace")
    sizes: list[int] = []

    def watched(sample: TokenSample, rows: Sequence[int], size: int) -> list[Batch]:
        sizes.append(size)
        return batches_of(sample, rows, size)

    monkeypatch.setattr(calibration, "batches_of", watched)
    calibrate(replace(spec, batch_size=1), workspace)
    assert set(sizes) == {1}


def test_only_a_run_that_did_all_of_its_work_tells_how_long_it_takes(
    spec: CalibrationSpec, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    one = calibrate(replace(spec, domains=spec.domains[:1]), workspace)
    assert (one.manifest.seconds or 0) > 0
    assert calibrate(spec, workspace).manifest.seconds is None  # it copied the first domain
    assert calibrate(spec, stopped(spec, tmp_path / "stopped")).manifest.seconds is None


def test_a_domain_known_from_another_run_is_copied(
    spec: CalibrationSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    first = calibrate(replace(spec, domains=spec.domains[:1]), workspace)
    calls = watch_passes(monkeypatch)
    both = calibrate(spec, workspace)
    assert {call.split(",")[0] for call in calls} == {"even"}
    assert both.stats_path("odd").read_bytes() == first.stats_path("odd").read_bytes()


def test_other_text_sampling_or_precision_is_another_run(
    spec: CalibrationSpec, tmp_path: Path, texts: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    ids = {
        calibrate(variant, workspace).id
        for variant in (
            spec,
            replace(spec, sample=replace(spec.sample, seed=4)),
            replace(spec, layers=(1,)),
            replace(spec, model=replace(spec.model, dtype="bfloat16")),
        )
    }
    (texts / "odd.jsonl").write_text((texts / "odd.jsonl").read_text().replace("says", "tells"))
    ids.add(calibrate(spec, workspace).id)
    assert len(ids) == 5


def test_a_choice_of_layers_and_projections(spec: CalibrationSpec, tmp_path: Path) -> None:
    chosen = replace(spec, layers=(1,), projections=("k_proj", "down_proj"))
    run = calibrate(chosen, Workspace(tmp_path / "workspace"))
    assert [str(weight.key) for weight in run.weights] == ["1.self_attn.k_proj", "1.mlp.down_proj"]
    assert {key.layer for key in run.stats("odd").sum_sq} == {1}


def test_unknown_layers_fail_before_the_pass(spec: CalibrationSpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are layers 0 to 1"):
        calibrate(replace(spec, layers=(2,)), Workspace(tmp_path / "workspace"))
    with pytest.raises(InputError, match="no projection qkv"):
        calibrate(replace(spec, projections=("qkv",)), Workspace(tmp_path / "workspace"))
    too_long = replace(spec, sample=replace(spec.sample, seq_len=512))
    with pytest.raises(InputError, match="longer than this model's context of 256"):
        calibrate(too_long, Workspace(tmp_path / "workspace"))
    assert not list((tmp_path / "workspace" / "runs").iterdir())


def test_weights_that_are_not_numbers_leave_nothing_behind(
    spec: CalibrationSpec, tmp_path: Path
) -> None:
    folder = build("llama", tmp_path / "broken")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"][3, 4] = float("nan")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    broken = replace(spec, model=ModelSpec(source=str(folder), device="cpu"))
    with pytest.raises(InputError, match=r"model\.layers\.1\.mlp\.up_proj\.weight"):
        calibrate(broken, Workspace(tmp_path / "workspace"))
    assert not list((tmp_path / "workspace" / "runs").iterdir())


def test_one_layer_one_group_one_document(
    spec: CalibrationSpec, tmp_path: Path, tiny_folder: Callable[..., Path]
) -> None:
    (tmp_path / "one.txt").write_text(" ".join(LINES))
    small = replace(
        spec,
        model=ModelSpec(source=str(tiny_folder("llama", 1)), device="cpu"),
        domains=(DomainSpec(name="one", kind="files", source=str(tmp_path / "one.txt")),),
        sample=SampleSpec(num_samples=3, seq_len=16, groups=1),
    )
    run = calibrate(small, Workspace(tmp_path / "workspace"))
    assert run.layers == (0,)
    assert run.stats("one").groups == 1


def test_bfloat16_is_summed_in_float32() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(2, 2, dtype=torch.bfloat16))
    activations = torch.full((1, 4096, 2), 1.0, dtype=torch.bfloat16)
    with InputSums(layer, {"0": "0"}) as collected:
        collected.start(torch.ones(1, 4096, dtype=torch.bool))
        layer(activations)
        layer(activations)
    # summed in bfloat16 the total would stop at 256
    assert collected.totals()["0"].tolist() == [8192.0, 8192.0]


def test_an_overflow_in_half_precision_says_what_to_do() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(1, 1, dtype=torch.float16))
    with InputSums(layer, {"0": "0"}) as collected:
        collected.start(torch.ones(1, 1, dtype=torch.bool))
        layer(torch.full((1, 1, 1), float("inf"), dtype=torch.float16))
    with pytest.raises(AtlasError, match="bfloat16 or float32"):
        collected.totals()


def test_batches_keep_the_order(spec: CalibrationSpec, tmp_path: Path) -> None:
    run = calibrate(spec, Workspace(tmp_path / "workspace"))
    tokens = run.tokens("odd")
    batches = batches_of(tokens, range(12), 5)
    assert [len(ids) for ids, _ in batches] == [5, 5, 2]
    joined = np.concatenate([ids.numpy() for ids, _ in batches])
    assert np.array_equal(joined, tokens.input_ids)


def test_a_busy_run_is_not_touched(spec: CalibrationSpec, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")

    def stop(progress: Progress) -> None:
        if progress.stage == "Calibrating":
            raise Cancelled

    with pytest.raises(Cancelled):
        calibrate(spec, workspace, stop)
    run = workspace.runs()[0]
    with run.lock(), pytest.raises(AtlasError, match="in use by another process"):
        calibrate(spec, workspace)
