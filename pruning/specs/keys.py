"""The address of one prunable weight."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, order=True)
class WeightKey:
    """The address of one prunable weight: decoder layer index and the module's name inside it."""

    layer: int
    name: str  # e.g. "self_attn.q_proj"

    def __str__(self) -> str:
        return f"{self.layer}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> WeightKey:
        """Inverse of `str`: "3.self_attn.q_proj"."""
        layer, _, name = text.partition(".")
        return cls(layer=int(layer), name=name)

    @property
    def projection(self) -> str:
        """The last part of the name, e.g. "q_proj": what people call this matrix."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def expert(self) -> int | None:
        """Which expert of its layer it belongs to, from 0; None for what every token reads."""
        match = re.search(r"(?:^|\.)experts\.(\d+)\.", self.name)
        return int(match[1]) if match else None
