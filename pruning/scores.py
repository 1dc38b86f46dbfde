"""How much a weight matters: the scores that masks are made from."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from pruning.specs import PruneSpec, WeightKey


def score(weight: Tensor, norms: Tensor | None, spec: PruneSpec, key: WeightKey) -> Tensor:
    """Score every weight of a matrix; the lowest are pruned. Returns float32 (out, in).

    weight: (out, in). norms: (in,), the input channels' ||X_j||_2, needed for "wanda" alone.

    - wanda: |W_ij| * ||X_j||_2 (Sun et al. 2023, arXiv 2306.11695, equation 1)
    - magnitude: |W_ij|
    - random: uniform, the same for a seed and key on every machine
    """
    if spec.score == "random":
        text = f"{spec.seed}/{key}".encode()
        seed = int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(weight.shape, generator=generator).to(weight.device)
    magnitude = weight.detach().to(torch.float32).abs()
    if spec.score == "magnitude":
        return magnitude
    if norms is None or norms.shape != weight.shape[1:]:
        raise ValueError(f"{key}: wanda needs one norm per input channel ({weight.shape[1]}).")
    return magnitude * norms.to(device=weight.device, dtype=torch.float32)
