"""What whole parts contribute, as sums over groups of documents, and the masks of those that stay.

A unit's contribution is the energy that its columns send on: the sum over its inputs j of the
stored sum of squares of x_j, times the squared norm of column j of the consumer (inputs taken to be
uncorrelated, as in Wanda, arXiv 2306.11695). So it is a sum over text, like what it is made from,
and a Wanda score squared: with m^2 = the sum of the columns' squared norms, m * sqrt(contribution /
m^2). Whatever works on the masks of a matrix works on a row of units with the magnitudes m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from analysis.overlap.parts import Part, check_layers, find_parts
from analysis.overlap.table import OverlapTable, count_overlaps, is_small
from pruning.errors import InputError
from pruning.masks.mask import Mask
from pruning.masks.selecting import keep_highest
from pruning.narrowing.choosing import contributions
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import KeptArrays
from pruning.runs.run import Run
from pruning.runs.statistics import ENOUGH_TOKENS, ChannelStats
from pruning.specs import PruneSpec, WeightKey

if TYPE_CHECKING:
    from pruning.checkpoints.weights import PrunableWeight

Float = NDArray[np.float64]
ALL_LAYERS = "layers"  # the name of the row that whole layers compete in


@dataclass(frozen=True, kw_only=True, eq=False)
class PartScores:
    """The units of a run's parts as rows that are pruned like a matrix of one row.

    of: what the units are. rows: a consumer each, seen as a (1, units) matrix whose input is itself.
    magnitude: its key -> (units,), the root of the sum of the columns' squared norms. stats:
    domain -> contributions over squared magnitudes, (groups, units) by key. layers: those that are
    units, in their order, where layers are.
    """

    of: str
    rows: tuple[PrunableWeight, ...]
    magnitude: Mapping[WeightKey, Float]
    stats: Mapping[str, ChannelStats]
    layers: tuple[int, ...] = ()

    def contributions(self, domain: str, key: WeightKey) -> Float:
        """What each unit contributes in all of a domain's text, as a share of the row: (units,)."""
        energy = self._loudness(domain, key) * self.magnitude[key] ** 2
        return energy / max(float(energy.sum()), np.finfo(np.float64).tiny)

    def mask(self, domain: str, key: WeightKey, prune: PruneSpec) -> Mask:
        """The units of a row that a domain keeps: (1, units)."""
        reads = prune.reads_text
        loudness = np.sqrt(self._loudness(domain, key)) if reads else np.ones(1)
        scores = self.magnitude[key].astype(np.float32) * loudness.astype(np.float32)
        return Mask.pack(keep_highest(torch.from_numpy(scores)[None], prune))

    def _loudness(self, domain: str, key: WeightKey) -> Float:
        stats = self.stats[domain]
        if key.expert is not None and int(stats.tokens[key].sum()) < ENOUGH_TOKENS:
            return np.ones_like(stats.sum_sq[key][0])
        return stats.sum_sq[key].sum(axis=0)


def check_choice(prune: PruneSpec, of: str) -> None:
    """InputError where whole parts cannot be chosen as `prune` says."""
    if prune.score not in ("wanda", "magnitude"):
        raise InputError(
            f"Whole {of} are ranked by what they contribute (the score 'wanda') or by their size "
            f"('magnitude'), not by {prune.score!r}."
        )
    plain = prune.pattern == "unstructured" and prune.comparison_group == "row"
    if not plain or prune.allocation != "uniform" or prune.starved != "magnitude":
        raise InputError(
            f"Whole {of} compete within their layer, or layers with each other, without a pattern; "
            "choose the pattern 'unstructured', output rows, and no allocation of its own."
        )


def part_scores(run: Run, of: str, prune: PruneSpec, report: Report = ignore) -> PartScores:
    """The units of every part that `prune` selects. of: "channels", "heads" or "layers".

    The norms of the consumers' columns are read from the weights once and stored with the run.
    Raises InputError as `find_parts` and for a choice that does not fit whole parts; AtlasError if
    the run is unfinished or its model is gone.
    """
    run.require_done()
    check_choice(prune, of)
    parts = find_parts(run, of, prune)
    if of == "layers":
        check_layers(run, parts)
    energies = _column_energies(run, parts, report)
    reading = Run(run.folder, inputs={part.consumer.input_key for part in parts})
    stats = {domain: reading.stats(domain) for domain in run.domains}
    squares = {part.key: _by_unit(energies[part.key], part) for part in parts}
    of_units = {
        domain: ChannelStats(
            sum_sq={
                part.key: _by_unit(
                    of_inputs.sum_sq[part.consumer.input_key] * energies[part.key], part
                )
                for part in parts
            },
            tokens={part.key: of_inputs.tokens[part.consumer.input_key] for part in parts},
        )
        for domain, of_inputs in stats.items()
    }
    if of == "layers":
        return _of_layers(run, parts, squares, of_units)
    return PartScores(
        of=of,
        rows=tuple(_row(part.consumer, part.key, part.units) for part in parts),
        magnitude={key: np.sqrt(square) for key, square in squares.items()},
        stats={domain: _over(each, squares) for domain, each in of_units.items()},
    )


