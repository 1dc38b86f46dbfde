"""Masks that set to zero what a removal names, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.cause.draws import matched_draw, part, random_draw
from analysis.cause.regions import regions
from analysis.cause.spec import CauseSpec, Removal
from pruning.errors import InputError
from pruning.masks.making import run_masks, selected_weights
from pruning.masks.mask import Mask
from pruning.masks.starved import check_removal
from pruning.progress import Meter, Report, ignore
from pruning.runs.run import Run
from pruning.specs import TEXT_SCORES, PruneSpec, WeightKey, content_hash

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

Regions = Mapping[WeightKey, Mapping[str, Mask]]


def run_regions(run: Run, prune: PruneSpec, spec: CauseSpec, report: Report = ignore) -> Regions:
    """Weight matrix -> domain -> its region there, one bit a weight.

    Raises InputError where the score gives all domains one mask, for fewer than two domains, where
    no domain has any weight for itself, and as `check_removal`.
    """
    if not prune.reads_text:
        raise InputError(
            f"The score {prune.score!r} ignores the text, so no weight belongs to one domain; "
            f"choose one of {', '.join(TEXT_SCORES)}."
        )
    if len(run.domains) < 2:
        raise InputError(
            "A domain's own weights are told apart from other domains'; this run has one."
        )
    if spec.region == "exclusive":
        check_removal(run, prune, run.domains)
    own_spec, others_spec = spec.of(prune)
    meter = Meter(report, "Finding the regions", len(selected_weights(run, own_spec)))
    found = {}
    own = run_masks(run, own_spec)
    others = run_masks(run, others_spec) if others_spec != own_spec else None
    for weight, masks in own:
        found[weight.key] = regions(masks, next(others)[1] if others else None)
        meter.step(str(weight.key))
    if not any(region_sizes(found).values()):
        raise InputError(
            f"No weight is {spec.region} to any domain at these settings, so there is nothing to "
            "remove; choose another sparsity or share, or the other kind of region."
        )
    return found


def region_sizes(found: Regions) -> dict[str, int]:
    """Domain -> weights of its region in all matrices."""
    domains = next(iter(found.values()))
    return {domain: sum(of[domain].count() for of in found.values()) for domain in domains}


def kept_masks(
    removal: Removal,
    run: Run,
    loaded: LoadedModel,
    prune: PruneSpec,
    found: Regions,
    seed: int,
) -> dict[WeightKey, Mask]:
    """Of every matrix, the weights that stay; `loaded` is the unchanged model."""
    if removal.kind == "nothing":
        return {}
    if removal.kind == "mask":
        assert removal.domain is not None
        masks = run_masks(run, prune, [removal.domain])
        return {weight.key: each[removal.domain] for weight, each in masks}
    return {
        key: Mask.pack(~_removed(removal, of_matrix, key, loaded, seed))
        for key, of_matrix in found.items()
    }


def _removed(
    removal: Removal,
    of_matrix: Mapping[str, Mask],
    key: WeightKey,
    loaded: LoadedModel,
    seed: int,
) -> NDArray[np.bool_]:
    """The weights of one matrix that go: bool (out, in)."""
    assert removal.domain is not None
    own = of_matrix[removal.domain].unpack()
    if removal.kind == "region":
        return own
    random = np.random.default_rng(int(content_hash([seed, removal.to_json(), str(key)]), 16))
    if removal.kind == "part":
        assert removal.partner is not None
        return part(own, of_matrix[removal.partner].count(), random)
    if removal.kind == "random":
        return random_draw(own, random)
    magnitude = loaded.matrix(key).float().abs().cpu().numpy()
    return matched_draw(own, magnitude, random)
