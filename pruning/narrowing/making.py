"""Making a narrowed model: layers first, then, layer by layer, its heads and its channels.

Two streams of hidden states go through the decoder side by side, those of the dense model and those
of the narrowed one as it comes to be (as in `repair`). The inputs of a layer's output projection
are summed up, the heads are chosen and the projection is refitted; then, behind that, the same for
the down-projection's channels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from pruning.calibration.decoder import Decoder, check_layer_by_layer
from pruning.calibration.passages import HiddenStates, batches_of, fits_memory
from pruning.checkpoints.headers import read_json
from pruning.checkpoints.weights import PrunableWeight, WeightReader
from pruning.domains.packing import TokenSample
from pruning.errors import InputError
from pruning.masks.norms import mixture_stats
from pruning.models.loading import LoadedModel, load_model, on_this_machine
from pruning.narrowing.choosing import contributions, keep_greedily, keep_largest
from pruning.narrowing.configs import Narrowed, shortened
from pruning.narrowing.made import Made, MadePart
from pruning.narrowing.parts import Part
from pruning.narrowing.refitting import refit, working_precision
from pruning.narrowing.turning import cosines, keep_turning
from pruning.progress import Meter, Report, ignore
from pruning.repair.collecting import Pair, collect, distance, fitting
from pruning.repair.second_moments import SecondMoments
from pruning.runs.statistics import ENOUGH_TOKENS, ChannelStats, Float
from pruning.specs import WeightKey
from pruning.specs.exports import ExportSpec
from pruning.specs.narrowing import NarrowSpec

if TYPE_CHECKING:
    from pruning.runs.run import Run


def make(run: Run, spec: ExportSpec, shape: Narrowed, report: Report = ignore) -> Made:
    """Choose what stays for the mixture of `spec`, and refit what reads it.

    shape: `configs.describe` of the run's model. The model is in memory only meanwhile, and not at
    all where stored sums say everything.

    Raises:
        InputError: sums are needed that the run does not have, or the layers that would stay cannot
            be told to the configuration.
        AtlasError: activations are not finite, or as `load_model`.
    """
    narrow = spec.narrow
    assert narrow is not None
    everything = tuple(range(shape.num_layers))
    if not narrow.needs_model:
        return Made(layers=everything, parts=_by_sums(run, spec, shape.parts))
    here = replace(run.spec, model=on_this_machine(run.spec.model))
    loaded = load_model(here.model, report)
    check_layer_by_layer(loaded)
    samples = [(run.tokens(name), weight) for name, weight in spec.mixture]
    batch_size = here.sequences_per_batch
    means: Sequence[float] = ()
    if shape.removed_layers:
        means = cosines(loaded, samples, batch_size, report)
        everything = keep_turning(means, shape.removed_layers)
        shortened(read_json(loaded.folder / "config.json"), list(everything))
    parts = [part for part in shape.parts if part.layer in everything]
    if not narrow.refits:
        made = _by_sums(run, spec, parts) if parts else ()
        return Made(layers=everything, parts=made, cosines=tuple(means))
    stats = mixture_stats(run, dict(spec.mixture)) if narrow.choice == "sums" else None
    maker = _Maker(loaded=loaded, narrow=narrow, layers=everything, parts=parts, stats=stats)
    with tempfile.TemporaryDirectory(prefix="submodel-atlas-") as folder:
        pairs = enter(loaded, samples, batch_size, Path(folder))
        result = list(maker.layer_by_layer(pairs, report))
    return Made(
        layers=everything,
        parts=tuple(made for layer, _, _ in result for made in layer),
        cosines=tuple(means),
        errors={index: error for _, index, error in result},
    )


def _by_sums(run: Run, spec: ExportSpec, parts: Sequence[Part]) -> tuple[MadePart, ...]:
    """Every part chosen by stored sums; nothing is refitted, and no model in memory."""
    stats = mixture_stats(run, dict(spec.mixture))
    weights = {weight.key: weight for weight in run.weights}
    reader = run.weight_reader()
    made = []
    for part in parts:
        sums = _sums_of(stats, weights.get(part.consumer), part)
        matrix = reader.matrix(part.consumer)
        scores = contributions(sums, matrix, part.columns)
        made.append(MadePart(part=part, kept=keep_largest(scores, part.left)))
    return tuple(made)


def _sums_of(stats: ChannelStats, weight: PrunableWeight | None, part: Part) -> Float:
    """(in,): the stored sums of squares of what a part's consumer reads."""
    if weight is None or weight.input_key not in stats.sum_sq:
        raise InputError(
            f"The run has no sums of what {part.consumer} reads; calibrate all layers and "
            "projections, or let parts be chosen greedily."
        )
    return np.asarray(stats.sum_sq[weight.input_key].sum(0))


