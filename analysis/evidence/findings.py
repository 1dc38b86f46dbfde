"""Evidence in plain words: one sentence a pair of domains, and what to be careful about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.evaluation.findings import effect_sentence
from analysis.evaluation.specialisation import Specialisations
from analysis.evidence.design import FEW_SOURCES
from analysis.evidence.learning_curve import LearningCurve, changed_share
from analysis.evidence.yardsticks import PairEvidence
from pruning.runs.run import Run

CLEAR = 0.05  # p below this, adjusted for the number of tests: a difference is called real
UNEVEN = 0.05  # token counts of two domains may differ by this share before it is said
ENOUGH = 2  # domains should differ by this many times what two draws of one domain do
TWO_DRAWS = 2**0.5  # two draws of one domain differ by so many times what doubling text changes
FEW_DOCUMENTS = 4  # per group; below this single documents decide what a group is


def sentence(
    pair: PairEvidence,
    name: Callable[[str], str] = str,
    measured: Specialisations | None = None,
    of: str = "weights",
) -> str:
    """What a pair's yardsticks say, and beside "real" what the difference does to the model.

    name: from a domain's name to how it is shown. measured: the evaluation's, if there is one.
    of: what was compared, weights or whole parts.
    """
    whole = pair.whole
    a, b = name(pair.domain_a), name(pair.domain_b)
    facts = (
        f"{a} and {b} share {whole.overlap:.1%} of the {of} that either keeps. On half of the "
        f"text, two draws of one domain share {whole.ceiling:.1%}, these two domains "
        f"{whole.cross:.1%}; independent masks would share {whole.chance:.1%}."
    )
    p = f"adjusted p = {p_value(whole.adjusted_p)}"
    design = f" {design_sentence(pair)}".rstrip()
    if whole.adjusted_p >= CLEAR:
        return f"{facts} That is no evidence of a difference ({p}).{design}"
    effect = (
        effect_sentence(measured, pair.domain_a, pair.domain_b, name)
        if of == "weights"
        else f"What the model does without whole {of} is not measured here."
    )
    return (
        f"{facts} The difference is real ({p}): index {whole.index:.2f} (95% interval "
        f"{whole.index_low:.2f} to {whole.index_high:.2f}; {whole.unlimited_index:.2f} if the text were "
        "unlimited), on a scale from 0, two draws of one domain, to 1, independent masks."
        f"{design} {effect}"
    )


def p_value(p: float) -> str:
    """Two significant digits."""
    return f"{p:.2g}"


def design_sentence(pair: PairEvidence) -> str:
    """What was shuffled, where it was not simply all groups; "" where it was."""
    if pair.units is None or not (pair.equalised or pair.clustered or pair.blocked):
        return ""
    first, second = pair.units
    said = []
    if pair.clustered:
        said.append("Groups that share a source were shuffled together, so p is about sources")
    if pair.blocked:
        said.append(
            "Labels were shuffled only between texts of the same problems, so p is about how they "
            "are written and not about which problems they are"
        )
    if pair.equalised:
        said.append("Both domains were cut to equal text")
    parts = "; ".join(said)
    units = f"units of either domain: {first} and {second}"
    if pair.clustered and min(pair.units) < FEW_SOURCES:
        units += ", so few that single sources decide"
    few = (
        ""
        if pair.smallest_p < CLEAR
        else (f" So few cannot show a difference: the least p is {p_value(pair.smallest_p)}.")
    )
    return f"{parts} ({units}).{few}"


def rows_sentence(pairs: Sequence[PairEvidence], rows: int) -> str:
    """What the sample of rows costs in precision, over all pairs. rows: of each matrix; 0: all."""
    if rows == 0:
        return "All rows of every matrix were counted, so no error comes from a sample of rows."
    largest = {
        name: max(getattr(pair.whole, f"{name}_se") for pair in pairs)
        for name in ("overlap", "ceiling", "cross", "index")
    }
    errors = ", ".join(f"{name} {error:.4f}" for name, error in largest.items() if error)
    exact = "" if largest["overlap"] else "Overlaps are counted on all weights, the yardsticks "
    return (
        f"{exact or 'Counted '}on {rows} rows of each matrix, drawn at random. The standard error "
        f"that this brings, for the whole model and at most: {errors}. The interval of the index "
        "includes it."
    )


def magnitude_sentence(pair: PairEvidence, name: Callable[[str], str] = str) -> str:
    """What a mask that ignores the text shares with those of the two domains."""
    return (
        "The mask of the weights' magnitudes alone, which no text changes, shares "
        f"{pair.whole.magnitude_a:.1%} with that of {name(pair.domain_a)} and "
        f"{pair.whole.magnitude_b:.1%} with that of {name(pair.domain_b)}."
    )


def p_sentence(pairs: Sequence[PairEvidence]) -> str:
    """The limit of the p-values, and what they were adjusted for."""
    least = max(pair.smallest_p for pair in pairs)
    return (
        f"The smallest p that the groups and shuffles allow is {p_value(least)}. Adjusted p "
        "(Benjamini-Hochberg): over the pairs, or over a pair's layers or projections. Groups count as "
        "random draws of documents: of records cut from few sources, such as files of one project, a "
        "small p says only that these sources differ."
    )


def learning_sentence(curve: LearningCurve, name: Callable[[str], str] = str) -> str:
    """How much a domain's mask still changed when its text was doubled."""
    half = curve.half
    said = (
        f"{name(curve.domain)} has {curve.groups} groups of documents ({curve.tokens:,} tokens): "
        f"going from {half.groups} to {curve.groups} groups still changes "
        f"{changed_share(half.with_all):.1%} of the kept weights"
    )
    if half.disjoint is None:
        return f"{said}."
    return (
        f"{said}; two calibrations of {half.groups} groups that share no document differ in "
        f"{changed_share(half.disjoint):.1%}."
    )


