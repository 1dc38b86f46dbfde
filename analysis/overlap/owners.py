"""Whose parts are whose: which channels, heads or layers one domain keeps, or all, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.overlap.part_scores import PartScores
from pruning.specs import PruneSpec, WeightKey

Float = NDArray[np.float64]
EVERYBODY, SEVERAL, NOBODY = "everybody", "several", "nobody"


@dataclass(frozen=True, kw_only=True, eq=False)
class Owners:
    """Who keeps which unit.

    kept: consumer -> bool (D, units). shares: consumer -> (D, units), what a unit contributes of all
    that a domain's row contributes. layers: see `PartScores`.
    """

    of: str
    domains: tuple[str, ...]
    kept: Mapping[WeightKey, NDArray[np.bool_]]
    shares: Mapping[WeightKey, Float]
    layers: tuple[int, ...] = ()

    def labels(self, key: WeightKey) -> list[str]:
        """Of every unit of a row: the only domain that keeps it, or EVERYBODY, SEVERAL, NOBODY."""
        kept = self.kept[key]
        count = kept.sum(axis=0)
        only = kept.argmax(axis=0)
        names = {0: NOBODY, len(self.domains): EVERYBODY}
        return [
            self.domains[first] if number == 1 else names.get(int(number), SEVERAL)
            for number, first in zip(count, only, strict=True)
        ]

    def counts(self, key: WeightKey) -> dict[str, int]:
        """How many units of a row belong to whom: everybody, each domain alone, several, nobody."""
        labels = self.labels(key)
        return {name: labels.count(name) for name in self.names}

    @property
    def names(self) -> tuple[str, ...]:
        """All that `labels` can say, in the order in which it is shown."""
        return EVERYBODY, *self.domains, SEVERAL, NOBODY

    def own(self, domain: str) -> list[dict[str, Any]]:
        """The units that only this domain keeps, the largest share of their row first."""
        index = self.domains.index(domain)
        found = [
            {
                "domain": domain,
                "layer": self.layers[unit] if self.layers else key.layer,
                "part": key.name,
                "unit": int(unit),
                "share": float(self.shares[key][index, unit]),
                "most_elsewhere": float(np.delete(self.shares[key][:, unit], index).max(initial=0)),
            }
            for key in self.kept
            for unit in np.flatnonzero(np.array(self.labels(key)) == domain)
        ]
        return sorted(found, key=lambda row: -row["share"])

    def rows(self) -> Iterator[dict[str, Any]]:
        """A dict for each row of units: layer, part and `counts`."""
        for key in self.kept:
            yield {"layer": key.layer, "part": key.name, **self.counts(key)}


def owners(scores: PartScores, prune: PruneSpec) -> Owners:
    """Who keeps which of the units at the sparsity of `prune`."""
    domains = tuple(scores.stats)
    keys = [row.key for row in scores.rows]
    return Owners(
        of=scores.of,
        domains=domains,
        kept={
            key: np.concatenate([scores.mask(each, key, prune).unpack() for each in domains])
            for key in keys
        },
        shares={key: np.stack([scores.contributions(d, key) for d in domains]) for key in keys},
        layers=scores.layers,
    )
