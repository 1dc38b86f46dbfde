"""How weights are pruned, in words: the same ones in captions, pages, reports and model cards."""

from __future__ import annotations

from pruning.specs.prune import PruneSpec


def percent(share: float) -> str:
    """A share as people write it, to four digits: "50%", "62.5%", "0.5%"."""
    return f"{100 * share:.4g}%"


def sparsity_words(prune: PruneSpec) -> str:
    """How much is pruned: of every block of a pattern, of every layer, or with OWL on average."""
    share = f"{percent(prune.sparsity)} sparsity"
    if prune.block is not None:
        return f"{prune.pattern} pattern ({share})"
    return f"{share} on average" if prune.allocation == "owl" else share


def score_words(prune: PruneSpec) -> str:
    """ "Wanda score within each row": what the weights that compete with each other are ranked by."""
    score = f"{'Wanda' if prune.score == 'wanda' else prune.score} score"
    if prune.score == "random" and prune.seed:
        score += f" of seed {prune.seed}"
    if prune.block is None:  # in a pattern, scores compete within its blocks
        score += f" within each {prune.comparison_group}"
    return score


def other_words(prune: PruneSpec) -> list[str]:
    """What is not as usual, and which part of the model is meant; nothing where it is all of it."""
    parts = []
    if prune.allocation == "owl":
        parts.append("layers pruned by their outliers (OWL)")
    if prune.starved == "dense" and prune.reads_text:
        parts.append("starved experts left dense")
    if prune.layers is not None:
        parts.append(f"layers {', '.join(map(str, prune.layers))}")
    if prune.projections is not None:
        parts.append(", ".join(prune.projections))
    return parts
