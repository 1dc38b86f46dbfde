"""How special a domain's mask is: what other masks cost on its text, beyond what its own costs.

From the evaluation's cells of bits per byte: on a domain's held-out text, the bits that other
domains' masks need on average, over those that its own needs, less one. Paired by document, and
tested in three ways: against other masks, document by document; overall, against every other way to
give the masks to the texts; and beside what another draw of the domain's own text changes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.evaluation.intervals import CONFIDENCE, studentized_interval
from analysis.evaluation.mask_sources import MIXTURE, MaskSource, halves_of, of_domain
from analysis.evaluation.measures import BITS_PER_BYTE
from analysis.evaluation.paired_tests import CLEAR, flip_p, holm
from analysis.evaluation.spec import TEXT

if TYPE_CHECKING:
    from analysis.evaluation.table import EvaluationTable
    from pruning.runs.run import Run
    from pruning.specs import PruneSpec

Float = NDArray[np.float64]

ALL_WAYS = 7  # domains whose ways to be given to texts are all tried
WAYS = 9999


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Bits that other masks need over those of the own one, less 1: with a 95% interval over documents.

    p: two-sided, paired by document. adjusted_p: after Holm, over the domains, or over the pairs.
    """

    share: float
    low: float
    high: float
    p: float
    adjusted_p: float


