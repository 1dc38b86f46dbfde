"""Sub-models that are more than masks: repaired ones, and those that have lost whole parts.

A mask is made of a run's sums when it is wanted. What is refitted takes passes through the model,
so it is made before anything is measured, once, and kept with the run; then it is put on the model
in memory as a mask is, and taken off again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.evaluation.mask_sources import MaskSource, masks_of
from analysis.evaluation.spec import WEIGHTS
from pruning.masks.surgery import temporary_masks
from pruning.progress import Report
from pruning.specs import NONE, ExportSpec
from pruning.specs.narrowing import NarrowSpec

if TYPE_CHECKING:
    from analysis.evaluation.spec import EvaluationSpec
    from pruning.models.loading import LoadedModel
    from pruning.runs.run import Run


def submodel_of(
    run: Run, source: MaskSource, spec: EvaluationSpec, sparsity: float
) -> ExportSpec | None:
    """The sub-model that a row stands for; None where its masks are all of it."""
    plain = spec.repair == NONE and spec.remove == WEIGHTS
    if plain or source.kind not in ("domain", "mixture"):
        return None
    names = (source.domain,) if source.kind == "domain" else run.domains
    whole = ExportSpec(run=run.id, mixture=tuple((name, 1.0) for name in names))
    if spec.remove == WEIGHTS:
        return replace(whole, prune=spec.at(sparsity), repair=spec.repair)
    prune = replace(whole.prune, sparsity=0.0)
    narrow = NarrowSpec.from_json({spec.remove: sparsity})
    return replace(whole, prune=prune, narrow=narrow)


def prepare(
    run: Run, spec: EvaluationSpec, settings: Iterable[tuple[MaskSource, float]], report: Report
) -> None:
    """Make and keep what these rows stand for, where that is not there yet.

    Raises as `narrowing.submodels.make`.
    """
    from pruning.narrowing.submodels import make  # brings transformers along

    for source, sparsity in dict.fromkeys(settings):
        wanted = submodel_of(run, source, spec, sparsity)
        if wanted is not None:
            make(run, wanted, report)


@contextlib.contextmanager
def put_on(
    loaded: LoadedModel, run: Run, source: MaskSource, spec: EvaluationSpec, sparsity: float
) -> Iterator[None]:
    """Inside the block the model answers as a row's sub-model does; the dense model at 0."""
    from pruning.narrowing import submodels

    wanted = submodel_of(run, source, spec, sparsity)
    if wanted is None:
        masks = masks_of(run, source, spec.at(sparsity)) if sparsity else {}
        with temporary_masks(loaded, masks):
            yield
    else:
        with submodels.put_on(loaded, run, wanted):
            yield
