"""Masks of many resampled norms, on a sample of each matrix's rows.

Weights compete within their row, so a row's mask needs no other row: a seeded sample of rows,
stratified by matrix, gives every overlap without bias, at a fraction of the work.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError
from pruning.masks.making import selected_weights
from pruning.masks.mask import Mask
from pruning.masks.selecting import keep_highest
from pruning.progress import Meter, Report
from pruning.runs.run import Run
from pruning.runs.statistics import ENOUGH_TOKENS, ChannelStats
from pruning.specs import PruneSpec, WeightKey

CHUNK_BYTES = 64 * 2**20  # of float32 scores in memory at a time
CHUNK_ROWS = 64  # of which the masks are in memory at a time
Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True)
class SampledRows:
    """Some rows of one weight matrix.

    magnitude: float32 (rows, in). scale: rows of the matrix divided by rows in the sample.
    """

    weight: PrunableWeight
    magnitude: torch.Tensor
    scale: float

    @property
    def key(self) -> WeightKey:
        """The matrix's address."""
        return self.weight.key

    def chunks(self) -> Iterator[SampledRows]:
        """The same rows, at most `CHUNK_ROWS` at a time."""
        for magnitude in self.magnitude.split(CHUNK_ROWS):
            yield replace(self, magnitude=magnitude)


def each_matrix(
    run: Run,
    prune: PruneSpec,
    rows: int,
    seed: int,
    count: Callable[[SampledRows], Made],
    report: Report,
    stage: str,
) -> list[Made]:
    """What `count` makes of the sampled rows of every weight matrix that `prune` selects.

    rows: of each matrix, drawn by the seed; 0 means all. Several matrices are counted at once, as
    numpy selects without Python's lock; no more of them are in memory than there are processors.
    """
    weights = selected_weights(run, prune)
    meter = Meter(report, stage, len(weights))
    workers = os.cpu_count() or 1
    made: list[Made] = []
    waiting: deque[Future[Made]] = deque()

    def finish_one() -> None:
        made.append(waiting.popleft().result())
        meter.step(str(weights[len(made) - 1].key))

    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        for sampled in sample_rows(run, weights, rows or None, seed):
            waiting.append(pool.submit(count, sampled))
            if len(waiting) > workers:
                finish_one()
        while waiting:
            finish_one()
    finally:
        pool.shutdown(cancel_futures=True)
    return made


def sample_rows(
    run: Run, weights: Sequence[PrunableWeight], rows: int | None, seed: int
) -> Iterator[SampledRows]:
    """At most `rows` rows of each matrix, drawn without replacement; None: all of them."""
    reader = run.weight_reader()
    for number, weight in enumerate(weights):
        matrix = reader.matrix(weight.key)
        count = matrix.shape[0] if rows is None else min(rows, matrix.shape[0])
        random = np.random.default_rng([seed, number])
        chosen = np.sort(random.choice(matrix.shape[0], count, replace=False))
        yield SampledRows(
            weight=weight,
            magnitude=matrix[torch.from_numpy(chosen)].float().abs(),
            scale=matrix.shape[0] / count,
        )


def refusal(prune: PruneSpec) -> str | None:
    """Why evidence cannot be asked of masks like these, and what to choose; None if it can.

    They must depend on the text and on single rows, and all draws must prune equally many weights.
    """
    if not prune.reads_text:
        return (
            f"The score {prune.score!r} ignores the text, so all domains have the same mask; "
            "evidence is for the score 'wanda'."
        )
    if prune.score != "wanda":
        return f"Evidence is for the score 'wanda', not for {prune.score!r}; choose 'wanda'."
    if prune.comparison_group != "row":
        return "Evidence is for weights that compete within their output row; let them do so."
    if prune.allocation != "uniform":
        return "Evidence is for masks that prune the same share of every layer; let all lose alike."
    if prune.starved != "magnitude":
        return (
            "Evidence compares masks of parts of the text, and a part starves more experts than "
            "the whole does; left dense, they would make masks differ by how much is pruned. Let "
            "starved experts be pruned by magnitude: the masks of all other weights are the same."
        )
    return None


def check_resampling(prune: PruneSpec) -> None:
    """Raise InputError where `refusal` has a reason."""
    reason = refusal(prune)
    if reason is not None:
        raise InputError(reason)


