"""What a score takes from the text: norms of every input channel, of a domain or a mixture."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pruning.errors import InputError
from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats, contrast, mix
from pruning.specs import PruneSpec, WeightKey


class ScoreNorms(dict[WeightKey, NDArray]):
    """Input norms, input key -> (channels,), and the inputs of experts that saw too few tokens.

    The norms of these are all 1, so that the weights' magnitudes alone decide.
    """

    def __init__(self, norms: Mapping[WeightKey, NDArray], starved: frozenset[WeightKey]) -> None:
        super().__init__(norms)
        self.starved = starved
        for key in starved:
            self[key] = np.ones_like(self[key])


def norms_of(stats: ChannelStats, norms: Mapping[WeightKey, NDArray] | None = None) -> ScoreNorms:
    """The norms to score with, input key -> (channels,).

    norms: made from `stats` in another way, of the same shapes; None: their own.
    """
    return ScoreNorms(stats.norms() if norms is None else norms, stats.starved)


def mixture_stats(run: Run, mixture: Mapping[str, float]) -> ChannelStats:
    """The statistics of a weighted mixture of the run's domains (see `statistics.mix`)."""
    return mix([(run.stats(domain), weight) for domain, weight in mixture.items()])


def mixture_norms(run: Run, prune: PruneSpec, mixture: Mapping[str, float]) -> ScoreNorms:
    """What the score of `prune` takes as norms for a mixture; raises as `score_norms`."""
    stats = mixture_stats(run, mixture)
    return _contrasted(run, stats, mixture) if prune.score == "contrastive" else norms_of(stats)


def score_norms(run: Run, prune: PruneSpec, domains: Sequence[str]) -> dict[str, ScoreNorms]:
    """What the score of `prune` takes as norms: domain name -> (input key -> (channels,)).

    InputError if the score is contrastive and the run has no other domain to compare with.
    """
    if prune.score != "contrastive":
        return domain_norms(run, domains)
    return {domain: _contrasted(run, run.stats(domain), [domain]) for domain in domains}


def _contrasted(run: Run, stats: ChannelStats, inside: Collection[str]) -> ScoreNorms:
    others = [run.stats(domain) for domain in run.domains if domain not in inside]
    if not others:
        raise InputError(
            "The contrastive score compares with the run's other domains, and there is none left; "
            "leave a domain out, calibrate on more, or choose another score."
        )
    return norms_of(stats, contrast(stats, others))


def domain_norms(run: Run, domains: Sequence[str]) -> dict[str, ScoreNorms]:
    """Domain name -> (input key -> (channels,)), over all of its groups."""
    return {domain: norms_of(run.stats(domain)) for domain in domains}
