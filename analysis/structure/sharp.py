"""Sharp regions: the weights that one domain ranks on top and no other domain does.

The set difference of Wei et al. 2024 (arXiv 2402.05162): the top p of one
domain's scores minus the top q of the others', with scores compared as for masks, within a row by
default. There the others are one set of general text; here they are the union over all other
domains of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from analysis.overlap.table import is_small
from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.masks.making import masks_from_norms, selected_weights
from pruning.masks.mask import Mask
from pruning.masks.norms import score_norms
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import KeptArrays
from pruning.runs.run import Run
from pruning.specs import PruneSpec, Spec, WeightKey

Integer = NDArray[np.int64]
Float = NDArray[np.float64]
FEW_CHANNELS = Fraction(1, 100)  # of a matrix's input channels, rounded up


@dataclass(frozen=True, kw_only=True)
class SharpSpec(Spec):
    """top: share p of the domain's own highest scores. others_top: share q of the others'."""

    top: float = 0.05
    others_top: float = 0.05

    def __post_init__(self) -> None:
        for name, share in (("own", self.top), ("others'", self.others_top)):
            if not 0 < share <= 1:
                raise InputError(f"The {name} top share {share} is outside 0 < share <= 1.")


@dataclass(frozen=True, kw_only=True)
class SharpRegions:
    """Weights per domain (D) and weight matrix (W).

    top: (D, W), among the top p of the domain. sharp: (D, W), of those the ones in no other
    domain's top q. expected: (D, W), the same if the domains' rankings were independent.
    concentrated: (D, W), of the sharp ones those in the 1% of the matrix's input channels that
    hold most of them. total: (W,), weights of the matrix.
    """

    domains: tuple[str, ...]
    weights: tuple[WeightKey, ...]
    top: Integer
    sharp: Integer
    expected: Float
    concentrated: Integer
    total: Integer

    def share_of_weights(self, domain: str) -> float:
        """Sharp weights among all weights."""
        return float(self.sharp[self.domains.index(domain)].sum() / self.total.sum())

    def share_of_top(self, domain: str, *, expected: bool = False) -> float:
        """Sharp weights among the domain's top p; NaN if that is empty."""
        index = self.domains.index(domain)
        counts = self.expected[index] if expected else self.sharp[index]
        return _ratio(float(counts.sum()), float(self.top[index].sum()))

    def concentration(self, domain: str) -> float:
        """Of a domain's sharp weights, the share in the fullest 1% of input channels."""
        index = self.domains.index(domain)
        return _ratio(float(self.concentrated[index].sum()), float(self.sharp[index].sum()))

    def layer_by_projection(self, domain: str) -> tuple[tuple[int, ...], tuple[str, ...], Float]:
        """Layers (L), projections (P), and of the top p the sharp share in each cell (L, P)."""
        index = self.domains.index(domain)
        layers = tuple(sorted({key.layer for key in self.weights}))
        projections = tuple(dict.fromkeys(key.projection for key in self.weights))
        cells = np.full((len(layers), len(projections)), np.nan)
        for row, layer in enumerate(layers):
            for column, name in enumerate(projections):
                here = [(key.layer, key.projection) == (layer, name) for key in self.weights]
                sharp, top = self.sharp[index, here].sum(), self.top[index, here].sum()
                cells[row, column] = _ratio(float(sharp), float(top))
        return layers, projections, cells


def sharp_masks(tops: Sequence[Mask], others_tops: Sequence[Mask]) -> list[Mask]:
    """Of the masks of one matrix, top p and top q of each domain: each domain's sharp region."""
    found = []
    for index, top in enumerate(tops):
        words = top.words.copy()
        for other, others_top in enumerate(others_tops):
            if other != index:
                words &= ~others_top.words
        found.append(Mask(shape=top.shape, words=words))
    return found


