"""Evidence in plain words: one sentence a pair of domains, and what to be careful about."""

from __future__ import annotations

from collections.abc import Callable

from analysis.evidence import PairEvidence
from pruning.workspace import Run

CLEAR = 0.05  # p below this: a difference is called real
SIZES = ((0.02, "negligible"), (0.1, "small"), (0.3, "modest"), (0.6, "large"))
UNEVEN = 0.05  # token counts of two domains may differ by this share before it is said
FEW_DOCUMENTS = 4  # per group; below this single documents decide what a group is


def sentence(pair: PairEvidence, name: Callable[[str], str] = str) -> str:
    """What a pair's yardsticks say. name: from a domain's name to how it is shown."""
    whole = pair.whole
    a, b = name(pair.domain_a), name(pair.domain_b)
    facts = (
        f"{a} and {b} share {whole.overlap:.1%} of the weights that either keeps. On half of the "
        f"text, two draws of one domain share {whole.ceiling:.1%}, these two domains "
        f"{whole.cross:.1%}; independent masks would share {whole.chance:.1%}."
    )
    if whole.p >= CLEAR:
        return f"{facts} That is no evidence of a difference (p = {p_value(whole.p)})."
    return (
        f"{facts} The difference is real (p = {p_value(whole.p)}) and {size(whole.index)} "
        f"(index {whole.index:.2f}, 95% interval {whole.index_low:.2f} to {whole.index_high:.2f})."
    )


def size(index: float) -> str:
    """A distinctness index as an adjective."""
    return next((word for limit, word in SIZES if index < limit), "very large")


def p_value(p: float) -> str:
    """Two significant digits."""
    return f"{p:.2g}"


def cautions(run: Run) -> list[str]:
    """Sentences on what makes the comparison of a run's domains unequal or weak."""
    entries = run.manifest["domains"]
    tokens = {name: entry["tokens"] for name, entry in entries.items()}
    found = []
    least, most = min(tokens, key=tokens.__getitem__), max(tokens, key=tokens.__getitem__)
    if tokens[least] < (1 - UNEVEN) * tokens[most]:
        found.append(
            f"{least} was calibrated on {tokens[least]:,} tokens and {most} on {tokens[most]:,}: "
            "the one with less text has the less steady mask. Calibrate with equal amounts."
        )
    few = [name for name, entry in entries.items() if min(entry["documents"]) < FEW_DOCUMENTS]
    if few:
        found.append(
            f"Some groups of {', '.join(few)} hold fewer than {FEW_DOCUMENTS} documents, so single "
            "documents decide what a draw is. Use fewer groups, or more and shorter documents."
        )
    groups = run.spec.sample.groups
    if groups < 8:
        found.append(
            f"With {groups} groups of documents the test has little power; 16 is a good number."
        )
    return found
