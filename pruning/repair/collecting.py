"""Second moments of one layer's inputs, with the dense model's vectors beside the sub-model's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pruning.calibration.input_sums import AllSeen, input_readers, reading
from pruning.calibration.passages import HiddenStates
from pruning.checkpoints.weights import PrunableWeight
from pruning.machine.resources import free_memory_bytes
from pruning.masks.surgery import temporary_matrices
from pruning.models.experts import Expert
from pruning.models.loading import LoadedModel
from pruning.repair.second_moments import SecondMoments, token_weights
from pruning.specs import WeightKey

Vectors = tuple[Tensor, Tensor | None]  # (tokens, channels); of an expert, which tokens they are of
SUMS_SHARE = 0.25  # of the free memory that the sums of a stage may take together


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One text on its way through the dense model and through the sub-model.

    weight: of the text in the mixture. Both enter the same layer next.
    """

    dense: HiddenStates
    pruned: HiddenStates
    weight: float

    @property
    def tokens(self) -> int:
        """How many tokens count."""
        return int(self.dense.tokens.sum())

    def advance(self, loaded: LoadedModel, changed: Mapping[WeightKey, Tensor]) -> float:
        """Go through the next layer, dense and `changed`; how far apart they are then.

        The sum over counted tokens of ||h - h'||^2 / ||h||^2, of the hidden states after the layer.
        """
        self.dense.advance()
        with temporary_matrices(loaded, changed):
            self.pruned.advance()
        total = 0.0
        for number, (_, valid) in enumerate(self.dense.batches):
            dense, pruned = (each.states(number).float() for each in (self.dense, self.pruned))
            apart = (dense - pruned).square().sum(-1) / dense.square().sum(-1).clamp_min(1e-30)
            total += float(apart[valid.to(apart.device)].double().sum())
        return total

    def skip(self) -> None:
        """Go through the next layer with the dense model alone: the sub-model has none there."""
        self.dense.advance()
        self.pruned.layer += 1

    def park(self) -> None:
        """See `HiddenStates.park`."""
        self.dense.park(keep=False)
        self.pruned.park(keep=False)


def distance(totals: Sequence[float], pairs: Sequence[Pair]) -> float:
    """The relative error of a layer's output: the root of the mixture's mean over tokens.

    totals: what `Pair.advance` gave of each pair.
    """
    counts = token_weights([(pair.tokens, pair.weight) for pair in pairs])
    tokens = sum(pair.tokens for pair in pairs)
    total = sum(each * count for each, count in zip(totals, counts, strict=True))
    return float((total / max(tokens, 1)) ** 0.5)


@dataclass
class _Seen:
    """What the modules of a layer read in one call, in the order of reading."""

    last: int | None = None
    inputs: dict[str, Vectors] = field(default_factory=dict)

    def __call__(self, name: str, activations: Tensor, expert: Expert | None) -> None:
        flat = activations.reshape(-1, activations.shape[-1])
        self.inputs[name] = flat, None if expert is None else expert.rows
        if len(self.inputs) == self.last:
            raise AllSeen


def stages(pair: Pair, loaded: LoadedModel, weights: Sequence[PrunableWeight]) -> list[list[str]]:
    """The distinct inputs of one layer's weights, in the order in which the layer reads them.

    Inputs of one list do not depend on each other's weights: an expert's do not on another's. Seen
    in a call with the first batch, not assumed from names.
    """
    seen, index = _Seen(), pair.dense.layer
    with reading(loaded.layers[index], input_readers(weights), seen):
        pair.dense.observe(0)
    alike: dict[str, list[str]] = {}
    for name in seen.inputs:
        alike.setdefault(re.sub(r"(^|\.)experts\.\d+\.", r"\1experts.*.", name), []).append(name)
    return list(alike.values())


def fitting(inputs: Iterable[tuple[str, int]], device: torch.device) -> list[list[str]]:
    """Inputs (name, channels) in lists whose sums are in memory together; at least one in each."""
    room = SUMS_SHARE * (
        torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory_bytes()
    )
    lists: list[list[str]] = []
    left = 0.0
    for name, channels in inputs:
        needed = 2 * 4 * channels**2
        if not lists or needed > left:
            lists.append([])
            left = room
        lists[-1].append(name)
        left -= needed
    return lists


def collect(
    loaded: LoadedModel,
    pairs: Sequence[Pair],
    weights: Sequence[PrunableWeight],
    changed: Mapping[WeightKey, Tensor],
    *,
    paired: bool = True,
) -> dict[str, SecondMoments]:
    """Input name -> its sums over all pairs' texts, before the next layer.

    weights: of that layer, those whose inputs are wanted. changed: what has been repaired of the
    layer so far: the sub-model's vectors are those behind it. paired: the dense model's vectors are
    wanted, too. A token that the sub-model sends to another expert than the dense model did has no
    vector of the dense model there; its own stands for it, so that the expert's answer to it stays.
    """
    readers = input_readers(weights)
    channels = {weight.input_name: weight.shape[1] for weight in weights}
    layer = loaded.layers[pairs[0].dense.layer]
    counts = token_weights([(pair.tokens, pair.weight) for pair in pairs])
    sums: dict[str, SecondMoments] = {}
    for pair, count in zip(pairs, counts, strict=True):
        for number, (_, valid) in enumerate(pair.dense.batches):
            dense, own = _Seen(len(readers)), _Seen(len(readers))
            if paired:
                with reading(layer, readers, dense):
                    pair.dense.observe(number)
            with temporary_matrices(loaded, changed), reading(layer, readers, own):
                pair.pruned.observe(number)
            for name, seen in own.inputs.items():
                if name not in sums:
                    sums[name] = SecondMoments.empty(
                        channels[name], paired=paired, device=seen[0].device
                    )
                _count(sums[name], dense.inputs.get(name), seen, valid.flatten(), count)
        pair.park()
    return sums


def _count(
    sums: SecondMoments, dense: Vectors | None, own: Vectors, valid: Tensor, weight: float
) -> None:
    """Add one batch's vectors. valid: bool (positions,)."""
    seen, rows = own
    counted = valid.to(seen.device)
    wanted = None
    if dense is not None:
        wanted = dense[0]
        if rows is not None and dense[1] is not None:
            wanted = _at_rows(dense[0], dense[1], seen, rows, len(counted))
    if rows is not None:
        counted = counted[rows]
    if not bool(counted.all()):
        seen = seen[counted]
        wanted = None if wanted is None else wanted[counted]
    sums.add(seen, wanted, weight)


def _at_rows(
    dense: Tensor, dense_rows: Tensor, own: Tensor, rows: Tensor, positions: int
) -> Tensor:
    """The dense model's vectors of the tokens `rows`, and `own` where it has none of a token."""
    where = torch.full((positions,), -1, dtype=torch.int64, device=own.device)
    where[dense_rows] = torch.arange(len(dense_rows), device=own.device)
    found = where[rows]
    return torch.where((found >= 0)[:, None], dense[found.clamp_min(0)], own) if len(dense) else own
