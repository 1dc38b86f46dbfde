"""n:m patterns as people write them: n weights kept of every m consecutive inputs of a row."""

from __future__ import annotations

import re
from fractions import Fraction

from pruning.errors import InputError


def parse_pattern(pattern: str) -> tuple[int, int] | None:
    """ "2:4" -> (2, 4), for 2 of every 4 kept; None for "unstructured"; else InputError."""
    if pattern == "unstructured":
        return None
    match = re.fullmatch(r"(\d+):(\d+)", pattern)
    if not match or not 0 < int(match[1]) < int(match[2]):
        raise InputError(
            f"The pattern {pattern!r} is neither 'unstructured' nor n:m, which keeps n of every m "
            "weights and at least 1 but fewer than all, e.g. 2:4."
        )
    return int(match[1]), int(match[2])


def pattern_sparsity(pattern: str) -> float | None:
    """The sparsity that an n:m pattern implies; None for "unstructured"."""
    block = parse_pattern(pattern)
    return None if block is None else float(1 - Fraction(*block))
