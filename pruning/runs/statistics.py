"""What calibration keeps: sums of squared activations, per group of documents and input channel.

Sums add up, so everything that Wanda needs (Sun et al. 2023, arXiv 2306.11695) for any subset,
union or mixture of the calibration text is arithmetic on these small arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from pruning.errors import AtlasError
from pruning.machine.storage import atomic_tensors
from pruning.specs import WeightKey

Float = NDArray[np.float64]
Integer = NDArray[np.int64]
ENOUGH_TOKENS = 32  # of a text that an expert must see, or its sums are too few to go by


@dataclass(frozen=True, kw_only=True)
class ChannelStats:
    """The statistics of one domain (or of several, added).

    Keys name a distinct layer input by the first weight that reads it (q_proj for q, k and v).
    sum_sq[key]: (groups, channels) float64, sum over counted tokens of x squared.
    tokens[key]: (groups,) int64, tokens counted; of an expert, those that were routed to it. There
    may be counts of inputs whose sums were left on disk.
    """

    sum_sq: Mapping[WeightKey, Float]
    tokens: Mapping[WeightKey, Integer]

    def __post_init__(self) -> None:
        if not set(self.sum_sq) <= set(self.tokens):
            raise ValueError("Sums and token counts name different layer inputs.")
        for key, sums in self.sum_sq.items():
            if sums.ndim != 2 or self.tokens[key].shape != sums.shape[:1]:
                raise ValueError(
                    f"Input {key}: sums {sums.shape} and token counts "
                    f"{self.tokens[key].shape} must be (groups, channels) and (groups,)."
                )

    @property
    def groups(self) -> int:
        """How many groups of documents are told apart."""
        return len(next(iter(self.tokens.values())))

    def __add__(self, other: ChannelStats) -> ChannelStats:
        """Group by group: the statistics of both texts together. Same inputs and groups needed."""
        if set(self.sum_sq) != set(other.sum_sq):
            raise ValueError("Only statistics of the same layer inputs can be added.")
        if self.groups != other.groups:
            raise ValueError(f"{self.groups} groups cannot be added to {other.groups}.")
        return ChannelStats(
            sum_sq={key: sums + other.sum_sq[key] for key, sums in self.sum_sq.items()},
            tokens={key: count + other.tokens[key] for key, count in self.tokens.items()},
        )

    def subset(self, groups: Sequence[int]) -> ChannelStats:
        """The statistics of some groups only, e.g. of one half of the documents."""
        chosen = np.asarray(groups, dtype=np.int64)
        return self._each(lambda array: array[chosen])

    def total(self) -> ChannelStats:
        """All groups added into one."""
        return self._each(lambda array: array.sum(axis=0, keepdims=True))

    def norms(self) -> dict[WeightKey, Float]:
        """||X_j||_2 over all tokens of all groups, per input: (channels,)."""
        return {key: np.sqrt(sums.sum(axis=0)) for key, sums in self.sum_sq.items()}

    def mean_squares(self) -> dict[WeightKey, Float]:
        """The mean of x squared over all tokens of all groups, per input: (channels,)."""
        return {
            key: sums.sum(axis=0) / max(int(self.tokens[key].sum()), 1)
            for key, sums in self.sum_sq.items()
        }

    @property
    def starved(self) -> frozenset[WeightKey]:
        """The inputs of experts that saw fewer than ENOUGH_TOKENS tokens in all groups together.

        Of those whose sums are here.
        """
        return frozenset(
            key
            for key in self.sum_sq
            if key.expert is not None and int(self.tokens[key].sum()) < ENOUGH_TOKENS
        )

    @property
    def text_tokens(self) -> float:
        """A measure of the text's length: the mean over inputs of the tokens counted.

        Where all tokens pass every input, their number. A router that sends each token to the same
        number of experts makes it proportional to that.
        """
        return sum(int(count.sum()) for count in self.tokens.values()) / max(len(self.tokens), 1)

    def save(self, path: Path) -> None:
        """Write as safetensors, atomically."""
        tensors: dict[str, NDArray] = {}
        for key in self.sum_sq:
            tensors[f"{key}/sum_sq"] = self.sum_sq[key]
            tensors[f"{key}/tokens"] = self.tokens[key]
        atomic_tensors(path, tensors)

    @classmethod
    def load(cls, path: Path, inputs: Collection[WeightKey] | None = None) -> ChannelStats:
        """Read what `save` wrote; AtlasError if the file is missing or damaged.

        inputs: those whose sums are read, of a file that may be large; None: all.
        """
        sums, tokens = {}, {}
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 - a file is no dict
                    text, _, what = name.rpartition("/")
                    key = WeightKey.parse(text)
                    if what == "tokens":
                        tokens[key] = file.get_tensor(name)
                    elif inputs is None or key in inputs:
                        sums[key] = file.get_tensor(name)
        except Exception as error:
            raise AtlasError(
                f"The statistics in {path.name} cannot be read ({error}); calibrate again."
            ) from error
        if any((count < 0).any() for count in tokens.values()) or not all(
            np.isfinite(each).all() and (each >= 0).all() for each in sums.values()
        ):
            raise AtlasError(
                f"The statistics in {path.name} are damaged: sums of squares and token counts are "
                "numbers of at least 0. Calibrate again."
            )
        return cls(sum_sq=sums, tokens=tokens)

    @classmethod
    def stack(cls, groups: Sequence[ChannelStats]) -> ChannelStats:
        """Put the groups of several statistics of the same inputs one after the other."""
        first = groups[0]
        return cls(
            sum_sq={key: np.concatenate([g.sum_sq[key] for g in groups]) for key in first.sum_sq},
            tokens={key: np.concatenate([g.tokens[key] for g in groups]) for key in first.tokens},
        )

    def _each(self, change: Callable[[NDArray], NDArray]) -> ChannelStats:
        return ChannelStats(
            sum_sq={key: change(sums) for key, sums in self.sum_sq.items()},
            tokens={key: change(count) for key, count in self.tokens.items()},
        )


def contrast(own: ChannelStats, others: Sequence[ChannelStats]) -> dict[WeightKey, Float]:
    """Norms that favour what a domain uses more than other domains do, per input: (channels,).

    ||X_j||_2 of the domain times 2 o_j / (o_j + e_j), where o_j is the channel's mean square per
    token in the domain, and e_j its mean over the others, each with the same weight. The factor is
    1 where the domain is as loud as the others, at most 2, and 0 where it is silent.
    """
    elsewhere = mix([(stats, 1.0) for stats in others]).mean_squares()
    here, norms = own.mean_squares(), own.norms()
    for key, norm in norms.items():
        both = here[key] + elsewhere[key]
        share = np.divide(here[key], both, out=np.zeros_like(both), where=both > 0)
        norms[key] = norm * 2 * share
    return norms


def mix(parts: Sequence[tuple[ChannelStats, float]]) -> ChannelStats:
    """One sub-model's statistics from several domains', each counted per token, then weighted.

    The mixture's mean square is sum_d weight_d * (sum_sq_d / tokens_d) / sum_d weight_d, so a
    domain with more text weighs no more than its weight says. Returns one group whose sums are
    that mean times the tokens of all. A single part is its own total, exactly. tokens_d counts the
    text, not what a router sends to one expert: a domain that an expert hardly sees has little to
    say there.
    """
    if not parts or any(not weight > 0 for _, weight in parts):
        raise ValueError("A mixture needs at least one domain, and weights above 0.")
    totals = [(stats.total(), weight) for stats, weight in parts]
    if len(totals) == 1:
        return totals[0][0]
    scale = sum(weight for _, weight in totals)
    first = totals[0][0]
    sums, tokens = {}, {}
    lengths = [max(stats.text_tokens, 1.0) for stats, _ in totals]
    for key in first.sum_sq:
        mean = sum(
            weight / scale * stats.sum_sq[key] / length
            for (stats, weight), length in zip(totals, lengths, strict=True)
        )
        sums[key] = np.asarray(mean * sum(lengths))
        tokens[key] = np.sum([stats.tokens[key] for stats, _ in totals], axis=0)
    return ChannelStats(sum_sq=sums, tokens=tokens)