def sharp_regions(
    run: Run, prune: PruneSpec, spec: SharpSpec, report: Report = ignore
) -> SharpRegions:
    """The sharp region of every domain of a run, for the weights that `prune` selects.

    Of `prune`, what `PruneSpec.ranked` keeps counts, and its sparsity does not. Stored with the run
    and read back the next time. Raises InputError for a run of one domain or a score that ignores
    the text, AtlasError for a run that is unfinished.
    """
    run.require_done()
    if len(run.domains) < 2:
        raise InputError("A sharp region needs other domains to differ from; this run has one.")
    if not prune.reads_text:
        raise InputError(
            f"The score {prune.score!r} ignores the text, so no domain has a sharp region; "
            "choose one that reads it, such as 'wanda'."
        )
    weights = selected_weights(run, prune)
    keys = tuple(weight.key for weight in weights)
    return _kept(run, prune, spec).get(
        lambda: _count(run, prune, spec, report),
        lambda counts: SharpRegions(domains=run.domains, weights=keys, **counts),
    )


def is_quick(run: Run, prune: PruneSpec, spec: SharpSpec) -> bool:
    """Whether `sharp_regions` answers within seconds."""
    return is_small(run) or _kept(run, prune, spec).is_there()


def _count(run: Run, prune: PruneSpec, spec: SharpSpec, report: Report) -> dict[str, NDArray]:
    weights = selected_weights(run, prune)
    meter = Meter(report, "Finding sharp regions", len(weights))
    columns: dict[str, list] = {"top": [], "sharp": [], "expected": [], "concentrated": []}
    for weight, own, others in _tops(run, prune, spec, weights):
        sharp = sharp_masks(own, others)
        columns["top"].append([top.count() for top in own])
        columns["sharp"].append([mask.count() for mask in sharp])
        columns["expected"].append(_expected(own, others))
        columns["concentrated"].append([concentrated(mask) for mask in sharp])
        meter.step(str(weight.key))
    total = [weight.shape[0] * weight.shape[1] for weight in weights]
    return {name: np.array(rows).T.copy() for name, rows in columns.items()} | {
        "total": np.array(total, dtype=np.int64)
    }


def _tops(
    run: Run, prune: PruneSpec, spec: SharpSpec, weights: Sequence[PrunableWeight]
) -> Iterator[tuple[PrunableWeight, list[Mask], list[Mask]]]:
    """For each weight matrix in turn, the masks of every domain's top p, and of its top q."""
    norms = score_norms(run, prune, run.domains)
    own, others = (_top(prune, share) for share in (spec.top, spec.others_top))
    tops = masks_from_norms(run, own, norms, weights)
    if own == others:
        yield from ((weight, list(made.values()), list(made.values())) for weight, made in tops)
        return
    others_tops = masks_from_norms(run, others, norms, weights)
    for (weight, made), (_, others_made) in zip(tops, others_tops, strict=True):
        yield weight, list(made.values()), list(others_made.values())


def _top(prune: PruneSpec, share: float) -> PruneSpec:
    """The mask of the highest `share`; 1 - share is exact in decimals, as people write them."""
    return prune.ranked(float(1 - Fraction(str(share))))


def _expected(tops: Sequence[Mask], others_tops: Sequence[Mask]) -> list[float]:
    size = tops[0].shape[0] * tops[0].shape[1]
    outside = [1 - other.count() / size for other in others_tops]
    return [
        top.count() * float(np.prod([o for i, o in enumerate(outside) if i != index]))
        for index, top in enumerate(tops)
    ]


def concentrated(mask: Mask) -> int:
    """Kept weights in the 1% of input channels (rounded up) that hold most of them."""
    kept = mask.unpack().view(np.uint8)
    per_channel = np.zeros(kept.shape[1], dtype=np.int64)
    for start in range(0, len(kept), 255):  # bytes are added fast, and hold no more than that
        per_channel += kept[start : start + 255].sum(axis=0, dtype=np.uint8)
    few = -int(-len(per_channel) * FEW_CHANNELS // 1)
    return int(np.sort(per_channel)[-few:].sum())


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _kept(run: Run, prune: PruneSpec, spec: SharpSpec) -> KeptArrays:
    asked = [prune.ranked(0.0).to_json(), spec.to_json()]
    return KeptArrays.of(run.folder / "structure", asked, "sharp-")
