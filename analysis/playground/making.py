"""Sub-models that are more than masks, made while a person waits, and kept with their run.

What is refitted takes passes through the model. That is done here while a person waits, for models
that are small enough; what was evaluated or exported before is taken from there at any size.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue

from analysis.playground.waiting import TOO_LARGE, is_made, is_small
from pruning.errors import AtlasError
from pruning.narrowing import submodels
from pruning.progress import Progress
from pruning.runs.run import Run
from pruning.specs import ExportSpec

STAGE = "making the sub-model"


class Stopped(Exception):  # noqa: N818 - no error: the person has seen enough
    """The person stopped a generation while it was prepared."""


def make(run: Run, spec: ExportSpec, stop: Callable[[], bool]) -> Iterator[str]:
    """Make and keep a repaired or narrowed sub-model, unless it is kept; yields how far it is.

    It is made beside, so that each step is said as it comes. Raises Stopped soon after `stop` says
    so; AtlasError for a model too large to wait for; else as `narrowing.submodels.make`.
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

    yield STAGE
    with ThreadPoolExecutor(1, "making") as beside:
        making = beside.submit(submodels.make, run, spec, report)
        making.add_done_callback(lambda _: words.put(None))
        try:
            while (said := words.get()) is not None:
                yield said
            making.result()
        finally:
            left.set()
