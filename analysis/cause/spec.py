"""What is asked about cause, and every removal from the model that answering it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from pruning.errors import InputError
from pruning.specs import PruneSpec, Spec

Region = Literal["exclusive", "sharp"]
REGIONS: tuple[Region, ...] = ("exclusive", "sharp")
Kind = Literal["nothing", "region", "random", "matched", "part", "mask"]


@dataclass(frozen=True, kw_only=True)
class CauseSpec(Spec):
    """Which regions are removed, and how hard to look.

    region: see `analysis.cause.regions`. top, others_top: p and q of sharp regions, as shares of
    the weights. draws: random removals of each kind for every domain. size: bytes of held-out text
    of every domain. bootstraps: draws of documents. seed: of every random draw.
    """

    region: Region = "exclusive"
    top: float = 0.05
    others_top: float = 0.05
    draws: int = 10
    size: int = 10_000
    bootstraps: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise InputError(f"The region {self.region!r} is not one of {', '.join(REGIONS)}.")
        for name in ("top", "others_top"):
            if not 0 < getattr(self, name) < 1:
                raise InputError("The highest-scoring share is above 0 and below 1, e.g. 0.05.")
        for name, least in (("draws", 2), ("size", 100), ("bootstraps", 100), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} must be a whole number of at least {least}.")

    @property
    def effort(self) -> tuple[int, int, int]:
        """How hard it is looked: of two measurements the larger says more."""
        return self.size, self.draws, self.bootstraps

    def of(self, prune: PruneSpec) -> tuple[PruneSpec, PruneSpec]:
        """The masks that regions are the difference of: the domain's own, and the others'."""
        if self.region == "exclusive":
            return prune, prune
        own, others = (share_pruned(top) for top in (self.top, self.others_top))
        return prune.ranked(own), prune.ranked(others)


def share_pruned(top: float) -> float:
    """The sparsity of a mask that keeps the highest-scoring `top` of the weights."""
    return round(1 - top, 6)


@dataclass(frozen=True, kw_only=True)
class Removal(Spec):
    """One change of the model: what is set to zero.

    kind "nothing": the dense model. "region": the domain's region. "random", "matched": as many
    other weights, drawn (the `draw`-th time) from all, or from those of the same magnitudes.
    "part": as many weights of the domain's region as the smaller one of its own and `partner`'s
    has in each matrix. "mask": all that the domain's mask prunes.
    """

    kind: Kind
    domain: str | None = None
    partner: str | None = None
    draw: int = 0


NOTHING = Removal(kind="nothing")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One removal and the domains it is measured on."""

    removal: Removal
    evaluated: tuple[str, ...]


def steps(domains: Sequence[str], spec: CauseSpec) -> Iterator[Step]:
    """Everything that has to be measured, the dense model first.

    Regions, matched draws and masks are measured on every domain. Random draws are measured on
    the domain whose region they stand for, equal parts of two regions on these two domains.
    """
    every = tuple(domains)
    yield Step(removal=NOTHING, evaluated=every)
    for kind in ("region", "mask"):
        for domain in domains:
            yield Step(removal=Removal(kind=kind, domain=domain), evaluated=every)
    for draw in range(spec.draws):
        for domain in domains:
            matched = Removal(kind="matched", domain=domain, draw=draw)
            yield Step(removal=matched, evaluated=every)
            random = Removal(kind="random", domain=domain, draw=draw)
            yield Step(removal=random, evaluated=(domain,))
    for domain, partner in permutations(domains, 2):
        removal = Removal(kind="part", domain=domain, partner=partner)
        yield Step(removal=removal, evaluated=(domain, partner))
