"""What the structure of a run's domains says, in plain sentences made of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analysis.structure.channels import LoudChannel
from analysis.structure.families import SAME, Families
from analysis.structure.regions import RegionCounts
from analysis.structure.sharp import SharpRegions, SharpSpec
from analysis.structure.sparsity import RegionCurves
from pruning.specs import WeightKey

Name = Callable[[str], str]


def families_sentence(found: Families, name: Name = str) -> str:
    """Who is closest, and where the tree splits last."""
    merges = found.merges
    first, last = merges[0], merges[-1]
    if last.height < SAME:
        return "All domains have the same mask, so there is nothing to tell apart."
    closest = f"Most alike are {_listing(first.members, name)} (distance {first.height:.3f})."
    if len(merges) == 1:
        return f"{_listing(last.members, name)} are {last.height:.3f} apart."
    sides = (below(found, int(found.tree[-1, column])) for column in (0, 1))
    one, other = (_listing(side, name) for side in sides)
    return f"{closest} The deepest split parts {one} from {other}, {last.height:.3f} apart."


def trust_sentence(found: Families) -> str:
    """How far the tree and the map can be trusted; empty where there is nothing to say."""
    parts = []
    if found.cophenetic is not None:
        parts.append(
            "The heights of the tree agree with the distances at a cophenetic correlation of "
            f"{found.cophenetic:.3f}."
        )
    if found.explained is not None:
        parts.append(f"The map shows {found.explained:.0%} of the squared distances.")
    return " ".join(parts)


def below(found: Families, node: int) -> tuple[str, ...]:
    """The domains under a node of scipy's linkage matrix, in leaf order."""
    if node < len(found.domains):
        return (found.domains[node],)
    return found.merges[node - len(found.domains)].members


def core_sentence(regions: RegionCounts) -> str:
    """How much of what any domain keeps is kept by all."""
    core = regions.share(regions.core, regions.kept_by_any)
    chance = regions.share(regions.core, regions.kept_by_any, expected=True)
    count = len(regions.domains)
    everyone = "both" if count == 2 else f"all {count} domains"
    if core != core:  # nothing is kept at all
        return "No domain keeps any weight at this sparsity."
    return (
        f"Of the weights that some domain keeps, {core:.1%} are kept by {everyone}; of independent "
        f"masks of the same densities it would be {chance:.1%}."
    )


def exclusive_sentence(regions: RegionCounts, name: Name = str) -> str:
    """Which domain has the most, and which the fewest, weights of its own."""
    shares = {
        domain: regions.share(regions.exclusive(domain), regions.kept_by(domain))
        for domain in regions.domains
    }
    if len(shares) < 2 or not all(share == share for share in shares.values()):
        return "There is no weight that one domain could keep alone."
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    chance = regions.share(regions.exclusive(most), regions.kept_by(most), expected=True)
    spread = (
        f"Of what {name(most)} keeps, {shares[most]:.1%} is kept by no other domain, the most of "
        f"all; of what {name(least)} keeps, {shares[least]:.1%}, the least."
        if shares[most] > shares[least]
        else f"Of what each domain keeps, {shares[most]:.1%} is kept by no other."
    )
    return f"{spread} Of independent masks it would be {chance:.1%}."


def largest_region_sentence(regions: RegionCounts, name: Name = str) -> str:
    """The largest region that some, but not all, domains keep; empty if there is none."""
    counts, expected = regions.counts.sum(axis=0), regions.expected.sum(axis=0)
    shared = regions.kept_by_any[:-1]
    region = max(shared.tolist(), key=lambda r: (counts[r], -r), default=0)
    if not counts[region] or not region:
        return ""
    kept = regions.members[region]
    members = [d for d, keeps in zip(regions.domains, kept, strict=True) if keeps]
    others = [d for d, keeps in zip(regions.domains, kept, strict=True) if not keeps]
    total = counts.sum()
    if len(others) < len(members):
        who = f"every domain but {_listing(others, name)} keeps"
    else:
        verb = "keep" if len(members) > 1 else "keeps"
        who = f"{_listing(members, name)} {verb} and no other domain does"
    return (
        f"Apart from the core, the largest region is what {who}: {counts[region] / total:.2%} of "
        f"all weights, against {expected[region] / total:.2%} in independent masks."
    )


