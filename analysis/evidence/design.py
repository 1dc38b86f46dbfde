"""What may be shuffled: units of two domains that would be alike if the domains were.

A permutation test is right where, without a difference, every relabelling of its units is as likely
as the one observed. Groups of documents are such units if they are random draws of the same size. So

- groups that share a source (a cluster, such as one repository's files) are one unit;
- where two domains share problems (the same tasks in two languages), labels change places only
  between units that share them: what is tested then is the language, not the choice of tasks;
- where one domain has less text, its units are joined and as many of the other's are drawn, until
  both have equally many of about one size; each is then weighed to the same number of tokens.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.resampling import relabelings
from pruning.runs.statistics import ChannelStats

Float = NDArray[np.float64]
Integer = NDArray[np.int64]
Names = Sequence[frozenset[Hashable]]

UNEVEN = 0.05  # tokens of units may differ by this share and count as equal
FEWEST = 4  # units of each domain that joining leaves, as long as there are so many
FEW_SOURCES = 8  # units of sources in a domain; below this, single sources decide


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Where the documents of a domain's groups come from, a set for each group; () if not known.

    clusters: the sources that a group's documents come from. problems: the problems they treat.
    """

    clusters: Names = ()
    problems: Names = ()


UNKNOWN = Origins()


@dataclass(frozen=True, kw_only=True)
class Design:
    """How the groups of two domains, one after the other, are shuffled.

    members: (units, groups), how much each group counts in each unit. labels: (permutations,
    units), 1 = belongs to the first domain; own: (units,), the labels as they are. smallest_p: the
    least p that units and permutations allow. equalised: both domains were cut to equal text.
    clustered: units are whole sources. blocked: labels change places between shared problems only.
    """

    members: Float
    own: Float
    labels: Float
    smallest_p: float
    equalised: bool = False
    clustered: bool = False
    blocked: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether every group is a unit of its own and counts with all of its text."""
        return len(self.members) == self.members.shape[1] and bool(
            np.array_equal(self.members, np.eye(len(self.members)))
        )

    @property
    def units(self) -> tuple[int, int]:
        """How many of the two domains."""
        first = int(self.own.sum())
        return first, len(self.own) - first


def text_tokens(stats: ChannelStats) -> Float:
    """A measure of each group's length: (groups,), the mean over inputs of the tokens counted."""
    return np.mean([stats.tokens[key] for key in stats.sum_sq], axis=0)


