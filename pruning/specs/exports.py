"""What to export: the choice as data, which the record of an export repeats."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pruning.errors import InputError
from pruning.specs.base import Spec
from pruning.specs.narrowing import NarrowSpec
from pruning.specs.prune import PruneSpec

MIXTURE, UNION, INTERSECTION, REMOVAL = "mixture", "union", "intersection", "removal"
COMBINATIONS = (MIXTURE, UNION, INTERSECTION, REMOVAL)
NONE, REFIT, SPARSEGPT, ALPS = "none", "refit", "sparsegpt", "alps"
REPAIRS = (NONE, REFIT, SPARSEGPT, ALPS)


@dataclass(frozen=True, kw_only=True)
class ExportSpec(Spec):
    """One sub-model: the run it comes from, the domains it is for, how it is pruned.

    mixture: (domain, weight) pairs; each domain's mean squared activations count by its weight.
    mode: "one-shot" scores with the dense model's statistics; "sequential" is Wanda's Algorithm 1,
    where each layer is calibrated on inputs that passed through the pruned layers before it.
    Scores that look at no activations give the same masks in both.
    combination: "mixture" makes one mask of the weighted sums, at the chosen sparsity. "union",
    "intersection" and "removal" combine the bits of every domain's own mask at that sparsity (see
    `masks.combinations.combine`); they know no weights, and their sparsity follows from the overlap.
    repair: "refit" keeps the mask and fits the kept weights again; "sparsegpt" and "alps" find mask
    and values together, layer by layer, whatever the mode (see the room `repair`).
    narrow: the whole parts that are removed before single weights are pruned; None: none. With
    `prune` at a sparsity of 0 nothing but these is removed.
    """

    run: str
    mixture: tuple[tuple[str, float], ...]
    prune: PruneSpec = field(default_factory=PruneSpec)
    mode: str = "one-shot"
    combination: str = MIXTURE
    repair: str = NONE
    narrow: NarrowSpec | None = None

    def __post_init__(self) -> None:
        if not self.mixture:
            raise InputError("Choose at least one domain to export for.")
        names = [name for name, _ in self.mixture]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"The mixture names {', '.join(twice)} twice; name each domain once.")
        for name, weight in self.mixture:
            if not math.isfinite(weight) or weight <= 0:
                raise InputError(
                    f"The weight of {name} is {weight}; weights are greater than 0. "
                    "Leave a domain out instead of giving it no weight."
                )
        if self.mode not in MODES:
            raise InputError(f"The mode {self.mode!r} is not one of {', '.join(MODES)}.")
        if self.is_sequential and self.prune.score == "contrastive":
            raise InputError(
                "The contrastive score compares the dense model's statistics; choose one-shot."
            )
        if self.is_sequential and self.prune.allocation != "uniform":
            raise InputError(
                "Layers get their own sparsity from the dense model's outliers; choose one-shot."
            )
        self._check_combination()
        self._check_repair()
        if self.narrow is not None:
            self._check_narrow()

    def _check_narrow(self) -> None:
        if self.combination != MIXTURE:
            raise InputError(
                f"The {self.combination} combines masks of single weights; to remove whole parts, "
                "choose one domain or a mixture."
            )
        if self.repair != NONE:
            raise InputError(
                "What is left of whole parts is refitted as they go; to repair single weights as well, "
                "calibrate the narrowed folder and repair that."
            )
        if self.mode != "one-shot":
            raise InputError(
                "Where whole parts are removed, weights are pruned one-shot; choose one-shot, or "
                "calibrate the narrowed folder and prune that sequentially."
            )

    def _check_combination(self) -> None:
        if self.combination not in COMBINATIONS:
            raise InputError(
                f"The combination {self.combination!r} is not one of {', '.join(COMBINATIONS)}."
            )
        if self.combination == MIXTURE:
            return
        if any(weight != 1 for _, weight in self.mixture):
            raise InputError(
                f"A domain is in the {self.combination} or it is not: leave out the weights, or "
                "make a mixture."
            )
        if len(self.mixture) < 2 and self.combination != REMOVAL:
            raise InputError(f"Name at least two domains for their {self.combination}.")
        if self.is_sequential:
            raise InputError(
                f"The {self.combination} combines one-shot masks; choose one-shot, or a mixture."
            )

    def _check_repair(self) -> None:
        if self.repair not in REPAIRS:
            raise InputError(f"The repair {self.repair!r} is not one of {', '.join(REPAIRS)}.")
        if self.repair != NONE and self.combination == REMOVAL:
            raise InputError(
                "A removal shows what is lost with a domain's own weights; repair would hide it. "
                "Choose no repair, or another combination."
            )
        if self.repair not in (SPARSEGPT, ALPS):
            return
        if self.combination != MIXTURE:
            raise InputError(
                f"{self.repair} finds a mask of its own; for the {self.combination} of masks choose "
                "refit."
            )
        if self.prune.score != "wanda":
            raise InputError(
                f"{self.repair} finds the mask without a score; leave the score at wanda, or choose "
                "refit, which keeps the mask of any score."
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data. What is the usual and older records do not know is left out."""
        data = super().to_json()
        if self.repair == NONE:
            del data["repair"]
        if self.combination == MIXTURE:
            del data["combination"]
        if self.narrow is None:
            del data["narrow"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ExportSpec:
        """Rebuild from `to_json`'s output."""
        known = {"run", "mixture", "prune", "mode", "combination", "repair", "narrow"}
        unknown = set(data) - known
        if unknown:
            raise InputError(f"ExportSpec has no field {', '.join(sorted(unknown))}.")
        return cls(
            run=data["run"],
            mixture=tuple((str(name), float(weight)) for name, weight in data["mixture"]),
            prune=PruneSpec.from_json(data["prune"]),
            mode=data["mode"],
            combination=data.get("combination", MIXTURE),
            repair=data.get("repair", NONE),
            narrow=NarrowSpec.from_json(data["narrow"]) if data.get("narrow") else None,
        )

    @property
    def domains(self) -> tuple[str, ...]:
        """The named domains, in order."""
        return tuple(name for name, _ in self.mixture)

    @property
    def prunes_every_group_alike(self) -> bool:
        """Whether each comparison group loses exactly as many weights as `prune` says."""
        return self.combination == MIXTURE and self.prune.allocation == "uniform"

    @property
    def holds_pattern(self) -> bool:
        """Whether at least the pruned share of every group is zero, so that n:m kernels fit."""
        if self.combination == INTERSECTION:
            return self.prune.allocation == "uniform"
        return self.combination == MIXTURE

    @property
    def needs_model(self) -> bool:
        """Whether it takes forward passes to make, and so the model in memory."""
        return self.is_sequential or self.repair != NONE

    @property
    def is_sequential(self) -> bool:
        """Whether the mask is made of what the pruned layers before give."""
        return self.mode == "sequential" and self.prune.reads_text


def mixture_text(mixture: Iterable[tuple[str, float]]) -> str:
    """The inverse of `parse_mixture`; a weight of 1 is left out."""
    return ",".join(name if weight == 1 else f"{name}={weight}" for name, weight in mixture)


def parse_mixture(text: str) -> tuple[tuple[str, float], ...]:
    """ "python,java=0.5" -> (("python", 1.0), ("java", 0.5))."""
    mixture = []
    for part in text.split(","):
        name, equals, weight = part.strip().partition("=")
        try:
            mixture.append((name, float(weight) if equals else 1.0))
        except ValueError:
            raise InputError(
                f"A mixture is written like python,java=0.5; {part.strip()!r} is not understood."
            ) from None
        if not name:
            raise InputError("A mixture is written like python,java=0.5; a name is missing.")
    return tuple(mixture)


MODES = ("one-shot", "sequential")
