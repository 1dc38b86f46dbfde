"""What holds for all tests: one thread for each sum, and chance that is the same each time."""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests import marks

# Before numpy and torch are imported, here and in every process that a test starts. The models of
# the tests are so small that a second thread mostly waits, and it takes a processor for that; and
# several test processes would have more threads than there are processors.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


@pytest.fixture(autouse=True)
def same_chance() -> None:
    """Every test begins with the same random numbers, whichever test ran before it."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks that follow from fixtures."""
    marks.mark(items)


@pytest.fixture(autouse=True)
def only_marked_tests_start_processes(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that `make quick` starts none: see marks.py."""
    if not any(request.node.get_closest_marker(name) for name in marks.MAY_START):
        marks.refuse_processes(monkeypatch)
