"""Where the documents of a run's groups come from, as far as calibration kept it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from analysis.evidence.design import Names, Origins

if TYPE_CHECKING:
    from pruning.runs.run import Run

UNKNOWN = -1  # the number of a document's source or problem where there is none
NEEDED = ("document.group", "document.cluster", "document.problem")


def origins(run: Run) -> dict[str, Origins]:
    """Domain -> the sources and problems of each of its groups; domains of neither are left out.

    Kept beside a domain's tokens, a number for each document; runs of before have none.
    """
    found = {}
    for domain in run.domains:
        path = run.tokens_path(domain)
        if not path.exists():
            continue
        with safe_open(path, framework="numpy") as file:
            if not set(NEEDED) <= set(file.keys()):
                continue
            group, cluster, problem = (file.get_tensor(name) for name in NEEDED)
            groups = len(file.get_tensor("documents"))
        known = Origins(
            clusters=names_of(group, cluster, groups), problems=names_of(group, problem, groups)
        )
        if known.clusters or known.problems:
            found[domain] = known
    return found


def names_of(group: NDArray, number: NDArray, groups: int) -> Names:
    """The numbers in each group, of documents (documents,); () where no document has one."""
    if (number == UNKNOWN).all():
        return ()
    sets: list[frozenset[Hashable]] = []
    for each in range(groups):
        here = np.unique(number[(group == each) & (number != UNKNOWN)])
        sets.append(frozenset(here.tolist()))
    return tuple(sets)
