"""Several domains' masks as one: union, intersection, and all but what only some domains need.

A mixture adds the domains' sums and makes one mask of the chosen sparsity. Set operations instead
make every domain's own mask at that sparsity and combine the bits, so the sparsity of the result
follows from how much the masks overlap; it is counted exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pruning.errors import InputError
from pruning.masks.mask import Mask
from pruning.runs.run import Run
from pruning.specs import INTERSECTION, REMOVAL, UNION


def other_domains(run: Run, domains: Sequence[str]) -> tuple[str, ...]:
    """The run's domains that are not among these; InputError if none is left."""
    others = tuple(name for name in run.domains if name not in domains)
    if not others:
        raise InputError(
            "These are all domains of the run; leave one out, so that there is something to "
            "compare with."
        )
    return others


def needed_domains(run: Run, combination: str, domains: Sequence[str]) -> tuple[str, ...]:
    """The domains whose masks a combination looks at, in a fixed order."""
    return (*domains, *other_domains(run, domains)) if combination == REMOVAL else tuple(domains)


def combine(masks: Mapping[str, Mask], combination: str, domains: Sequence[str]) -> Mask:
    """One mask of one weight matrix from the masks of several domains.

    union: kept by any of `domains`. intersection: kept by all of them. removal: all weights but
    those that `domains` keep (any of them) and no other domain in `masks` keeps.
    """
    own = [masks[name].words for name in domains]
    shape = masks[domains[0]].shape
    if combination == INTERSECTION:
        return Mask(shape=shape, words=np.bitwise_and.reduce(own))
    union = np.bitwise_or.reduce(own)
    if combination == UNION:
        return Mask(shape=shape, words=union)
    others = np.bitwise_or.reduce([m.words for name, m in masks.items() if name not in domains])
    exclusive = Mask(shape=shape, words=union & ~others)
    return Mask.pack(~exclusive.unpack())
