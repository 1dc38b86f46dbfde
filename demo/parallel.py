"""Training in several processes: each reads its rows of a batch, gradients are averaged.

On a CPU that is shared with other work, processes of one thread each are faster than one process of
several threads, which waits for its slowest thread in every operation instead of once a step. The
processes find each other through the environment that `torchrun` sets.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
from torch import distributed, nn


class Team:
    """The processes of one training run; a run alone is a team of one."""

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1 and not distributed.is_initialized():
            distributed.init_process_group("gloo")

    @property
    def leads(self) -> bool:
        """Whether this process decides, reports and saves."""
        return self.rank == 0

    def share_of(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows of a batch, shape (B, T), that this process computes."""
        return rows[self.rank :: self.size]

    def average(self, parameters: Sequence[nn.Parameter], spent: float) -> float:
        """Average the gradients of all processes in place; gives the leader's `spent`.

        One sum of one flat vector a step, which carries the leader's clock at its end.
        """
        if self.size == 1:
            return spent
        gradients = [p.grad for p in parameters if p.grad is not None]
        clock = gradients[0].new_tensor([spent if self.leads else 0.0])
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), clock])
        distributed.all_reduce(flat)
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            gradient.div_(self.size)
            start += gradient.numel()
        return float(flat[-1])
