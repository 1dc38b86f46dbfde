"""The answers about cause, kept with the run: what every removal costs, and what that says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import numpy as np

from analysis.cause.contrasts import Contrast, Damage, Damages, average, contrast
from analysis.cause.mantel import Mantel, mantel
from analysis.cause.measurements import Measured, measure
from analysis.cause.spec import REGIONS, CauseSpec, Removal
from analysis.evidence.yardsticks import adjusted_p
from analysis.overlap.table import overlap_table
from pruning.progress import Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import PruneSpec
from pruning.specs.plain import Plain

FOLDER = "cause"  # in the run's


@dataclass(frozen=True, kw_only=True)
class DomainCause(Plain):
    """One domain's region, removed. Bits per byte; evaluated domains are the mappings' keys.

    weights: of the region, and their share of all. damage: on every domain. matched: damage of every
    draw of as many other weights of the same magnitudes, on every domain; random: of weights of any
    magnitude, on this domain.
    more_than_random, more_than_matched: the region's damage on this domain against the draws'.
    more_than_on: the same excess over matched draws, on this domain against on another.
    more_than_of: on this domain, as many weights of its region against as many of another's, for
    those that have any; more_than_regions: their mean, None if there are none.
    p: of the three questions: "weights", of more_than_matched; "domains", the largest of
    more_than_on; "regions", of more_than_regions; each adjusted for asking about every domain.
    """

    domain: str
    weights: int
    share: float
    damage: Mapping[str, Damage]
    matched: Mapping[str, tuple[float, ...]]
    random: tuple[float, ...]
    more_than_random: Contrast
    more_than_matched: Contrast
    more_than_on: Mapping[str, Contrast]
    more_than_of: Mapping[str, Contrast]
    more_than_regions: Contrast | None
    p: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Borrowed:
    """A domain run on another one's mask. distance: 1 - Jaccard of the kept sets of the two masks.

    excess: bits per byte more than on its own mask.
    """

    mask_of: str
    evaluated: str
    distance: float
    excess: Damage


@dataclass(frozen=True, kw_only=True)
class Cause(Plain):
    """dense: bits per byte of the unchanged model. documents: held out, of every domain."""

    dense: Mapping[str, float]
    documents: Mapping[str, int]
    domains: tuple[DomainCause, ...]
    borrowed: tuple[Borrowed, ...]
    mantel: Mantel

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild from what is stored, which also says what was asked."""
        return super().from_json({field.name: data[field.name] for field in fields(cls)})


def cause(run: Run, prune: PruneSpec, spec: CauseSpec, report: Report = ignore) -> Cause:
    """Measure what is missing, and answer; kept with the run and read back.

    Raises InputError as `measure` does.
    """
    stored = stored_cause(run, prune, spec)
    if stored is not None:
        return stored
    measured = measure(run, prune, spec, report)
    distance = 1 - overlap_table(run, prune, report).jaccard()
    found = answer(measured, run.domains, distance, spec)
    asked = {"prune": prune.to_json(), "spec": spec.to_json()}
    _kept(run, prune, spec).write({**asked, **asdict(found)})
    return found


def stored_cause(run: Run, prune: PruneSpec, spec: CauseSpec) -> Cause | None:
    """What `cause` found before; None if it was not asked yet."""
    return _kept(run, prune, spec).find(Cause.from_json)


def stored_causes(run: Run, prune: PruneSpec) -> dict[CauseSpec, Cause]:
    """What was found for these masks: of every kind of region, where it was looked at hardest."""
    hardest: dict[str, tuple[CauseSpec, dict[str, Any]]] = {}
    for of, spec, record in records(run):
        other = hardest.get(spec.region)
        if of == prune and (other is None or other[0].effort < spec.effort):
            hardest[spec.region] = (spec, record)
    return {
        spec: Cause.from_json(record)
        for spec, record in (hardest[region] for region in REGIONS if region in hardest)
    }


def records(run: Run) -> Iterator[tuple[PruneSpec, CauseSpec, dict[str, Any]]]:
    """Everything that `cause` found in a run, as it is stored, with the masks and what was asked."""
    for path in sorted((run.folder / FOLDER).glob("*.json")):
        record = Kept(path).read(dict)
        if "prune" in record:
            yield PruneSpec.from_json(record["prune"]), CauseSpec.from_json(record["spec"]), record


