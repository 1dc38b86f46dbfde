"""Sums of products of the channels that a layer reads: what least squares needs of the text.

With x the dense model's vector at an input and x' the vector that the sub-model has there,

    gram  = sum x' x'^T        cross = sum x x'^T        both (channels, channels)

over the tokens that count. Like the sums of squares, which are the gram's diagonal, they add up over
batches, documents, domains (weighted) and processes. They are as large as weight matrices, so those
of one layer's inputs exist at a time and none is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pruning.errors import AtlasError


@dataclass(kw_only=True)
class SecondMoments:
    """The sums at one layer input.

    gram: (channels, channels) float32, sum over counted tokens of x' x'^T, rows and columns alike.
    cross: (channels, channels) float32, sum of x x'^T; None where x' is x, and the gram is both.
    tokens: how many tokens were counted, of an expert those that were routed to it.
    """

    gram: Tensor
    cross: Tensor | None
    tokens: int = 0

    @classmethod
    def empty(
        cls, channels: int, *, paired: bool, device: torch.device | str = "cpu"
    ) -> SecondMoments:
        """Sums of no token. paired: the sub-model's vectors differ from the dense model's."""
        gram, *cross = (
            torch.zeros((channels, channels), dtype=torch.float32, device=device)
            for _ in range(1 + paired)
        )
        return cls(gram=gram, cross=cross[0] if cross else None)

    @property
    def channels(self) -> int:
        """How many input channels there are."""
        return len(self.gram)

    @torch.no_grad()
    def add(self, seen: Tensor, wanted: Tensor | None = None, weight: float = 1.0) -> None:
        """Count some tokens.

        seen: (tokens, channels), the sub-model's x'. wanted: likewise, the dense model's x of the
        same tokens; given if and only if the sums are paired. weight: of each token.
        """
        if (wanted is None) != (self.cross is None):
            raise ValueError("Paired sums need both vectors of every token; others just one.")
        seen = seen.float()
        self.gram.addmm_(seen.T, seen, alpha=weight)
        if wanted is not None and self.cross is not None:
            self.cross.addmm_(wanted.float().T, seen, alpha=weight)
        self.tokens += len(seen)

    def __add__(self, other: SecondMoments) -> SecondMoments:
        """The sums of both texts together."""
        if (self.cross is None) != (other.cross is None):
            raise ValueError("Paired sums and others cannot be added.")
        cross = None
        if self.cross is not None and other.cross is not None:
            cross = self.cross + other.cross
        return SecondMoments(
            gram=self.gram + other.gram, cross=cross, tokens=self.tokens + other.tokens
        )

    def norms(self) -> Tensor:
        """||X'_j||_2 of every input channel: (channels,) float32."""
        return self.gram.diagonal().sqrt()

    def check(self, name: str) -> None:
        """AtlasError where there is nothing to solve with: no token, or a sum that overflowed."""
        if not self.tokens:
            raise AtlasError(
                f"No token of the text reached {name}, so nothing is known to repair it by; "
                "choose more text, or leave starved experts dense."
            )
        if not all(
            bool(torch.isfinite(each.sum())) for each in (self.gram, self.cross) if each is not None
        ):
            raise AtlasError(
                f"Activations at {name} are not finite numbers, or their squares are not. Repair in "
                "float32 or bfloat16; where that is so already, check the model's weights."
            )


def token_weights(parts: Sequence[tuple[int, float]]) -> list[float]:
    """What each token of each domain of a mixture counts, so that domains count as is wanted.

    parts: (tokens, weight) of every domain. The mixture's mean is sum_d weight_d * mean_d / sum_d
    weight_d, as in `statistics.mix`; its sums are that mean times the tokens of all. Of a single
    domain, or of equally long ones of the same weight, every token counts 1.
    """
    total, all_tokens = sum(weight for _, weight in parts), sum(tokens for tokens, _ in parts)
    return [weight / total * all_tokens / max(tokens, 1) for tokens, weight in parts]
