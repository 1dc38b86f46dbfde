"""What a meaning is, and on which side of the split it falls."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from demo.texts.programs.ir import Program

HELD_OUT_SHARE = 0.15
# What a function does, as nested tuples of names and constants: no wording, no names, no style.
Spec: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Programs that differ in their pieces and constants.

    sample draws a spec; build writes a program for it, drawing only wording, names and style from
    its generator. A family whose programs share their bodies up to constants' names is `whole`:
    all of it is for training.
    """

    name: str
    sample: Callable[[random.Random], Spec]
    build: Callable[[Spec, random.Random], Program]
    weight: float = 1.0
    whole: bool = False


def split_of(family: Family, spec: Spec) -> str:
    """Return "train" or "held-out": a stable function of the meaning alone."""
    if family.whole:
        return "train"
    digest = hashlib.blake2b(repr((family.name, spec)).encode(), digest_size=8).digest()
    return "held-out" if int.from_bytes(digest) < HELD_OUT_SHARE * 2**64 else "train"
