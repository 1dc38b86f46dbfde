"""The optimizer of the demo model: Muon for matrices, AdamW for embeddings and norms."""

from __future__ import annotations

import torch
from torch import nn


class MatrixAndVectorOptimizer:
    """Muon (Jordan et al. 2024) on the decoder layers' matrices, AdamW on everything else.

    Muon replaces a matrix's momentum by the nearest orthogonal matrix, so that no direction of a
    weight matrix is starved; a small model learns the same text from markedly fewer tokens. Embeddings
    and norm weights are not maps between activations and keep AdamW.
    """

    def __init__(
        self, model: nn.Module, *, matrix_rate: float, vector_rate: float, weight_decay: float
    ) -> None:
        matrices: list[nn.Parameter] = []
        vectors: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            is_map = parameter.ndim == 2 and "embed_tokens" not in name and "lm_head" not in name
            (matrices if is_map else vectors).append(parameter)
        self.parts: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(
                matrices, lr=matrix_rate, weight_decay=weight_decay, momentum=0.95, nesterov=True
            ),
            torch.optim.AdamW(
                vectors, lr=vector_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
            ),
        )
        self.rates = (matrix_rate, vector_rate)

    def step(self, *, rate_factor: float) -> None:
        """Update all weights with the learning rates times `rate_factor`, and clear gradients."""
        for optimizer, rate in zip(self.parts, self.rates, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * rate_factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, object]:
        """What `load_state_dict` needs to go on exactly here."""
        return {"matrices": self.parts[0].state_dict(), "vectors": self.parts[1].state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        """Go on from a saved state."""
        self.parts[0].load_state_dict(state["matrices"])
        self.parts[1].load_state_dict(state["vectors"])
