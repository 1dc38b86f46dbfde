"""What an evaluation says of how special the domains' masks are, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.evaluation.paired_tests import CLEAR
from analysis.evaluation.specialisation import Cost, Specialisations
from analysis.evaluation.table import Result

Name = Callable[[str], str]
NOT_MEASURED = (
    "What the difference does to the model was not measured at these settings (Evaluate does that)."
)


def specialisation_sentences(found: Specialisations, name: Name = str) -> list[str]:
    """Overall, by domain, against the mixture, and beside another draw."""
    said = [
        "On a domain's held-out text, the masks of the other domains need "
        f"{more(found.share)} bits than its own, on average (95% interval {found.low:+.1%} to "
        f"{found.high:+.1%}; p = {found.p:.2g} from giving the masks to other texts, of which the least "
        f"possible is {found.smallest_p:.2g})."
    ]
    clear = [name(each.domain) for each in found.domains if each.is_clear]
    which = f": {', '.join(clear)}" if clear else ""
    said.append(
        f"The own mask is clearly better than the others on average in {len(clear)} of "
        f"{len(found.domains)} domains (p below "
        f"{CLEAR:g} after Holm, and more than another draw of its text changes){which}."
    )
    mixtures = [each.mixture for each in found.domains if each.mixture is not None]
    if mixtures:
        mean = sum(each.share for each in mixtures) / len(mixtures)
        worse = sum(each.share > 0 and each.adjusted_p < CLEAR for each in mixtures)
        better = sum(each.share < 0 and each.adjusted_p < CLEAR for each in mixtures)
        said.append(
            f"The mask of all domains together needs {more(mean)} than the own one on average: "
            f"clearly more in {worse}, clearly less in {better} of {len(mixtures)} domains."
        )
    draws = [each.draw for each in found.domains if each.draw is not None]
    if draws:
        said.append(
            f"Two draws of half a domain's own text differ by {sum(draws) / len(draws):.1%} on average."
        )
    return said


def effect_sentence(found: Specialisations | None, a: str, b: str, name: Name = str) -> str:
    """What swapping two domains' masks does to the model; that it was not measured, if it was not."""
    if found is None or (a, b) not in found.pairs:
        return NOT_MEASURED
    there, back = found.pairs[b, a], found.pairs[a, b]
    return (
        f"What that does to the model: on {name(a)}'s held-out text {name(b)}'s mask needs "
        f"{_tested(there)} than {name(a)}'s own; the other way round, {_tested(back)}."
    )


def best_sentence(results: Sequence[Result], name: Name = str) -> str:
    """How often a domain's own mask has the best value of its column, and clearly so; "" of none."""
    own = [result for result in results if result.is_own]
    if not own:
        return ""
    clear = [name(result.column.name) for result in own if result.best]
    which = f" ({', '.join(clear)})" if clear else ""
    return (
        f"A domain's own mask has the best value of its column in {sum(r.leads for r in own)} of "
        f"{len(own)} domains, clearly so in {len(clear)}{which}."
    )


def more(share: float) -> str:
    """A share more or less, in words."""
    return f"{abs(share):.1%} {'more' if share >= 0 else 'less'}"


def _tested(found: Cost) -> str:
    return f"{more(found.share)} bits (adjusted p = {found.adjusted_p:.2g})"
