"""How sparse each decoder layer becomes: all alike, or by its activation outliers (OWL).

OWL, outlier weighed layer-wise sparsity (Yin et al. 2023, arXiv 2310.05175): a layer with more
outlying scores keeps more of its weights. The mean sparsity over layers stays as chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from numpy.typing import NDArray
from torch import Tensor

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.specs import WeightKey

OUTLIER = 5.0  # M of the paper: an outlier's score is more than M times its layer's mean score
SPREAD = 0.08  # lambda of the paper: layers' sparsities span 2 lambda

Matrices = Callable[[], Iterator[tuple[PrunableWeight, Tensor]]]


def outlier_shares(matrices: Matrices, norms: Mapping[WeightKey, NDArray]) -> dict[int, float]:
    """The layer outlier distribution D of the paper (section 3): layer -> share of outliers.

    A layer's D is the share of its weights whose score |W_ij| * ||X_j||_2 exceeds OUTLIER times the
    mean score of the layer. matrices: gives every weight matrix (out, in) anew; it is called twice,
    so that one matrix is in memory at a time. norms: input key -> (channels,).
    """

    def scores() -> Iterator[tuple[int, Tensor]]:
        for weight, matrix in matrices():
            channels = torch.from_numpy(norms[weight.input_key]).float()
            yield weight.key.layer, matrix.detach().float().abs() * channels

    total: dict[int, float] = defaultdict(float)
    size: dict[int, int] = defaultdict(int)
    for layer, of_weight in scores():
        total[layer] += float(of_weight.sum(dtype=torch.float64))
        size[layer] += of_weight.numel()
    outliers: dict[int, int] = defaultdict(int)
    for layer, of_weight in scores():
        outliers[layer] += int((of_weight > OUTLIER * total[layer] / size[layer]).sum())
    return {layer: outliers[layer] / size[layer] for layer in size}


def layer_sparsities(shares: Mapping[int, float], sparsity: float) -> dict[int, float]:
    """Sparsity of every layer from its share of outliers: layer -> [0, 1).

    The shares are stretched to a span of 2 SPREAD and taken off the sparsity around their mean, as
    in the authors' program. Equal shares give every layer the same. InputError where a layer would
    lose less than nothing or all it has.
    """
    lowest, highest = min(shares.values()), max(shares.values())
    if lowest == highest:
        return dict.fromkeys(shares, sparsity)
    stretched = {
        layer: (share - lowest) / (highest - lowest) * 2 * SPREAD for layer, share in shares.items()
    }
    mean = sum(stretched.values()) / len(stretched)
    found = {layer: round(sparsity - value + mean, 6) for layer, value in stretched.items()}
    extremes: Sequence[float] = (min(found.values()), max(found.values()))
    if extremes[0] < 0 or extremes[1] >= 1:
        raise InputError(
            f"OWL at {sparsity:.0%} would give layers sparsities of {extremes[0]:.0%} to "
            f"{extremes[1]:.0%}; choose a sparsity from {2 * SPREAD:.0%} to {1 - 2 * SPREAD:.0%}, "
            "or the same for all layers."
        )
    return found
