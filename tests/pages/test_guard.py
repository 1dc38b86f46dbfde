"""Who reaches the server: names, origins, frames and addresses, against the middleware itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit import config, net_util

from pages.ui import guard
from pruning.errors import InputError
from pruning.machine.paths import ROOTS_VARIABLE


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    def answer(_: Request) -> PlainTextResponse:
        return PlainTextResponse("the app")

    routes = [Route("/{path:path}", answer), WebSocketRoute("/_stcore/stream", talk)]
    app = Starlette(routes=routes, middleware=guard.MIDDLEWARE)
    return TestClient(app, base_url="http://127.0.0.1:8501")


@pytest.fixture
def told() -> Iterator[None]:
    """The server was told of two names."""
    before = config.get_option("server.allowedHosts")
    config.set_option("server.allowedHosts", ["atlas.example.org", "*.lab.example.org"])
    yield
    config.set_option("server.allowedHosts", before)


@pytest.mark.parametrize("host", ["127.0.0.1:8501", "localhost", "LOCALHOST:80", "[::1]:8501"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/masks", headers={"host": host}).text == "the app"


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "127.0.0.1.nip.io:8501",
        "atlas.example.org",
        "",
        "localhost.",
        "a b",
        "[::1",
    ],
)
def test_a_foreign_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/download/x", headers={"host": host})
    expected = 200 if host == "localhost." else 403  # a name with its root is the same name
    assert answer.status_code == expected
    if expected == 403:
        with pytest.raises(WebSocketDisconnect):
            client.websocket_connect("/_stcore/stream", headers={"host": host}).__enter__()


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("atlas.example.org", 200),
        ("a.lab.example.org:443", 200),
        ("lab.example.org", 403),
        ("evil-lab.example.org", 403),
        ("example.org", 403),
    ],
)
def test_names_it_was_told_of(client: TestClient, host: str, status: int) -> None:
    assert client.get("/", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example"]
)
def test_a_foreign_origin_is_refused_before_anybody_is_asked(
    client: TestClient, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net_util, "get_external_ip", pytest.fail)
    assert client.get("/", headers={"origin": origin}).status_code == 403
    with pytest.raises(WebSocketDisconnect):
        client.websocket_connect("/_stcore/stream", headers={"origin": origin}).__enter__()


def test_its_own_pages_open_a_socket(client: TestClient) -> None:
    headers = {"origin": "http://localhost:8501", "host": "localhost:8501"}
    with client.websocket_connect("/_stcore/stream", headers=headers) as socket:
        assert socket.receive_text() == "hello"


def test_nobody_frames_it_and_its_figures_are_closed(client: TestClient) -> None:
    headers = client.get("/").headers
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert client.get("/_stcore/metrics").status_code == 404
    assert client.get("/_stcore/metrics/").status_code == 404


@pytest.mark.parametrize(
    ("address", "roots", "starts"),
    [
        ("127.0.0.1", "", True),
        ("127.8.8.8", "", True),
        ("::1", "", True),
        ("localhost", "", True),
        ("0.0.0.0", "", False),
        ("", "", False),
        ("192.0.2.7", "", False),
        ("atlas.example.org", "", False),
        ("0.0.0.0", "/srv/models", True),
    ],
)
def test_others_are_let_in_only_with_folders_named(
    address: str, roots: str, starts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOTS_VARIABLE, roots)
    before = config.get_option("server.address")
    config.set_option("server.address", address)
    try:
        if starts:
            guard.check_address()
        else:
            with pytest.raises(InputError, match="Name the folders that it may read"):
                guard.check_address()
    finally:
        config.set_option("server.address", before)


def test_the_public_address_is_asked_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_util, "get_external_ip", pytest.fail)
    guard.ask_nobody()
    assert net_util.get_external_ip() is None