def is_quick(run: Run, of: str, prune: PruneSpec) -> bool:
    """Whether `part_scores` answers within seconds; raises as it does for what it refuses."""
    run.require_done()
    check_choice(prune, of)
    return is_small(run) or _kept_columns(run, find_parts(run, of, prune)).is_there()


def _of_layers(
    run: Run,
    parts: Sequence[Part],
    squares: Mapping[WeightKey, Float],
    of_units: Mapping[str, ChannelStats],
) -> PartScores:
    """Layers as the units of one row: what all of a layer's parts contribute."""
    layers = tuple(sorted({part.key.layer for part in parts}))
    key = WeightKey(layer=layers[0], name=ALL_LAYERS)
    own = [[part.key for part in parts if part.key.layer == layer] for layer in layers]

    def added(values: Mapping[WeightKey, Float]) -> Float:
        return np.stack([sum(values[k].sum(axis=-1) for k in keys) for keys in own], axis=-1)

    square = added(squares)
    stats = {
        domain: ChannelStats(sum_sq={key: added(each.sum_sq)}, tokens={key: each.tokens[own[0][0]]})
        for domain, each in of_units.items()
    }
    return PartScores(
        of="layers",
        rows=(_row(parts[0].consumer, key, len(layers)),),
        magnitude={key: np.sqrt(square)},
        stats={domain: _over(each, {key: square}) for domain, each in stats.items()},
        layers=layers,
    )


def _row(consumer: PrunableWeight, key: WeightKey, units: int) -> PrunableWeight:
    return replace(consumer, key=key, shape=(1, units), input_name=key.name)


def _by_unit(values: Float, part: Part) -> Float:
    """(..., in) -> (..., units)."""
    return values.reshape(*values.shape[:-1], part.units, part.columns).sum(axis=-1)


def _over(stats: ChannelStats, squares: Mapping[WeightKey, Float]) -> ChannelStats:
    """Contributions over squared magnitudes; 0 where there is no magnitude."""
    return ChannelStats(
        sum_sq={
            key: np.divide(sums, squares[key], out=np.zeros_like(sums), where=squares[key] > 0)
            for key, sums in stats.sum_sq.items()
        },
        tokens=stats.tokens,
    )


def _column_energies(run: Run, parts: Sequence[Part], report: Report) -> dict[WeightKey, Float]:
    """The squared norm of every column of the consumers: key -> (in,)."""
    keys = [str(part.key) for part in parts]

    def look() -> dict[str, NDArray]:
        reader = run.weight_reader()
        meter = Meter(report, "Reading what whole parts are multiplied by", len(parts))
        found = {}
        for part in parts:
            inputs = part.consumer.shape[1]
            found[str(part.key)] = contributions(np.ones(inputs), reader.matrix(part.key), 1)
            meter.step(str(part.key))
        return found

    kept = _kept_columns(run, parts)
    return kept.get(look, lambda found: {WeightKey.parse(key): found[key] for key in keys})


def _kept_columns(run: Run, parts: Sequence[Part]) -> KeptArrays:
    return KeptArrays.of(run.folder / "parts", [str(part.key) for part in parts], "columns-")


def overlap_of_parts(scores: PartScores, prune: PruneSpec) -> OverlapTable:
    """The overlaps of the units that all domains keep, counted like the weights of a matrix."""
    domains = tuple(scores.stats)
    both = np.stack(
        [
            count_overlaps([scores.mask(domain, row.key, prune) for domain in domains])
            for row in scores.rows
        ],
        axis=2,
    )
    return OverlapTable(
        domains=domains,
        weights=tuple(row.key for row in scores.rows),
        kept=np.diagonal(both).T.copy(),
        both=both,
        total=np.array([row.shape[1] for row in scores.rows], dtype=np.int64),
    )
