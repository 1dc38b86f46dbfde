"""Sub-models that are more than masks: made once, kept with their run, and put on the model.

What is refitted takes passes through the model. That is done here while a person waits, for models
that are small enough; what was evaluated or exported before is taken from there at any size.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from queue import Queue

from analysis.playground.waiting import TOO_LARGE, is_made, is_small
from pruning.errors import AtlasError
from pruning.models.loading import LoadedModel
from pruning.narrowing.kept import narrowed
from pruning.narrowing.surgery import temporarily_narrow
from pruning.progress import Progress
from pruning.repair.made import temporary_submodel
from pruning.repair.recipe import made_of, recipe_of
from pruning.runs.run import Run
from pruning.specs import ExportSpec, WeightKey

STAGE = "making the sub-model"


class Stopped(Exception):  # noqa: N818 - no error: the person has seen enough
    """The person stopped a generation while it was prepared."""


def make(run: Run, spec: ExportSpec, stop: Callable[[], bool]) -> Iterator[str]:
    """Make and keep a repaired or narrowed sub-model, unless it is kept; yields how far it is.

    It is made beside, so that each step is said as it comes. Raises Stopped soon after `stop` says
    so; AtlasError for a model too large to wait for; else as `RepairedRecipe.prepare` and
    `narrowing.kept.narrowed`.
    """
    if is_made(run, spec):
        return
    if not is_small(run):
        raise AtlasError(TOO_LARGE)
    words: Queue[str | None] = Queue()
    left = threading.Event()  # nobody reads on

    def report(progress: Progress) -> None:
        if left.is_set() or stop():
            raise Stopped
        words.put(f"{STAGE}: {progress.stage}, {progress.done} of {progress.total}")

    def work() -> None:
        if spec.narrow is None:
            recipe_of(run, spec).prepare(report)
        else:
            narrowed(run, spec, report)

    yield STAGE
    with ThreadPoolExecutor(1, "making") as beside:
        making = beside.submit(work)
        making.add_done_callback(lambda _: words.put(None))
        try:
            while (said := words.get()) is not None:
                yield said
            making.result()
        finally:
            left.set()


def put_on(
    loaded: LoadedModel, run: Run, spec: ExportSpec, check: Callable[[list[WeightKey]], None]
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
