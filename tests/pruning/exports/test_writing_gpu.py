"""A 2:4 export on a GPU: PyTorch's semi-structured tensors hold it, compute it, and are timed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.sparse import to_sparse_semi_structured
from torch.utils.benchmark import Timer

from pruning.exports.writing import export
from pruning.masks.selecting import keep_highest
from pruning.specs import ExportSpec, PruneSpec
from tests.pruning.finished_run import finished_run

TWO_OF_FOUR = PruneSpec(pattern="2:4", sparsity=0.5)


def test_every_group_of_four_of_an_export_fits(tmp_path: Path) -> None:
    """What the conversion needs, checked without a GPU."""
    run = finished_run("llama", tmp_path, dtype=torch.float16)
    spec = ExportSpec(run=run.id, mixture=(("code", 1.0),), prune=TWO_OF_FOUR)
    folder = export(run, spec, tmp_path / "out").folder
    stored = load_file(folder / "model.safetensors")
    for weight in run.weights:
        groups = stored[str(weight.tensor)].reshape(-1, 4)
        assert int((groups != 0).sum(dim=1).max()) <= 2


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch calls the layout a prototype
def test_a_gpu_computes_it_and_the_time_is_told(record_property: pytest.RecordProperty) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    matrix = torch.randn(4096, 4096, dtype=torch.float16, device="cuda")
    matrix *= keep_highest(matrix.float().abs().cpu(), TWO_OF_FOUR).cuda()
    inputs = torch.randn(1024, 4096, dtype=torch.float16, device="cuda")
    sparse = to_sparse_semi_structured(matrix)
    linear = torch.nn.functional.linear
    torch.testing.assert_close(linear(inputs, sparse), linear(inputs, matrix), rtol=1e-2, atol=0.5)
    seconds = {
        name: Timer("linear(x, w)", globals={"linear": linear, "x": inputs, "w": weight})
        .blocked_autorange(min_run_time=1)
        .median
        for name, weight in {"dense": matrix, "2:4": sparse}.items()
    }
    record_property("speed-up", seconds["dense"] / seconds["2:4"])
    print(f"2:4 takes 1/{seconds['dense'] / seconds['2:4']:.2f} of the dense time")