def number_sentence(regions: RegionCounts) -> str:
    """How many weights the domains agree on, kept or pruned."""
    share, chance = regions.by_number(), regions.by_number(expected=True)
    return (
        f"Every domain keeps {share[-1]:.1%} of all weights and every domain prunes "
        f"{share[0]:.1%}: on {share[0] + share[-1]:.0%} they agree. Independent masks would agree "
        f"on {chance[0] + chance[-1]:.1%}."
    )


def sparsity_sentence(curves: RegionCurves) -> str:
    """How the core changes with the sparsity."""
    core = curves.core_share()
    return (
        f"The core goes from {core[10]:.1%} at 10% sparsity over {core[50]:.1%} at 50% to "
        f"{core[90]:.1%} at 90%: the share of what any domain keeps that all of them keep."
    )


def extremes_sentence(
    layers: Sequence[int], projections: Sequence[str], cells: NDArray[np.float64]
) -> str:
    """In which matrices (L, P) a share is highest and lowest; empty if there is none."""
    if not np.isfinite(cells).any():
        return ""

    def place(flat: np.intp) -> str:
        row, column = divmod(int(flat), cells.shape[1])
        return f"{cells[row, column]:.1%} in {projections[column]} of layer {layers[row]}"

    most, least = np.nanargmax(cells), np.nanargmin(cells)
    if np.nanmax(cells) - np.nanmin(cells) < 5e-4:
        return "It is the same everywhere."
    return f"Highest: {place(most)}. Lowest: {place(least)}."


def sharp_sentence(sharp: SharpRegions, spec: SharpSpec, name: Name = str) -> str:
    """The domain with the largest sharp region, its size and how concentrated it is."""
    shares = {domain: sharp.share_of_top(domain) for domain in sharp.domains}
    most = max(shares, key=lambda domain: (shares[domain] == shares[domain], shares[domain]))
    if not shares[most] > 0:
        return "No domain has a sharp region: every top weight is another domain's, too."
    return (
        f"The largest sharp region is {name(most)}'s: of the top {spec.top * 100:g}% of weights by "
        f"its scores, {shares[most]:.1%} are in no other domain's top {spec.others_top * 100:g}%. "
        f"These are {sharp.share_of_weights(most):.2%} of all weights, and "
        f"{sharp.concentration(most):.0%} of them sit in the fullest 1% of the input channels."
    )


def loudest_sentence(
    ratios: Mapping[WeightKey, Sequence[LoudChannel]], a: str, b: str, name: Name = str
) -> str:
    """The channel whose norm differs most, over all inputs given."""
    channels = [(key, loud) for key, found in ratios.items() for loud in found]
    if not channels:
        return f"No channel is known to differ between {name(a)} and {name(b)}."
    key, loud = max(channels, key=lambda entry: max(entry[1].ratio, 1 / entry[1].ratio))
    louder, quieter = (a, b) if loud.ratio > 1 else (b, a)
    ends = (loud.low, loud.high) if loud.ratio > 1 else (1 / loud.high, 1 / loud.low)
    return (
        f"Channel {loud.channel} of the input of {key.name} in layer {key.layer} differs most: it "
        f"is {max(loud.ratio, 1 / loud.ratio):.1f} times as loud on {name(louder)} as on "
        f"{name(quieter)} (95% interval {ends[0]:.1f} to {ends[1]:.1f})."
    )


def _listing(members: Sequence[str], name: Name) -> str:
    names = [name(member) for member in members]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
