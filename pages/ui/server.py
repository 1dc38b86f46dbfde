"""What the server does beside pages: the supervisor of the queue, a warm start, downloads."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.routing import Route

from pages.ui.downloads import PATH, download
from pages.ui.library import queue
from pages.ui.warm import warm_up
from pruning.errors import AtlasError
from pruning.jobs.supervisor import start_supervisor

logger = logging.getLogger(__name__)

ROUTES = [Route(PATH + "{token}", download)]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Start the supervisor, and import what is slow to import before somebody waits for it."""
    supervisor = None
    try:
        supervisor = start_supervisor(queue())
    except (AtlasError, OSError) as error:
        logger.warning("no jobs can run: %s", error)
    warm_up()
    yield
    if supervisor is not None:
        supervisor.stop()  # the worker ends with the server, and its job can be started again
