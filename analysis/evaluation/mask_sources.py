"""What a mask is made from: the rows of an evaluation, from the dense model to chance.

Beside each domain's own mask stand the yardsticks: the mask of all domains together (each weighing
the same), of the weights' magnitudes alone, of chance, and, for each domain, the masks of two
disjoint halves of its own groups of documents. The halves are two draws of one domain, of half the
text each: what parts their results is what the choice of documents does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pruning.errors import InputError
from pruning.specs import STARVED, ExportSpec, PruneSpec, Spec, WeightKey

if TYPE_CHECKING:
    from pruning.masks.mask import Mask
    from pruning.runs.run import Run

Kind = Literal["dense", "domain", "half", "mixture", "magnitude", "random"]
KINDS: tuple[Kind, ...] = ("dense", "domain", "half", "mixture", "magnitude", "random")
HALVES = (1, 2)
TITLES: dict[Kind, str] = {  # of the rows that are no domain's
    "dense": "dense",
    "mixture": "all domains",
    "magnitude": "magnitude",
    "random": "random",
}


@dataclass(frozen=True, kw_only=True)
class MaskSource(Spec):
    """domain: whose sums, for "domain" and "half". half: 1 or 2, the even or the odd groups."""

    kind: Kind
    domain: str = ""
    half: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"A mask's source is one of {', '.join(KINDS)}, not {self.kind!r}.")
        if bool(self.domain) != (self.kind in ("domain", "half")):
            raise InputError("A domain is named for a mask of a domain or of a half of it.")
        if (self.half in HALVES) != (self.kind == "half"):
            raise InputError("A half is numbered 1 or 2.")

    @property
    def title(self) -> str:
        """What the row of this source is called in tables.

        Domains share the titles of their draws, which are measured on their own domain only. No
        other sources share one: a domain named "random" is called "random (domain)".
        """
        if self.kind == "half":
            return "one draw of its own text" if self.half == 1 else "another draw of its own text"
        if self.kind != "domain":
            return TITLES[self.kind]
        return f"{self.domain} (domain)" if self.domain in TITLES.values() else self.domain


DENSE = MaskSource(kind="dense")
MIXTURE = MaskSource(kind="mixture")
MAGNITUDE = MaskSource(kind="magnitude")
RANDOM = MaskSource(kind="random")


def of_domain(domain: str) -> MaskSource:
    """The mask of a domain's whole calibration text."""
    return MaskSource(kind="domain", domain=domain)


def halves_of(domain: str) -> tuple[MaskSource, MaskSource]:
    """The masks of two disjoint halves of a domain's groups."""
    one, other = (MaskSource(kind="half", domain=domain, half=half) for half in HALVES)
    return one, other


def sources_of(run: Run, domains: Sequence[str] | None = None) -> tuple[MaskSource, ...]:
    """The rows of a run's evaluation: dense, domains, mixture, magnitude, random.

    The halves, which are measured on their own domain only, are not among them.
    """
    mixture = (MIXTURE,) if len(run.domains) > 1 else ()
    own = tuple(of_domain(name) for name in domains or run.domains)
    return (DENSE, *own, *mixture, MAGNITUDE, RANDOM)


def prune_of(source: MaskSource, prune: PruneSpec) -> PruneSpec | None:
    """How this source's weights are scored; None for the dense model, which is not pruned.

    Magnitude and chance read no text, so no expert is starved of it and none stays dense.
    """
    if source.kind == "dense":
        return None
    if source.kind in ("magnitude", "random"):
        return replace(prune, score=source.kind, starved=STARVED[0])
    return prune


def masks_of(run: Run, source: MaskSource, prune: PruneSpec) -> dict[WeightKey, Mask]:
    """The masks of every weight that `prune` selects; none for the dense model."""
    from pruning.masks.making import masks_from_norms, run_masks
    from pruning.masks.norms import norms_of
    from pruning.masks.recipe import recipe_of

    chosen = prune_of(source, prune)
    if chosen is None:
        return {}
    if source.kind == "mixture":
        together = tuple((name, 1.0) for name in run.domains)
        recipe = recipe_of(run, ExportSpec(run=run.id, mixture=together, prune=chosen))
        return {weight.key: mask for weight, mask in recipe.masks()}
    domain = source.domain or run.domains[0]
    if source.kind != "half":
        return {weight.key: masks[domain] for weight, masks in run_masks(run, chosen, [domain])}
    stats = run.stats(domain)
    half = stats.subset(range(source.half - 1, stats.groups, len(HALVES)))
    found = masks_from_norms(run, chosen, {domain: norms_of(half)})
    return {weight.key: masks[domain] for weight, masks in found}
