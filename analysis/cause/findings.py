"""The answers about cause in plain words: a sentence or two for every domain, and for the masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import fmean

from analysis.cause.contrasts import Contrast
from analysis.cause.results import Cause, DomainCause
from analysis.cause.spec import Region
from analysis.evidence.findings import CLEAR, p_value

Name = Callable[[str], str]
OWN_WEIGHTS = {
    "exclusive": "that its mask alone keeps",
    "sharp": "that score highest for it alone",
}
QUESTIONS = ("weights", "domains", "regions")


def holds(row: DomainCause, question: str) -> bool:
    """Whether the answer to one of `QUESTIONS` is a clear yes."""
    return row.p[question] < CLEAR


def is_own(row: DomainCause) -> bool:
    """Whether a region is truly its domain's own: all three answers are a clear yes."""
    return all(holds(row, question) for question in QUESTIONS)


def verdict(row: DomainCause, name: Name = str) -> str:
    """The shortest honest sentence about one domain's region."""
    domain = name(row.domain)
    if not row.weights:
        return f"{domain} has no such weight for itself."
    if is_own(row):
        return f"The region is {domain}'s own: removing it hurts {domain} most."
    if not holds(row, "weights"):
        return f"Nothing shows that {domain} needs these weights more than others of their size."
    if not holds(row, "domains") and not holds(row, "regions"):
        return f"{domain} needs these weights, but they are not its own."
    if not holds(row, "domains"):
        return f"{domain} needs these weights, but another domain may need them as much."
    return f"{domain} needs these weights most, but not clearly more than others' regions."


def facts(row: DomainCause, region: Region, name: Name = str) -> str:
    """What was removed, what that cost, and the three comparisons with their p-values."""
    domain, damage = name(row.domain), row.damage[row.domain]
    if not row.weights:
        return f"{domain} has no weights {OWN_WEIGHTS[region]}."
    return (
        f"Without the {row.weights:,} weights {OWN_WEIGHTS[region]} ({row.share:.2%} of all), "
        f"{domain} needs {bits(damage.value)} bits per byte more "
        f"(95% interval {bits(damage.low)} to {bits(damage.high)}). "
        f"{_against_weights(row)} {_against_domains(row, domain, name)} "
        f"{_against_regions(row)}"
    )


def _against_weights(row: DomainCause) -> str:
    """As many other weights: of the same magnitudes, and any."""
    same, any_size = fmean(row.matched[row.domain]), fmean(row.random)
    relation = "less than that" if holds(row, "weights") else "which is not clearly less"
    return (
        f"As many other weights of the same magnitudes cost it {bits(same)}, {relation} "
        f"(p = {p_value(row.p['weights'])}); weights drawn from all, {bits(any_size)}."
    )


def _against_domains(row: DomainCause, domain: str, name: Name) -> str:
    """The region's effect on the other domains, beyond that of the same draws."""
    rival = nearest(row.more_than_on)
    own = row.more_than_matched.difference
    theirs = bits(own - row.more_than_on[rival].difference)
    question = f"p = {p_value(row.p['domains'])}"
    if holds(row, "domains"):
        return (
            f"Beyond what such draws do, the region hurts {domain} more than any other domain: by "
            f"{bits(own)}, the next, {name(rival)}, by {theirs} ({question})."
        )
    return (
        f"Beyond what such draws do, the region does not clearly hurt {domain} most: {domain} by "
        f"{bits(own)}, {name(rival)} by {theirs} ({question})."
    )


def _against_regions(row: DomainCause) -> str:
    """As many weights of the other domains' regions."""
    if row.more_than_regions is None:
        return "No other domain has weights for itself to compare with."
    more = row.more_than_regions.difference
    relation = "more" if more >= 0 else "less"
    clearly = "clearly" if holds(row, "regions") else "not clearly"
    return (
        f"Weight for weight it does {bits(abs(more))} {relation} than the other domains' regions, on "
        f"average: {clearly} more (p = {p_value(row.p['regions'])})."
    )


def nearest(contrasts: Mapping[str, Contrast]) -> str:
    """The other domain with the least difference."""
    return min(contrasts, key=lambda other: contrasts[other].difference)


def quality(found: Cause) -> str:
    """Whether masks that are further apart serve each other's domains worse."""
    test = found.mantel
    if test.correlation is None or test.p is None:
        return (
            "Whether overlap predicts quality cannot be asked of fewer than three domains, or of "
            "masks that are all equally far apart."
        )
    tried = "all" if test.exact else "drawn"
    numbers = (
        f"Spearman's rank correlation {test.correlation:.2f} over {len(found.borrowed)} ordered "
        f"pairs, p = {p_value(test.p)} by Mantel's test over {test.relabellings:,} ({tried}) "
        f"relabellings of the domains; the smallest p possible is {p_value(test.smallest_p)}"
    )
    if test.p < CLEAR:
        return f"The further apart two masks are, the more it costs to swap them: {numbers}."
    if test.smallest_p >= CLEAR:
        return f"There are too few domains to tell whether overlap predicts quality: {numbers}."
    return f"No evidence that masks further apart cost more to swap: {numbers}."


def bits(value: float) -> str:
    """Bits per byte with as many digits as a small damage needs."""
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.3f}"
