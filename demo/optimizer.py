"""The optimizer of the demo model: Muon for matrices, AdamW for embeddings and norms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: singular values towards 0.7 to 1.2
NEWTON_SCHULZ_STEPS = 5


def orthogonal(updates: Tensor) -> Tensor:
    """The nearly orthogonal matrices next to these, by Newton-Schulz iteration: (N, out, in).

    In the updates' own precision: `torch.optim.Muon` always computes in bfloat16, which a processor
    without bfloat16 arithmetic emulates twenty times slower than float32.
    """
    tall = updates.shape[1] > updates.shape[2]
    x = updates.mT if tall else updates  # (N, short, long)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) with Nesterov momentum; all matrices of a shape are one batch."""

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    by_shape[parameter.shape].append(parameter)
            for shape, parameters in by_shape.items():
                updates = [self._momentum(parameter, group["momentum"]) for parameter in parameters]
                rate = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
                for parameter, update in zip(
                    parameters, orthogonal(torch.stack(updates)), strict=True
                ):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(rate * update)

    def _momentum(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        average = state.setdefault("momentum", torch.zeros_like(gradient))
        average.lerp_(gradient, 1 - momentum)
        return gradient.lerp(average, momentum)


class MatrixAndVectorOptimizer:
    """Muon on the decoder layers' matrices, AdamW on everything else.

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
            Muon(matrices, lr=matrix_rate, weight_decay=weight_decay),
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
