"""The answers about cause along the sparsity axis: what has been found at other sparsities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from analysis.cause.findings import is_own
from analysis.cause.results import Cause, records
from analysis.cause.spec import CauseSpec, Region
from pruning.runs.run import Run
from pruning.specs import PruneSpec

AtSparsities = Mapping[float, Cause]


def stored_at_sparsities(run: Run, prune: PruneSpec, spec: CauseSpec) -> dict[float, Cause]:
    """What was found of such regions at each sparsity, where it was looked at hardest.

    Of `spec`, the kind of region counts, and its shares. Empty for an n:m pattern, whose sparsity
    is its own.
    """
    if prune.block is not None:
        return {}
    hardest: dict[float, tuple[CauseSpec, dict]] = {}
    for other, asked, record in records(run):
        if other.block is not None:  # at no sparsity but its own
            continue
        alike = replace(other, sparsity=prune.sparsity) == prune and kind(asked) == kind(spec)
        before = hardest.get(other.sparsity)
        if alike and (before is None or before[0].effort < asked.effort):
            hardest[other.sparsity] = (asked, record)
    return {at: Cause.from_json(hardest[at][1]) for at in sorted(hardest)}


def kind(spec: CauseSpec) -> tuple[Region, float, float]:
    """Which weights are removed, however hard it is looked; the shares are those of sharp regions."""
    shares = (spec.top, spec.others_top) if spec.region == "sharp" else (0.0, 0.0)
    return spec.region, *shares


def sparsity_sentence(found: AtSparsities, name: Callable[[str], str] = str) -> str:
    """Whose regions are shown to be their own, sparsity by sparsity."""
    said = []
    for at in sorted(found):
        own = [name(row.domain) for row in found[at].domains if is_own(row)]
        said.append(f"at {at:.0%} {', '.join(own) or 'none'}")
    return f"Regions shown to be their domain's own: {'; '.join(said)}."
