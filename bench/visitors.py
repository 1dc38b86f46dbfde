"""A visitor of the app without a browser: asks a real server for pages, as a browser would."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

import psutil
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Selectbox_pb2 import Selectbox
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bench.measuring import REPOSITORY
from pruning.errors import AtlasError

HOST = "127.0.0.1"
PATIENCE = 300.0  # seconds that a page may take to say anything
START, END = 180.0, 60.0  # seconds that a server may take
QUIET, BUSY = 8.0, 0.05  # a server that uses less of a processor for so many seconds does nothing


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One run of a page's script. wall, processor: seconds; size, largest: bytes of all messages
    and of the largest one, before the connection compresses them. elements: what is on the page.
    """

    wall: float
    processor: float
    size: int
    largest: int
    elements: tuple[Element, ...] = field(repr=False)


class Server:
    """The app on a free port, in a process of its own."""

    def __init__(self, workspace: Path, log: Path, **environment: str) -> None:
        """log: where its output goes. environment: variables that it has besides this process's."""
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port=0"],
                cwd=REPOSITORY,
                stdout=output,
                stderr=output,
                env=os.environ | {"SUBMODEL_ATLAS_WORKSPACE": str(workspace)} | environment,
            )
        self._usage = psutil.Process(self._process.pid)
        self.address = self._wait(log)

    def processor(self) -> float:
        """Seconds of processor time until now, of all threads."""
        used = self._usage.cpu_times()
        return used.user + used.system

    def settle(self) -> None:
        """Wait until it has nothing to do: it imports what is slow to import after its start."""
        before, now = -1.0, self.processor()
        while now - before > BUSY * QUIET:
            time.sleep(QUIET)
            before, now = now, self.processor()

    def stop(self) -> None:
        """End it as a person would; TimeoutExpired where that does not end it."""
        self._process.terminate()
        try:
            self._process.wait(END)
        finally:
            self._process.kill()
            self._process.wait()

    def _wait(self, log: Path) -> str:
        """The address, once it answers there."""
        end = time.monotonic() + START
        while self._process.poll() is None and time.monotonic() < end:
            try:
                address = listens_at(self._usage)
                with urllib.request.urlopen(f"http://{address}/_stcore/health", timeout=END):
                    return address
            except (OSError, psutil.Error):
                time.sleep(0.05)
        self._process.kill()
        self._process.wait()
        raise AtlasError(f"The app did not start; it said:\n{log.read_text()}")


def listens_at(process: psutil.Process) -> str:
    """Where a server listens on this machine, as host:port; ConnectionRefusedError if not yet.

    A server that was started on port 0 got one that is free; one that is looked for before its
    start may be another program's by then.
    """
    for each in process.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN:
            return f"{HOST}:{each.laddr.port}"
    raise ConnectionRefusedError


@contextmanager
def serving(workspace: Path) -> Iterator[Server]:
    """A server that was just started and ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(workspace, Path(folder) / "log")
        try:
            yield server
        finally:
            server.stop()


class Visitor:
    """One session: a page that is opened, and choices that are made there."""

    def __init__(self, server: Server, page: str, query: dict[str, str]) -> None:
        """page: of the address; empty for the first. query: its choices."""
        self._server, self._page, self._query = server, page, urlencode(query)
        self._connection: ClientConnection = connect(
            f"ws://{server.address}/_stcore/stream", max_size=None, proxy=None
        )

    def open(self) -> Drawn:
        """The page as the link shows it."""
        return self._ask(self._request())

    def choose(self, page: Drawn, key: str) -> Drawn:
        """The page after the last option of the select box with this key is chosen."""
        boxes = [each.selectbox for each in page.elements if each.WhichOneof("type") == "selectbox"]
        box = next((box for box in boxes if box.id.endswith(f"-{key}")), None)
        if box is None:
            raise AtlasError(f"The page {self._page!r} has no choice named {key!r}.")
        return self._ask(self._request(box))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _request(self, box: Selectbox | None = None) -> BackMsg:
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_name = self._page
        if box is not None:
            state = message.rerun_script.widget_states.widgets.add(id=box.id)
            state.string_value = box.options[-1]
        return message

    def _ask(self, message: BackMsg) -> Drawn:
        wall, processor = time.monotonic(), self._server.processor()
        self._connection.send(message.SerializeToString())
        sizes, elements = [], []
        for received, size in self._messages():
            sizes.append(size)
            if received.WhichOneof("type") == "delta":
                elements.append(received.delta.new_element)
        drawn = Drawn(
            wall=time.monotonic() - wall,
            processor=self._server.processor() - processor,
            size=sum(sizes),
            largest=max(sizes),
            elements=tuple(elements),
        )
        check(self._page, drawn)
        return drawn

    def _messages(self) -> Iterator[tuple[ForwardMsg, int]]:
        """What the server sends until the page is drawn, with its bytes."""
        while True:
            try:
                data = self._connection.recv(PATIENCE, decode=False)
            except (TimeoutError, ConnectionClosed) as error:
                raise AtlasError(f"The page {self._page!r} was not drawn to its end.") from error
            message = ForwardMsg.FromString(data)
            yield message, len(data)
            ended = message.WhichOneof("type") == "script_finished"
            if ended and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return


def check(page: str, drawn: Drawn) -> None:
    """AtlasError where the page shows an error: that it was quick would mean nothing."""
    for element in drawn.elements:
        if element.WhichOneof("type") == "exception":
            raise AtlasError(f"The page {page!r} failed: {element.exception.message}")
        if element.WhichOneof("type") == "alert" and element.alert.format == Alert.ERROR:
            raise AtlasError(f"The page {page!r} shows an error: {element.alert.body}")