def half_sizes(tokens: Sequence[Float]) -> tuple[int, ...]:
    """How many groups make a half of each domain, so that the halves of all are equally long.

    tokens: of every domain's groups. Half of the groups, where the domains have the same text.
    """
    means = [float(each.mean()) for each in tokens]
    least = min((len(each) // 2) * mean for each, mean in zip(tokens, means, strict=True))
    return tuple(
        min(max(round(least / mean), 1), len(each) // 2)
        for each, mean in zip(tokens, means, strict=True)
    )


def design(
    first: Float,
    second: Float,
    permutations: int,
    random: np.random.Generator,
    origins: tuple[Origins, Origins] = (UNKNOWN, UNKNOWN),
) -> Design:
    """How to shuffle two domains' groups. first, second: the tokens of their groups."""
    sides = [
        _joined(origin.clusters, len(own))
        for origin, own in zip(origins, (first, second), strict=True)
    ]
    clustered = any(len(side) < side.shape[1] for side in sides)
    lengths = [side @ own for side, own in zip(sides, (first, second), strict=True)]
    everything = np.concatenate(lengths)
    equalised = bool(everything.min() < (1 - UNEVEN) * everything.max())
    blocks = _blocks(origins, sides)
    if equalised:
        if blocks is None:
            sides = _equal_units(sides, lengths, random)
        lengths = [side @ own for side, own in zip(sides, (first, second), strict=True)]
        mean = float(np.concatenate(lengths).mean())
        sides = [
            side * (mean / np.maximum(own, 1))[:, None]
            for side, own in zip(sides, lengths, strict=True)
        ]
    counts = [len(side) for side in sides]
    members = np.zeros((sum(counts), len(first) + len(second)))
    members[: counts[0], : len(first)], members[counts[0] :, len(first) :] = sides
    own = np.concatenate([np.ones(counts[0]), np.zeros(counts[1])])
    if blocks is None:
        labels = relabelings(counts[0], counts[1], permutations, random)
        blocks = np.zeros(len(own), dtype=np.int64)
        blocked = False
    else:
        labels, blocked = _within(blocks, own, permutations, random), True
    return Design(
        members=members,
        own=own,
        labels=labels,
        smallest_p=max(1 / (permutations + 1), 1 / _distinct(blocks, own)),
        equalised=equalised,
        clustered=clustered,
        blocked=blocked,
    )


def components(names: Names) -> Integer:
    """Numbers of the sets that hang together by shared names, in order of their first: (sets,)."""
    found = np.arange(len(names))
    holder: dict[Hashable, int] = {}
    for number, of_set in enumerate(names):
        for name in of_set:
            other = holder.setdefault(name, number)
            found[found == found[number]] = found[other]
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _joined(clusters: Names, groups: int) -> Float:
    """Membership of groups in units, those that share a cluster in one: (units, groups)."""
    if len(clusters) != groups:
        return np.eye(groups)
    of_group = components(clusters)
    return (np.arange(of_group.max() + 1)[:, None] == of_group).astype(np.float64)


def _blocks(origins: tuple[Origins, Origins], sides: Sequence[Float]) -> Integer | None:
    """The block of every unit of both domains; None where some unit shares no problem with the other
    domain, so that it could not change places, or where all units hang together.

    Blocks hold as many units of one domain as of the other where the same problems were drawn.
    """
    if any(len(each.problems) != side.shape[1] for each, side in zip(origins, sides, strict=True)):
        return None
    names = [
        frozenset().union(*(each.problems[int(group)] for group in np.flatnonzero(unit)))
        for each, side in zip(origins, sides, strict=True)
        for unit in side
    ]
    found = components(names)
    first = len(sides[0])
    all_shared = set(found[:first].tolist()) == set(found[first:].tolist())
    return found if all_shared and found.max() > 0 else None


def _equal_units(
    sides: Sequence[Float], lengths: Sequence[Float], random: np.random.Generator
) -> list[Float]:
    """Equally many units of both domains, of about one length: the shorter joined, the longer drawn.

    Joining stops where it would leave fewer than FEWEST units; weights do the rest.
    """
    means = [float(each.mean()) for each in lengths]
    short = int(np.argmin(means))
    fewest = max(len(sides[short]) // FEWEST, 1)
    at_once = min(max(round(means[1 - short] / max(means[short], 1.0)), 1), fewest)
    count = min(len(sides[short]) // at_once, len(sides[1 - short]))
    order = random.permutation(len(sides[short]))[: count * at_once]
    joined = sides[short][order].reshape(count, at_once, -1).sum(axis=1)
    drawn = sides[1 - short][random.permutation(len(sides[1 - short]))[:count]]
    return [joined, drawn] if short == 0 else [drawn, joined]


def _within(blocks: Integer, own: Float, permutations: int, random: np.random.Generator) -> Float:
    """Labels shuffled within blocks: (permutations, units)."""
    labels = np.tile(own, (permutations, 1))
    for block in np.unique(blocks):
        here = np.flatnonzero(blocks == block)
        labels[:, here] = random.permuted(labels[:, here], axis=1)
    return labels


def _distinct(blocks: Integer, own: Float) -> float:
    """How many different splits of the units into two the shuffles can make."""
    counts = [(int(np.sum(blocks == b)), int(own[blocks == b].sum())) for b in np.unique(blocks)]
    ways = math.prod(math.comb(of, first) for of, first in counts)
    mirrored = all(2 * first == of for of, first in counts)
    return ways / 2 if mirrored else float(ways)
