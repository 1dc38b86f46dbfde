"""Is the calibration large enough? How much a mask still changes as groups of documents are added.

Of every domain, masks from k of its G groups, drawn at random again and again:

- with_all: their overlap with the mask of all groups. It rises to 1 at k = G by construction,
  as the k groups are among the G;
- disjoint: the overlap of the masks of two sets of k groups that share none. This one says how
  alike two calibrations of that size are, and it is known up to k = G / 2.

Everything comes from the stored sums, without a forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.comparisons import EvidenceSpec
from analysis.evidence.resampling import (
    GroupSums,
    SampledRows,
    check_resampling,
    count_both,
    each_matrix,
    masks_of,
)
from pruning.errors import InputError
from pruning.progress import Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import PruneSpec
from pruning.specs.plain import Plain

Float = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LearningPoint:
    """Masks from `groups` groups; overlaps are Jaccard of kept sets, means over the draws.

    *_spread: the standard deviation over draws. disjoint: None where two sets of this size do not
    fit into the domain's groups.
    """

    groups: int
    with_all: float
    with_all_spread: float
    disjoint: float | None = None
    disjoint_spread: float | None = None


@dataclass(frozen=True, kw_only=True)
class LearningCurve(Plain):
    """One domain's masks from more and more of its groups. tokens: of its whole text."""

    domain: str
    groups: int
    tokens: int
    points: tuple[LearningPoint, ...]

    @property
    def half(self) -> LearningPoint:
        """The point at half of the groups."""
        return next(point for point in self.points if point.groups == self.groups // 2)


def changed_share(jaccard: float) -> float:
    """Of two masks that keep equally many weights: the share of one's that the other prunes.

    With k kept by each and s by both, J = s / (2k - s), so 1 - s/k = (1 - J) / (1 + J).
    """
    return (1 - jaccard) / (1 + jaccard)


def sizes(groups: int) -> tuple[int, ...]:
    """The numbers of groups that are tried: powers of two below `groups`, and its half."""
    powers = {2**exponent for exponent in range(groups.bit_length()) if 2**exponent < groups}
    return tuple(sorted(powers | {groups // 2}))


def nested_sets(groups: int, draws: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Sets of groups for every size: (sizes, draws, 2, groups) of 0 and 1.

    The second set shares no group with the first; it is empty where there is no room. In one
    draw a larger first set holds the smaller ones, as when text is added.
    """
    tried = sizes(groups)
    members = np.zeros((len(tried), draws, 2, groups))
    for draw in range(draws):
        order = random.permutation(groups)
        for number, size in enumerate(tried):
            members[number, draw, 0, order[:size]] = 1
            if 2 * size <= groups:
                members[number, draw, 1, order[size : 2 * size]] = 1
    return members


def learning_curves(
    run: Run, prune: PruneSpec, spec: EvidenceSpec, report: Report = ignore
) -> tuple[LearningCurve, ...]:
    """The curve of every domain of a run; stored with the run and read back.

    Of `spec`, `splits` says how many draws, `rows` and `seed` as for evidence. Raises InputError
    for a score or comparison group that this cannot be asked of, or a run of one group.
    """
    stored = stored_learning_curves(run, prune, spec)
    if stored is not None:
        return stored
    check_resampling(prune)
    stats = {domain: run.stats(domain) for domain in run.domains}
    if min(each.groups for each in stats.values()) < 2:
        raise InputError("A learning curve needs at least 2 groups of documents; calibrate again.")
    random = np.random.default_rng(spec.seed)
    sets = {name: nested_sets(each.groups, spec.splits, random) for name, each in stats.items()}

    def count(sampled: SampledRows) -> dict[str, Float]:
        return {name: _count(sampled, stats[name], sets[name], prune) for name in stats}

    stage = "Adding text step by step"
    parts = each_matrix(run, prune, spec.rows, spec.seed, count, report, stage)
    tokens = _tokens(run)
    curves = tuple(
        _curve(name, each.groups, tokens[name], np.sum([part[name] for part in parts], axis=0))
        for name, each in stats.items()
    )
    _kept(run, prune, spec).write([asdict(curve) for curve in curves])
    return curves


def stored_learning_curves(
    run: Run, prune: PruneSpec, spec: EvidenceSpec
) -> tuple[LearningCurve, ...] | None:
    """What `learning_curves` found before; None if it was not asked yet."""
    tokens = _tokens(run)  # older files have one expert's tokens there

    def rebuild(data: list[dict[str, Any]]) -> tuple[LearningCurve, ...]:
        own = ({**curve, "tokens": tokens[curve["domain"]]} for curve in data)
        return tuple(map(LearningCurve.from_json, own))

    return _kept(run, prune, spec).find(rebuild)


def _tokens(run: Run) -> dict[str, int]:
    return {name: run.manifest.domains[name].tokens for name in run.domains}


def _kept(run: Run, prune: PruneSpec, spec: EvidenceSpec) -> Kept:
    asked = [prune.to_json(), spec.splits, spec.rows, spec.seed]
    return Kept.of(run.folder / "evidence", asked, "learning-")


def _count(sampled: SampledRows, stats: ChannelStats, sets: Float, prune: PruneSpec) -> Float:
    """Of one matrix: (3, sizes, draws), kept by the first set and all, by both sets, by each."""
    sums = GroupSums.of(stats, sampled.weight.input_key)
    counted = np.zeros((3, *sets.shape[:2]))
    for chunk in sampled.chunks():
        masks = masks_of(chunk, sums.drawn(sets), prune)  # (sizes, draws, 2, rows, words)
        every = masks_of(chunk, sums.drawn(np.ones(stats.groups)), prune)
        counted[0] += count_both(masks[:, :, 0], every)
        counted[1] += count_both(masks[:, :, 0], masks[:, :, 1])
        counted[2] += count_both(every, every)
    return counted * sampled.scale


def _curve(domain: str, groups: int, tokens: int, counted: Float) -> LearningCurve:
    """counted: (3, sizes, draws), added over matrices."""
    with_all, disjoint, kept = counted
    points = []
    for number, size in enumerate(sizes(groups)):
        near = _mean_and_spread(with_all[number] / (2 * kept[number] - with_all[number]))
        apart: Sequence[float | None] = (None, None)
        if 2 * size <= groups:
            apart = _mean_and_spread(disjoint[number] / (2 * kept[number] - disjoint[number]))
        points.append(
            LearningPoint(
                groups=size,
                with_all=near[0],
                with_all_spread=near[1],
                disjoint=apart[0],
                disjoint_spread=apart[1],
            )
        )
    return LearningCurve(domain=domain, groups=groups, tokens=tokens, points=tuple(points))


def _mean_and_spread(values: Float) -> tuple[float, float]:
    """Over the draws; a single draw has no spread."""
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