def _kept(run: Run, prune: PruneSpec, spec: CauseSpec) -> Kept:
    return Kept.of(run.folder / FOLDER, [prune.to_json(), spec.to_json()])


def answer(
    measured: Measured, domains: tuple[str, ...], distance: np.ndarray, spec: CauseSpec
) -> Cause:
    """From measurements to answers. distance: (D, D), of the domains' masks."""
    damages = Damages(measured, spec.bootstraps, spec.seed)
    borrowed = _borrowed(damages, domains, distance)
    excess = np.zeros((len(domains), len(domains)))
    for row in borrowed:
        excess[domains.index(row.mask_of), domains.index(row.evaluated)] = row.excess.value
    return Cause(
        dense={domain: damages.dense(domain) for domain in domains},
        documents=damages.documents,
        domains=_adjusted(
            [_domain(domain, damages, measured, domains, spec) for domain in domains]
        ),
        borrowed=borrowed,
        mantel=mantel(distance, excess, seed=spec.seed),
    )


def _domain(
    domain: str, damages: Damages, measured: Measured, domains: tuple[str, ...], spec: CauseSpec
) -> DomainCause:
    others = [name for name in domains if name != domain]
    count = damages.documents
    region = Removal(kind="region", domain=domain)
    of_region = {name: damages.of(region, name) for name in domains}
    draws = range(spec.draws)
    matched = [Removal(kind="matched", domain=domain, draw=draw) for draw in draws]
    of_matched = {name: [damages.of(each, name) for each in matched] for name in domains}
    random = [Removal(kind="random", domain=domain, draw=draw) for draw in draws]
    of_random = [damages.of(each, domain) for each in random]
    more_than_matched = contrast(of_region[domain], of_matched[domain], count[domain])
    more_than_on = {
        name: contrast(
            of_region[domain] - of_region[name],
            [a - b for a, b in zip(of_matched[domain], of_matched[name], strict=True)],
            min(count[domain], count[name]),
        )
        for name in others
    }
    parts = {
        name: damages.of(
            Removal(kind="part", domain=domain, partner=name),
            domain,
            than=Removal(kind="part", domain=name, partner=domain),
        )
        for name in others
        if measured.sizes[domain] and measured.sizes[name]
    }
    more_than_regions = average(list(parts.values()), count[domain]) if parts else None
    return DomainCause(
        domain=domain,
        weights=measured.sizes[domain],
        share=measured.sizes[domain] / measured.total,
        damage={name: damages.damage(region, name) for name in domains},
        matched={name: tuple(float(v[0]) for v in values) for name, values in of_matched.items()},
        random=tuple(float(values[0]) for values in of_random),
        more_than_random=contrast(of_region[domain], of_random, count[domain]),
        more_than_matched=more_than_matched,
        more_than_on=more_than_on,
        more_than_of={name: average([each], count[domain]) for name, each in parts.items()},
        more_than_regions=more_than_regions,
        p={
            "weights": more_than_matched.p,
            "domains": max(each.p for each in more_than_on.values()),
            "regions": more_than_regions.p if more_than_regions else 1.0,
        },
    )


def _adjusted(rows: list[DomainCause]) -> tuple[DomainCause, ...]:
    """Every question's p adjusted over the domains (Benjamini & Hochberg)."""
    adjusted = {question: adjusted_p([row.p[question] for row in rows]) for question in rows[0].p}
    return tuple(
        replace(row, p={question: float(values[number]) for question, values in adjusted.items()})
        for number, row in enumerate(rows)
    )


def _borrowed(
    damages: Damages, domains: tuple[str, ...], distance: np.ndarray
) -> tuple[Borrowed, ...]:
    masks = {domain: Removal(kind="mask", domain=domain) for domain in domains}
    return tuple(
        Borrowed(
            mask_of=lender,
            evaluated=domain,
            distance=float(distance[row, column]),
            excess=damages.damage(masks[lender], domain, than=masks[domain]),
        )
        for row, lender in enumerate(domains)
        for column, domain in enumerate(domains)
        if lender != domain
    )
