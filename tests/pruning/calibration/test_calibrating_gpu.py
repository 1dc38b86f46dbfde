"""Calibration and sequential pruning on a GPU against the same on a CPU; run with -m gpu."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pruning.calibration.calibrating import calibrate
from pruning.exports.writing import export
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run
from tests.pruning.zoo import ARCHITECTURES

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


def again(run: Run, folder: Path, **model: object) -> Run:
    """The same calibration with other choices of device, precision or streaming."""
    chosen = replace(run.spec.model, **model)  # type: ignore[arg-type]
    return calibrate(replace(run.spec, model=chosen), Workspace(folder))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sums_are_those_of_a_cpu(architecture: str, tmp_path: Path) -> None:
    on_cpu = finished_run(architecture, tmp_path)
    on_gpu = again(on_cpu, tmp_path / "gpu", device="cuda")
    for domain in on_cpu.domains:
        expected, got = on_cpu.stats(domain), on_gpu.stats(domain)
        assert got.sum_sq.keys() == expected.sum_sq.keys()
        for key, sums in expected.sum_sq.items():
            np.testing.assert_allclose(
                got.sum_sq[key], sums, rtol=2e-3, atol=1e-6 * sums.max(), err_msg=str(key)
            )
            assert np.array_equal(got.tokens[key], expected.tokens[key])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_streaming_gives_the_same_bits(dtype: str, tmp_path: Path) -> None:
    first = finished_run("llama", tmp_path)
    whole, streamed = (
        again(first, tmp_path / str(stream), device="cuda", dtype=dtype, stream=stream)
        for stream in (False, True)
    )
    for domain in first.domains:
        expected, got = whole.stats(domain).sum_sq, streamed.stats(domain).sum_sq
        assert all(np.array_equal(got[key], sums) for key, sums in expected.items())


def test_sequential_masks_are_nearly_those_of_a_cpu(tmp_path: Path) -> None:
    on_cpu = finished_run("llama", tmp_path)
    zeros = []
    for run in (on_cpu, again(on_cpu, tmp_path / "gpu", device="cuda")):
        spec = ExportSpec(
            run=run.id,
            mixture=(("code", 1.0),),
            prune=PruneSpec(sparsity=0.5),
            mode="sequential",
        )
        folder = export(run, spec, tmp_path / f"out-{run.spec.model.device}").folder
        stored = load_file(folder / "model.safetensors")
        zeros.append(torch.cat([(stored[str(w.tensor)] == 0).flatten() for w in run.weights]))
    assert float((zeros[0] == zeros[1]).float().mean()) > 0.995