def is_enough(curves: Sequence[LearningCurve], pairs: Sequence[PairEvidence]) -> str:
    """What the choice of documents still changes, beside what the choice of domain changes.

    With the variance v of one group, means of G groups have the variance v / G. So two draws of G
    groups differ by 2 v / G, and the first half of a draw from the whole of it by v / G. Masks
    differ in proportion to the root of this: those of two draws by TWO_DRAWS times what the second
    half changes. Domains are said to differ only where the test shows it of every pair.
    """
    text = max(changed_share(curve.half.with_all) for curve in curves)
    draws = TWO_DRAWS * text
    domains = min(changed_share(pair.whole.overlap) for pair in pairs)
    p = max(pair.whole.adjusted_p for pair in pairs)
    said = (
        f"Going from half of the text to all of it changes {text:.1%} or less of a domain's kept "
        f"weights, so two draws of one domain would differ in about {draws:.1%} or less; the two "
        f"most alike domains differ in {domains:.1%}. "
    )
    if p >= CLEAR:
        return said + (
            f"Not every pair of domains is shown to differ (adjusted p up to {p_value(p)}): "
            "calibrate on more text, or in more groups, before reading their masks as different."
        )
    if domains > ENOUGH * draws:
        return said + "The calibration is large enough to tell all of these domains apart."
    return said + "More text would make the smaller differences between domains clearer."


def cautions(run: Run, name: Callable[[str], str] = str) -> list[str]:
    """Sentences on what makes the comparison of a run's domains unequal or weak.

    name: from a domain's name to how it is shown.
    """
    entries = run.manifest.domains
    tokens = {domain: entry.tokens for domain, entry in entries.items()}
    found = []
    least, most = min(tokens, key=tokens.__getitem__), max(tokens, key=tokens.__getitem__)
    if tokens[least] < (1 - UNEVEN) * tokens[most]:
        found.append(
            f"{name(least)} was calibrated on {tokens[least]:,} tokens and {name(most)} on "
            f"{tokens[most]:,}: the one with less text has the less steady mask, which lowers the overlap. "
            "Ceiling, cross, index and p compare equal amounts of it; calibrate with equal amounts."
        )
    few = [each for each, entry in entries.items() if min(entry.documents) < FEW_DOCUMENTS]
    if few:
        found.append(
            f"Some groups of {', '.join(map(name, few))} hold fewer than {FEW_DOCUMENTS} documents, so single "
            "documents decide what a draw is. Use fewer groups, or more and shorter documents."
        )
    groups = run.spec.sample.groups
    if groups < 8:
        found.append(
            f"With {groups} groups of documents the test has little power; 16 is a good number."
        )
    return found
