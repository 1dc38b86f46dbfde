"""What the structure of a run's domains says, in plain sentences made of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from analysis.structure.channels import LoudChannel
from analysis.structure.families import SAME, Families
from analysis.structure.regions import RegionCounts
from analysis.structure.sharp import SharpRegions, SharpSpec
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
        return f"No channel differs between {name(a)} and {name(b)}."
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