@dataclass(frozen=True, kw_only=True)
class Specialisation:
    """Of one domain. others: the mean of the other domains' masks. mixture: the mask of all domains.

    draw: by what share two draws of the domain's own text, half of it each, differ, without sign.
    None where it was not measured.
    """

    domain: str
    documents: int
    others: Cost
    mixture: Cost | None
    draw: float | None

    @property
    def is_clear(self) -> bool:
        """The own mask is better than the others' by a test, and by more than a draw changes."""
        found = self.others
        return found.adjusted_p < CLEAR and found.share > max(self.draw or 0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Specialisations:
    """Of all domains. share, low, high: the mean over them. p: from giving the masks to other texts.

    smallest_p: the least that so few domains allow. pairs: (mask of, on the text of) -> its cost.
    """

    domains: tuple[Specialisation, ...]
    share: float
    low: float
    high: float
    p: float
    smallest_p: float
    pairs: Mapping[tuple[str, str], Cost]

    def row(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "overall": {
                name: getattr(self, name) for name in ("share", "low", "high", "p", "smallest_p")
            },
            "domains": self.table(),
            "pairs": [
                {"mask_of": mask, "measured_on": text, **_plain(cost)}
                for (mask, text), cost in self.pairs.items()
            ],
        }

    def table(self) -> list[dict[str, Any]]:
        """A row a domain."""
        return [
            {
                "domain": each.domain,
                "documents": each.documents,
                **_plain(each.others),
                "mixture": each.mixture.share if each.mixture else None,
                "mixture_adjusted_p": each.mixture.adjusted_p if each.mixture else None,
                "another_draw": each.draw,
                "clear": each.is_clear,
            }
            for each in self.domains
        ]


def specialisation(table: EvaluationTable, sparsity: float) -> Specialisations | None:
    """At one sparsity; None where fewer than two domains' masks were measured on each other's text."""
    found = {
        (cell.source, cell.column.domain): cell.measured.statistics[BITS_PER_BYTE]
        for cell in table.cells
        if cell.column.kind == TEXT and cell.sparsity == sparsity
    }
    domains = [name for _, name in found if (of_domain(name), name) in found]
    domains = list(dict.fromkeys(domains))
    square = all((of_domain(mask), text) in found for mask in domains for text in domains)
    if len(domains) < 2 or not square:
        return None
    rows = [_of_domain(name, domains, found) for name in domains]
    rows = _adjusted(rows)
    share, low, high = _overall(rows, domains, found)
    bits = np.array(
        [[found[of_domain(mask), text][:, 0].sum() for text in domains] for mask in domains]
    )
    p, smallest = given_otherwise(bits)
    return Specialisations(
        domains=tuple(rows),
        share=share,
        low=low,
        high=high,
        p=p,
        smallest_p=smallest,
        pairs=_pairs(domains, found),
    )


def stored_specialisation(run: Run, prune: PruneSpec) -> Specialisations | None:
    """From the newest evaluation of a run's masks at these settings; None if there is none."""
    from analysis.evaluation.table import stored_table, stored_tables

    for spec, _ in stored_tables(run):
        if prune.sparsity in spec.sparsities and spec.at(prune.sparsity) == prune:
            table = stored_table(run, spec)
            found = specialisation(table, prune.sparsity) if table else None
            if found is not None:
                return found
    return None


def cost(others: Sequence[Float], own: Float) -> Cost:
    """Of masks on one text. Each: bits and bytes of the same documents, (documents, 2)."""
    mean = np.mean([each[:, 0] for each in others], axis=0)
    ratio = np.stack([mean, own[:, 0]], axis=1)
    low, high = studentized_interval([ratio], lambda value: value, np.ones_like)
    p = flip_p(mean - own[:, 0])
    return Cost(
        share=float(mean.sum() / own[:, 0].sum()) - 1, low=low - 1, high=high - 1, p=p, adjusted_p=p
    )


def given_otherwise(bits: Float) -> tuple[float, float]:
    """p that the masks serve their own texts no better than texts given to them at random.

    bits: (masks, texts), own on the diagonal. Texts count alike: the sum of log bits is compared over
    all ways to give each text another's mask, or 9,999 of them. Also the least p there could be.
    """
    logs = np.log(bits)
    count = len(logs)
    texts = np.arange(count)
    own = logs[texts, texts].sum()
    if count <= ALL_WAYS:
        ways = np.array(list(itertools.permutations(range(count))))
        as_good = np.count_nonzero(logs[ways, texts].sum(axis=1) <= own + 1e-12)
        return as_good / len(ways), 1 / len(ways)
    random = np.random.default_rng(0)
    ways = random.permuted(np.tile(texts, (WAYS, 1)), axis=1)
    as_good = np.count_nonzero(logs[ways, texts].sum(axis=1) <= own + 1e-12)
    return (1 + as_good) / (1 + WAYS), 1 / (1 + WAYS)


Found = Mapping[tuple[MaskSource, str], Float]


def _of_domain(name: str, domains: Sequence[str], found: Found) -> Specialisation:
    own = found[of_domain(name), name]
    mixture = found.get((MIXTURE, name))
    one, other = (found.get((half, name)) for half in halves_of(name))
    draw = None
    if one is not None and other is not None:
        first, second = float(one[:, 0].sum()), float(other[:, 0].sum())
        draw = abs(first - second) / min(first, second)
    return Specialisation(
        domain=name,
        documents=len(own),
        others=cost([found[of_domain(mask), name] for mask in domains if mask != name], own),
        mixture=cost([mixture], own) if mixture is not None else None,
        draw=draw,
    )


def _adjusted(rows: Sequence[Specialisation]) -> list[Specialisation]:
    """With p adjusted over the domains, for the others and for the mixture."""
    others = holm([row.others.p for row in rows])
    mixtures = holm([row.mixture.p if row.mixture else 1.0 for row in rows])
    return [
        replace(
            row,
            others=replace(row.others, adjusted_p=float(p)),
            mixture=replace(row.mixture, adjusted_p=float(q)) if row.mixture else None,
        )
        for row, p, q in zip(rows, others, mixtures, strict=True)
    ]


def _pairs(domains: Sequence[str], found: Found) -> dict[tuple[str, str], Cost]:
    pairs = list(itertools.permutations(domains, 2))
    costs = [
        cost([found[of_domain(mask), text]], found[of_domain(text), text]) for mask, text in pairs
    ]
    adjusted = holm([each.p for each in costs])
    return {
        pair: replace(each, adjusted_p=float(p))
        for pair, each, p in zip(pairs, costs, adjusted, strict=True)
    }


def _overall(
    rows: Sequence[Specialisation], domains: Sequence[str], found: Found
) -> tuple[float, float, float]:
    """The mean over domains, whose documents are independent; Student's t after Satterthwaite."""
    from scipy.stats import t as student  # slow to import

    variances = []
    for row in rows:
        own = found[of_domain(row.domain), row.domain][:, 0]
        masks = [found[of_domain(mask), row.domain][:, 0] for mask in domains if mask != row.domain]
        rest = np.mean(masks, axis=0) - (1 + row.others.share) * own
        count = max(row.documents - 1, 1)
        variances.append((float((rest**2).sum()) * row.documents / count / own.sum() ** 2, count))
    share = float(np.mean([row.others.share for row in rows]))
    variance = sum(each for each, _ in variances)
    freedom = variance**2 / sum(each**2 / of for each, of in variances) if variance > 0 else 1.0
    margin = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance) / len(rows)
    return share, share - margin, share + margin


def _plain(found: Cost) -> dict[str, float]:
    return {
        "others": found.share,
        "low": found.low,
        "high": found.high,
        "p": found.p,
        "adjusted_p": found.adjusted_p,
    }
