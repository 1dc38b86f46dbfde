"""The demo model's optimizer: its Muon against PyTorch's, which computes in bfloat16."""

from __future__ import annotations

import pytest
import torch

from demo.optimizer import Muon, orthogonal


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (6, 6)])
def test_muon_takes_the_steps_of_pytorchs(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    starts = [torch.randn(shape) for _ in range(2)]
    ours = [torch.nn.Parameter(start.clone()) for start in starts]
    theirs = [torch.nn.Parameter(start.clone()) for start in starts]
    steps = Muon(ours, lr=0.02, weight_decay=0.1)
    reference = torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1, momentum=0.95, nesterov=True)
    for _ in range(4):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(shape)
            b.grad = a.grad.clone()
        steps.step()
        reference.step()
    for a, b, start in zip(ours, theirs, starts, strict=True):
        moved = (b - start).norm()
        assert (a - b).norm() < 0.02 * moved  # what bfloat16 rounds away
        assert moved > 0.05


def test_an_update_becomes_nearly_orthogonal() -> None:
    torch.manual_seed(1)
    for made in orthogonal(torch.randn(3, 12, 30)):
        values = torch.linalg.svdvals(made)
        assert 0.6 < float(values.min()) <= float(values.max()) < 1.3
    assert bool((orthogonal(torch.zeros(1, 4, 4)) == 0).all())
