"""Loud channels: the input channels whose norm differs most between two domains.

Wanda multiplies a weight by the norm of the channel it reads, and only the norm depends on the
text; so two domains' masks differ because, and only because, these norms do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pruning.errors import InputError
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats
from pruning.specs import Spec, WeightKey

Float = NDArray[np.float64]
QUIET = 0.1  # of an input's typical loudness; channels that never get there are left out
SILENT = 1e-3  # of it; what is below counts as this, so that no ratio is infinite
NORMAL_95 = 1.959964  # two-sided 95% of a normal distribution


@dataclass(frozen=True, kw_only=True)
class PairSpec(Spec):
    """Two domains of a run, and how many channels of every input to name in each direction."""

    domain_a: str
    domain_b: str
    channels: int = 5

    def __post_init__(self) -> None:
        if self.domain_a == self.domain_b:
            raise InputError(f"Choose two different domains; {self.domain_a} was named twice.")
        if self.channels < 1:
            raise InputError("The number of channels must be at least 1.")


def pair_spec(run: Run, first: str, second: str, channels: int = PairSpec.channels) -> PairSpec:
    """The pair in the run's own order, so that both ways to name it find the same results."""
    for domain in (first, second):
        run.check_domain(domain)
    a, b = sorted((first, second), key=run.domains.index)
    return PairSpec(domain_a=a, domain_b=b, channels=channels)


@dataclass(frozen=True, kw_only=True)
class LoudChannel:
    """One input channel in two domains a and b.

    rms_a, rms_b: root of the mean squared activation per token. ratio: rms_a / rms_b, and its 95%
    interval over draws of documents; the interval is the ratio itself where a domain has only one
    group of documents.
    """

    channel: int
    rms_a: float
    rms_b: float
    ratio: float
    low: float
    high: float


def loud_channels(
    first: ChannelStats, second: ChannelStats, key: WeightKey, count: int
) -> tuple[LoudChannel, ...]:
    """Of one layer input, the `count` channels most louder in the first domain, and in the second.

    From the largest ratio to the smallest. An input's typical loudness is the median over its
    channels of the louder of the two; channels that are below a tenth of it in both domains are
    left out. The interval is ratio * exp(+- 1.96 s), with s the standard error of log(ratio) by
    the delta method for a ratio of sums over groups of documents (Cochran 1977, section 2.11).
    """
    (rms_a, error_a), (rms_b, error_b) = (_loudness(each, key) for each in (first, second))
    louder = np.maximum(rms_a, rms_b)
    if not louder.any():
        return ()
    typical = float(np.median(louder[louder > 0]))
    floor = SILENT * typical
    ratio = np.maximum(rms_a, floor) / np.maximum(rms_b, floor)
    margin = np.exp(NORMAL_95 * np.sqrt(error_a**2 + error_b**2))
    order = np.argsort(-ratio, kind="stable")
    order = order[louder[order] >= QUIET * typical]
    of_a = order[ratio[order] > 1][:count]
    of_b = order[ratio[order] < 1][-count:]
    return tuple(
        LoudChannel(
            channel=int(j),
            rms_a=float(rms_a[j]),
            rms_b=float(rms_b[j]),
            ratio=float(ratio[j]),
            low=float(ratio[j] / margin[j]),
            high=float(ratio[j] * margin[j]),
        )
        for j in (*of_a, *of_b)
    )


def input_ratios(run: Run, spec: PairSpec) -> dict[WeightKey, tuple[LoudChannel, ...]]:
    """`loud_channels` of every distinct layer input of a run, in the order of the model.

    None of an expert that either domain starves: its sums are of too few tokens to go by.
    """
    first, second = run.stats(spec.domain_a), run.stats(spec.domain_b)
    starved = first.starved | second.starved
    keys = dict.fromkeys(weight.input_key for weight in run.weights)
    return {
        key: () if key in starved else loud_channels(first, second, key, spec.channels)
        for key in keys
    }


def input_names(run: Run) -> dict[WeightKey, str]:
    """What each layer input is called: the projections that read it, e.g. "q, k, v".

    Two inputs of a layer never share a name: where the projections alone would not tell them
    apart, as GPT-2's two `c_proj` would not, the weights' names in the layer do.
    """
    readers: dict[WeightKey, list[WeightKey]] = {}
    for weight in run.weights:
        readers.setdefault(weight.input_key, []).append(weight.key)
    short = {key: tuple(each.projection for each in keys) for key, keys in readers.items()}
    return {
        key: ", ".join(name.removesuffix("_proj") for name in short[key])
        if sum(k.layer == key.layer and short[k] == short[key] for k in readers) == 1
        else ", ".join(each.name for each in keys)
        for key, keys in readers.items()
    }


def _loudness(stats: ChannelStats, key: WeightKey) -> tuple[Float, Float]:
    """Root mean square per token of each channel, and the standard error of its logarithm."""
    sums, tokens = stats.sum_sq[key], stats.tokens[key].astype(np.float64)
    groups, total = len(tokens), max(float(tokens.sum()), 1.0)
    mean = sums.sum(axis=0) / total
    if groups < 2:
        return np.sqrt(mean), np.zeros_like(mean)
    residuals = sums - mean * tokens[:, None]
    error = np.sqrt(groups / (groups - 1) * (residuals**2).sum(axis=0)) / total
    # log(rms) = log(mean) / 2
    return np.sqrt(mean), 0.5 * error / np.maximum(mean, np.finfo(np.float64).tiny)