def enter(
    loaded: LoadedModel,
    samples: Sequence[tuple[TokenSample, float]],
    batch_size: int,
    folder: Path,
) -> list[Pair]:
    """Every domain's text before the first layer, for the dense and for the narrowed model.

    folder: where hidden states of a streamed model go when memory is short.
    """
    texts = [batches_of(sample, range(sample.num_samples), batch_size) for sample, _ in samples]
    hold = fits_memory(loaded, 2 * [ids for batches in texts for ids, _ in batches])
    decoder = Decoder(loaded)
    pairs = []
    for number, (batches, (_, weight)) in enumerate(zip(texts, samples, strict=True)):
        files = [None if hold else folder / f"{number}-{which}" for which in ("dense", "narrowed")]
        dense, pruned = (HiddenStates(decoder, batches, file) for file in files)
        pairs.append(Pair(dense=dense, pruned=pruned, weight=weight))
    return pairs


@dataclass(kw_only=True)
class _Maker:
    """The choice of every part, in the order in which the model reads them.

    stats: stored sums to choose by; None: greedily. parts: those of the layers that stay.
    """

    loaded: LoadedModel
    narrow: NarrowSpec
    layers: Sequence[int]
    parts: Sequence[Part]
    stats: ChannelStats | None

    def layer_by_layer(
        self, pairs: Sequence[Pair], report: Report
    ) -> Iterator[tuple[list[MadePart], int, float]]:
        """Of every layer that stays, its parts, its number, and the error of its output."""
        loaded = self.loaded
        meter = Meter(report, "Narrowing layer by layer", len(self.parts) + len(loaded.layers))
        for index in range(len(loaded.layers)):
            with loaded.resident(index):
                if index not in self.layers:
                    for pair in pairs:
                        pair.skip()
                else:
                    made = self._layer(pairs, index, meter)
                    changed = self._changed(made)
                    apart = [pair.advance(loaded, changed) for pair in pairs]
                    yield made, index, distance(apart, pairs)
                for pair in pairs:
                    pair.park()
            meter.step(f"layer {index}")

    def _layer(self, pairs: Sequence[Pair], index: int, meter: Meter) -> list[MadePart]:
        made: list[MadePart] = []
        for kind in ("heads", "channels"):
            here = [part for part in self.parts if part.layer == index and part.kind == kind]
            sizes = [(str(part.consumer), part.units * part.columns) for part in here]
            before = self._changed(made)
            for names in fitting(sizes, self.loaded.device) if here else ():
                chosen = [part for part in here if str(part.consumer) in names]
                readers = [self.loaded.weight(part.consumer) for part in chosen]
                sums = collect(self.loaded, pairs, readers, before)
                for part, weight in zip(chosen, readers, strict=True):
                    made.append(self._part(part, weight, sums.pop(weight.input_name)))
                    meter.step(f"layer {index}, {part.kind}")
        return made

    def _part(self, part: Part, weight: PrunableWeight, moments: SecondMoments) -> MadePart:
        stored = WeightReader(self.loaded.folder, [weight]).matrix(weight.key)
        matrix = stored.to(moments.gram.device)
        if weight.key.expert is not None and moments.tokens < ENOUGH_TOKENS:
            alike = np.ones(part.units * part.columns)  # too few tokens to tell inputs apart
            scores = contributions(alike, matrix, part.columns)
            return MadePart(part=part, kept=keep_largest(scores, part.left))
        moments.check(str(weight.key))
        if self.stats is not None:
            scores = contributions(_sums_of(self.stats, weight, part), matrix, part.columns)
            kept = keep_largest(scores, part.left)
        else:
            own, _, ridge = working_precision(moments)
            kept = keep_greedily(matrix, own, ridge, part.columns, part.left)
        chosen = MadePart(part=part, kept=kept)
        fitted = refit(matrix, chosen.columns.to(matrix.device), moments)
        return replace(chosen, fitted=fitted.to(stored.dtype).cpu())

    def _changed(self, made: Sequence[MadePart]) -> Mapping[WeightKey, Tensor]:
        return {
            each.part.consumer: each.full_shape(self.loaded.matrix(each.part.consumer))
            for each in made
        }
