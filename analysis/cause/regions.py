"""The weights of one matrix that a domain has for itself, from packed masks.

- exclusive: kept by this domain's mask and by no other domain's, all at one sparsity;
- sharp: among the highest-scoring p of this domain and not among the highest-scoring q of any
  other (a set difference, as in Wei et al. 2024, arXiv 2402.05162). The highest-scoring p
  are the mask at sparsity 1 - p, so this too is a difference of masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pruning.masks.mask import Mask


def only(own: Mask, others: Iterable[Mask]) -> Mask:
    """The weights that `own` keeps and none of the others does. True = in the region."""
    words = own.words.copy()
    for other in others:
        if other.shape != own.shape:
            raise ValueError(f"Masks of shapes {own.shape} and {other.shape} cannot be compared.")
        words &= ~other.words
    return Mask(shape=own.shape, words=words)


def regions(own: Mapping[str, Mask], others: Mapping[str, Mask] | None = None) -> dict[str, Mask]:
    """Domain -> its region in one matrix.

    own: every domain's mask. others: the masks whose weights are taken away from it, where they
    are not the same (sharp regions with q different from p).
    """
    taken = own if others is None else others
    return {
        domain: only(mask, (each for name, each in taken.items() if name != domain))
        for domain, mask in own.items()
    }
