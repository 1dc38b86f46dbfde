"""How much a weight matters: the scores that masks are made from."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from pruning.specs import PruneSpec, WeightKey


def score(weight: Tensor, norms: Tensor | None, spec: PruneSpec, key: WeightKey) -> Tensor:
    """Score every weight of a matrix; the lowest are pruned. Returns float32 (out, in).

    weight: (out, in). norms: (in,), the input channels' ||X_j||_2, for the scores that read text.

    - wanda: |W_ij| * ||X_j||_2 (Sun et al. 2023, arXiv 2306.11695, equation 1)
    - ria: (|W_ij| / sum_i |W_ij| + |W_ij| / sum_j |W_ij|) * sqrt(||X_j||_2), relative importance
      and activations (Zhang et al. 2024, "Plug-and-Play", ICLR, with its exponent a = 0.5)
    - contrastive: wanda with norms that `statistics.contrast` made
    - magnitude: |W_ij|
    - random: uniform, the same for a seed and key on every machine
    """
    factor = importance(weight, spec, key)
    if not spec.reads_text:
        return factor
    if norms is None or norms.shape != weight.shape[1:]:
        raise ValueError(
            f"{key}: {spec.score} needs one norm per input channel ({weight.shape[1]})."
        )
    return factor * loudness(norms, spec).to(weight.device)


def importance(weight: Tensor, spec: PruneSpec, key: WeightKey) -> Tensor:
    """The factor of a score that is the same for every text: float32 (out, in)."""
    if spec.score == "random":
        text = f"{spec.seed}/{key}".encode()
        seed = int.from_bytes(hashlib.sha256(text).digest()[:8], "little") >> 1
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(weight.shape, generator=generator).to(weight.device)
    magnitude = weight.detach().abs().to(torch.float32)
    return _relative_importance(magnitude) if spec.score == "ria" else magnitude


def loudness(norms: Tensor, spec: PruneSpec) -> Tensor:
    """The factor of a score that the text gives to every input channel: float32 (in,)."""
    channels = norms.to(torch.float32)
    return channels.sqrt() if spec.score == "ria" else channels


def _relative_importance(magnitude: Tensor) -> Tensor:
    """Each |W_ij| as a share of its column's sum plus its share of its row's: (out, in)."""
    smallest = torch.finfo(torch.float32).tiny  # a column or row of zeros has importance 0
    of_column = magnitude / magnitude.sum(dim=0, keepdim=True).clamp_min(smallest)
    of_row = magnitude / magnitude.sum(dim=1, keepdim=True).clamp_min(smallest)
    return of_column + of_row