@dataclass(frozen=True, kw_only=True)
class GroupSums:
    """The sums of one layer input: sums (groups, channels), tokens (groups,).

    of_expert: a router decides which tokens come here.
    """

    sums: NDArray[np.float64]
    tokens: NDArray[np.int64]
    of_expert: bool

    @classmethod
    def of(cls, stats: ChannelStats, key: WeightKey) -> GroupSums:
        """Those of the input `key`."""
        of_expert = key.expert is not None
        return cls(sums=stats.sum_sq[key], tokens=stats.tokens[key], of_expert=of_expert)

    def pooled(self, other: GroupSums) -> GroupSums:
        """The groups of both, one after the other."""
        return replace(
            self,
            sums=np.concatenate([self.sums, other.sums]),
            tokens=np.concatenate([self.tokens, other.tokens]),
        )

    def drawn(self, members: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sums of draws of groups: members (..., groups) -> (..., channels).

        1 everywhere, so that magnitude decides, where an expert saw too few tokens in a draw.
        """
        sums = members @ self.sums
        if self.of_expert:
            sums[members @ self.tokens < ENOUGH_TOKENS] = 1.0
        return sums


def masks_of(
    sampled: SampledRows, sums: NDArray[np.float64], prune: PruneSpec
) -> NDArray[np.uint64]:
    """The Wanda masks of many sets of sums of squares (..., in): bits (..., rows, words).

    Packed as in `Mask`: input j is bit j % 64 of word j // 64, True = kept, spare bits are 0.
    """
    rows, columns = sampled.magnitude.shape
    flat_sums = sums.reshape(-1, columns)
    packed = np.empty((len(flat_sums), rows, -(-columns // 64)), dtype=np.uint64)
    step = max(1, CHUNK_BYTES // (4 * rows * columns))
    for start in range(0, len(flat_sums), step):
        norms = np.sqrt(np.maximum(flat_sums[start : start + step], 0)).astype(np.float32)
        scores = sampled.magnitude[None] * torch.from_numpy(norms)[:, None, :]
        mask = Mask.pack(keep_highest(scores.reshape(-1, columns), prune))
        packed[start : start + step] = mask.words.reshape(len(norms), rows, -1)
    return packed.reshape(*sums.shape[:-1], rows, -1)


def count_both(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Weights kept by both, mask by mask: (..., rows, words) -> (...)."""
    return np.bitwise_count(first & second).sum(axis=(-2, -1), dtype=np.int64)


def count_both_by_row(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Weights kept by both, row by row: (..., rows, words) -> (..., rows)."""
    return np.bitwise_count(first & second).sum(axis=-1, dtype=np.int64)


def halves(
    groups: int, splits: int, random: np.random.Generator, size: int | None = None
) -> NDArray[np.float64]:
    """Random disjoint halves of the groups: (splits, 2, groups) of 0 and 1.

    Each half has floor(groups / 2), of an odd number one group is left out of both; or `size`, if
    it is given, and what is over is left out.
    """
    half = groups // 2 if size is None else size
    members = np.zeros((splits, 2, groups))
    for split in range(splits):
        order = random.permutation(groups)
        members[split, 0, order[:half]] = 1
        members[split, 1, order[half : 2 * half]] = 1
    return members


def bootstrap_halves(
    groups: int,
    draws: int,
    splits: int,
    random: np.random.Generator,
    size: int | None = None,
) -> NDArray[np.float64]:
    """Halves of groups that were drawn with replacement: (draws, splits, 2, groups) of weights.

    Every group gets the number of times it was drawn; it is in one half of a split alone, however
    often it was drawn, so that the halves share no document. A half in which no group was drawn
    falls back on each of its groups once. size: see `halves`.
    """
    times = random.multinomial(groups, np.full(groups, 1 / groups), size=draws)
    members = halves(groups, draws * splits, random, size).reshape(draws, splits, 2, groups)
    weighted = members * times[:, None, None, :]
    empty = weighted.sum(axis=-1, keepdims=True) == 0
    return np.where(empty, members, weighted)


def relabelings(
    first: int, second: int, count: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Random relabelings of pooled groups: (count, first + second), 1 = belongs to the first."""
    members = np.zeros((count, first + second))
    for number in range(count):
        members[number, random.permutation(first + second)[:first]] = 1
    return members
