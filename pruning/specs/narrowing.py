"""Which whole parts of a model to remove: channels, heads, layers; the choice as data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from pruning.errors import InputError
from pruning.specs.base import Spec

PARTS = ("channels", "heads", "layers")
CHOICES = ("greedy", "sums")
USUAL_MULTIPLE = 32  # the blocks of most quantized formats, and of most kernels


@dataclass(frozen=True, kw_only=True)
class NarrowSpec(Spec):
    """How much of a model's whole parts is removed, in every layer alike, and how they are chosen.

    channels: intermediate channels of the feed-forward part. heads: key-value groups, each with the
    queries that read it. layers: whole decoder layers. Each is a share below 1, or a number of
    parts (of each layer). choice: "greedy" removes channels and heads one after the other, each
    time the one whose loss the others can make up for best; "sums" removes those that contribute
    least by the stored sums. refit: what is left of the down- or output projection is fitted to
    the dense model's output. multiple: the number of channels left is a multiple of it.
    """

    channels: float = 0.0
    heads: float = 0.0
    layers: float = 0.0
    choice: str = CHOICES[0]
    refit: bool = True
    multiple: int = USUAL_MULTIPLE

    def __post_init__(self) -> None:
        for part in PARTS:
            self._check_amount(part, getattr(self, part))
        if not any(getattr(self, part) for part in PARTS):
            raise InputError("Say what to remove, e.g. channels=0.2, heads=0.25 or layers=1.")
        if self.choice not in CHOICES:
            raise InputError(f"Parts are chosen by one of {', '.join(CHOICES)}.")
        if self.choice == "greedy" and not self.refit and (self.channels or self.heads):
            raise InputError(
                "The greedy choice counts on the refit of what is left; choose by sums, or refit."
            )
        if isinstance(self.multiple, bool) or self.multiple < 1 or self.multiple % 1:
            raise InputError("The number of channels is a multiple of a whole number, 1 or more.")

    @staticmethod
    def _check_amount(part: str, amount: float) -> None:
        if not math.isfinite(amount) or amount < 0 or (amount >= 1 and amount % 1):
            raise InputError(
                f"{part}={amount:g} is neither a share, 0 <= share < 1, nor a whole number of parts."
            )

    @property
    def refits(self) -> bool:
        """Whether projections get other values, which takes passes through the model."""
        return self.refit and bool(self.channels or self.heads)

    @property
    def needs_model(self) -> bool:
        """Whether the calibration text has to pass through the model."""
        return self.refits or bool(self.layers)


def removed_of(amount: float, total: int, what: str, multiple: int = 1) -> int:
    """How many of `total` parts an amount removes, so that a multiple of `multiple` is left.

    A share gives the nearest such number, half to what keeps more. InputError where nothing would
    be removed, or nothing be left.
    """
    wanted = int(amount) if amount >= 1 else Fraction(str(amount)) * total
    if wanted >= total:
        raise InputError(f"There are {total:,} {what}; {amount:g} of them would leave none.")
    left = math.floor((total - wanted) / Fraction(multiple) + Fraction(1, 2)) * multiple
    if left >= total:
        least = total - (total - 1) // multiple * multiple
        raise InputError(
            f"{amount:g} of {total:,} {what} removes none, as a multiple of {multiple} stays; "
            f"remove at least {least} ({least / total:.2g})."
        )
    if left < 1:
        raise InputError(
            f"{amount:g} of {total:,} {what} would leave fewer than {multiple}; remove less."
        )
    return total - left


def parse_removal(text: str) -> dict[str, float | None]:
    """ "channels=0.2,weights" -> {"channels": 0.2, "weights": None}; InputError if it is not so."""
    found: dict[str, float | None] = {}
    for part in (each.strip() for each in text.split(",")):
        name, equals, amount = part.partition("=")
        if name not in (*PARTS, "weights"):
            raise InputError(
                f"{name!r} cannot be removed; choose among weights, {', '.join(PARTS)}, e.g. "
                "channels=0.2."
            )
        if name in found:
            raise InputError(f"{name} is named twice; say once how much of it to remove.")
        if (name == "weights") == bool(equals):
            raise InputError(
                "How many weights to remove is said by --sparsity or --pattern."
                if equals
                else f"Say how many {name} to remove, e.g. {name}=0.2."
            )
        try:
            found[name] = float(amount) if equals else None
        except ValueError:
            raise InputError(f"{part!r} is not understood; write it like {name}=0.2.") from None
    return found


def removal_text(narrow: NarrowSpec, *, weights: bool) -> str:
    """The inverse of `parse_removal`. weights: these are pruned as well."""
    amounts = [f"{part}={amount!r}" for part in PARTS if (amount := getattr(narrow, part))]
    return ",".join([*amounts, "weights"] if weights else amounts)
