"""Do a domain's own weights come out again? Regions found on one half of the text, sought on the other.

Every domain's groups are halved; a weight that is one domain's alone by the first halves is confirmed
if it is so by the second ones too. What the documents decide, and not the domains, shows as the
weights that one half of a domain keeps and its own other half does not: the noise floor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analysis.cause.regions import regions
from analysis.overlap.table import is_small
from analysis.structure.sharp import SharpSpec
from pruning.masks.making import masks_from_norms, selected_weights
from pruning.masks.mask import Mask
from pruning.masks.norms import norms_of
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import PruneSpec

FOLDER = "structure"
HALVES = (0, 1)
EXCLUSIVE, SHARP = "exclusive weights", "sharp weights"


@dataclass(frozen=True, kw_only=True)
class Replication:
    """Of one domain, weights of all matrices. kept: by the mask of a half of its text.

    found: its region by the first halves; confirmed: of these, those in its region by the second ones;
    by_chance: as many as would be if the two regions lay independently in each matrix. floor: kept by
    the first half's mask and not by the domain's own second half.
    """

    domain: str
    kept: int
    found: int
    confirmed: int
    by_chance: float
    floor: int

    @property
    def confirmed_share(self) -> float:
        """Of what was found, what came out again."""
        return self.confirmed / self.found if self.found else float("nan")

    def row(self) -> dict[str, Any]:
        """Plain values, shares of what the domain keeps among them."""
        return {
            **asdict(self),
            "found_share": self.found / self.kept,
            "confirmed_share": self.confirmed / self.found if self.found else None,
            "by_chance_share": self.by_chance / self.found if self.found else None,
            "floor_share": self.floor / self.kept,
        }


def can_be_asked(run: Run, prune: PruneSpec) -> bool:
    """Whether halves have masks: a score of one domain's text alone, two domains, two groups."""
    return (
        prune.reads_text
        and prune.score != "contrastive"
        and prune.starved == "magnitude"
        and len(run.domains) > 1
        and run.spec.sample.groups > 1
    )


def is_quick(run: Run, prune: PruneSpec, others: PruneSpec | None = None) -> bool:
    """Whether `replications` answers within seconds."""
    return is_small(run) or _kept(run, prune, others or prune).is_there()


def replications(
    run: Run, prune: PruneSpec, others: PruneSpec | None = None, report: Report = ignore
) -> tuple[Replication, ...]:
    """Of every domain; kept with the run and read back.

    prune: of the domain's masks; others: of those whose weights are taken from it, where they are not
    the same (sharp regions). Only for what `can_be_asked`.
    """
    taken = others or prune
    return _kept(run, prune, taken).get(
        lambda: [asdict(each) for each in _count(run, prune, taken, report)],
        lambda rows: tuple(Replication(**row) for row in rows),
    )


def replicated(
    run: Run,
    prune: PruneSpec,
    spec: SharpSpec,
    report: Report = ignore,
    *,
    only_quick: bool = False,
) -> dict[str, tuple[Replication, ...]]:
    """What a region's weights are -> what came out again, of exclusive and of sharp regions.

    Nothing of what cannot be asked; with `only_quick`, nothing that would take long.
    """
    if not can_be_asked(run, prune):
        return {}
    asked = {EXCLUSIVE: (prune, prune)}
    if spec.top < 1 and spec.others_top < 1:
        own, others = (prune.ranked(round(1 - share, 6)) for share in (spec.top, spec.others_top))
        asked[SHARP] = (own, others)
    return {
        what: replications(run, own, others, report)
        for what, (own, others) in asked.items()
        if not only_quick or is_quick(run, own, others)
    }


def replication_sentence(
    found: tuple[Replication, ...], what: str, name: Callable[[str], str] = str
) -> str:
    """How much of the domains' regions comes out again. what: what the region's weights are."""
    whole, again = sum(each.found for each in found), sum(each.confirmed for each in found)
    if not whole:
        return f"On half of the text, no domain has {what}."
    chance = sum(each.by_chance for each in found) / whole
    floor = sum(each.floor for each in found) / sum(each.kept for each in found)
    share = whole / sum(each.kept for each in found)
    known = [each for each in found if each.found]
    most = max(known, key=lambda each: each.confirmed_share)
    return (
        f"Of the {what} found on one half of the text, {again / whole:.0%} are found again on the other "
        f"half ({chance:.1%} if they lay anywhere); most of {name(most.domain)}'s, "
        f"{most.confirmed_share:.0%}. They are {share:.1%} of what masks of half the text keep; two "
        f"halves of one domain, which have no such weights, differ in {floor:.1%}."
    )


def _kept(run: Run, prune: PruneSpec, others: PruneSpec) -> Kept:
    asked = [prune.to_json(), others.to_json()]
    return Kept.of(run.folder / FOLDER, asked, "replication-")


def _count(
    run: Run, prune: PruneSpec, others: PruneSpec, report: Report
) -> tuple[Replication, ...]:
    norms = {}
    for domain in run.domains:
        stats = run.stats(domain)
        for half in HALVES:
            norms[f"{half} {domain}"] = norms_of(stats.subset(range(half, stats.groups, 2)))
    meter = Meter(report, "Seeking the regions again", len(selected_weights(run, prune)))
    second = masks_from_norms(run, others, norms) if others != prune else None
    found: dict[str, list[Replication]] = {domain: [] for domain in run.domains}
    for weight, masks in masks_from_norms(run, prune, norms):
        taken = masks if second is None else next(second)[1]
        parts = [_regions(run.domains, half, masks, taken) for half in HALVES]
        for domain, of_domain in found.items():
            one, other = (part[domain] for part in parts)
            own, again = (masks[f"{half} {domain}"] for half in HALVES)
            of_domain.append(
                Replication(
                    domain=domain,
                    kept=own.count(),
                    found=one.count(),
                    confirmed=one.both(other),
                    by_chance=one.count() * other.count() / (weight.shape[0] * weight.shape[1]),
                    floor=own.count() - own.both(again),
                )
            )
        meter.step(str(weight.key))
    return tuple(_sum(of_domain) for of_domain in found.values())


def _sum(parts: Sequence[Replication]) -> Replication:
    """Of all matrices, from those of each."""
    return Replication(
        domain=parts[0].domain,
        kept=sum(each.kept for each in parts),
        found=sum(each.found for each in parts),
        confirmed=sum(each.confirmed for each in parts),
        by_chance=sum(each.by_chance for each in parts),
        floor=sum(each.floor for each in parts),
    )


def _regions(
    domains: tuple[str, ...], half: int, masks: Mapping[str, Mask], taken: Mapping[str, Mask]
) -> dict[str, Mask]:
    """Domain -> its region in one matrix, by the masks of one half of every domain."""
    own, others = ({domain: of[f"{half} {domain}"] for domain in domains} for of in (masks, taken))
    return regions(own, others)
