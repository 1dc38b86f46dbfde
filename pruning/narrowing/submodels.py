"""Sub-models that are more than masks, repaired or narrowed: made and kept, then put on a model."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager

from pruning.models.loading import LoadedModel
from pruning.narrowing.kept import narrowed
from pruning.narrowing.surgery import temporarily_narrow
from pruning.progress import Report
from pruning.repair.made import temporary_submodel
from pruning.repair.recipe import made_of, recipe_of
from pruning.runs.run import Run
from pruning.specs import ExportSpec, WeightKey


def make(run: Run, spec: ExportSpec, report: Report) -> None:
    """Make and keep a sub-model, unless it is kept with its run.

    Raises as `RepairedRecipe.prepare` and `narrowing.kept.narrowed`.
    """
    if spec.narrow is None:
        recipe_of(run, spec).prepare(report)
    else:
        narrowed(run, spec, report)


def put_on(
    loaded: LoadedModel,
    run: Run,
    spec: ExportSpec,
    check: Callable[[Collection[WeightKey]], None] = lambda _: None,
) -> AbstractContextManager[None]:
    """Inside the block the model answers as a sub-model that was made; after it, as the dense one.

    check: called with the weights that are kept aside meanwhile, before they are.
    """
    if spec.narrow is not None:
        narrow = narrowed(run, spec)
        check(list(narrow.by_consumer()))
        return temporarily_narrow(loaded, narrow)
    made = made_of(run, spec)
    assert made is not None  # `make` made it
    check(list(made))
    return temporary_submodel(loaded, made)
