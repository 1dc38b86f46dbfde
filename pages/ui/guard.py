"""Who may reach the server, and under which name: checked before Streamlit sees a request.

The app reads local files and starts jobs for whoever reaches it. A browser on this machine reaches
it for any page that it shows: one whose name was made to resolve to 127.0.0.1 (DNS rebinding), one
that frames the app, one that opens a socket to it. So the server answers to its own names only,
lets nobody else frame it, and listens beyond this machine only where its owner has said which
folders it may read.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit import config, net_util

from pruning.errors import InputError
from pruning.machine.paths import ROOTS_VARIABLE, allowed_roots

OWN_NAMES = ("localhost", "127.0.0.1", "::1")
CLOSED = ("/_stcore/metrics",)  # how many visitors there are is nobody's business
HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",  # Streamlit frames parts of its own pages
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def allowed_names() -> tuple[str, ...]:
    """The host names the server answers to: this machine's own, and those it was told of."""
    return (*OWN_NAMES, *(name.lower() for name in config.get_option("server.allowedHosts")))


def is_allowed(host: str, names: Sequence[str]) -> bool:
    """Whether a Host header, or an origin without its scheme, is one of the names.

    "*.example.org" stands for every name below example.org, "*" for any name at all.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return bool(name) and any(
        pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        for pattern in names
    )


class Guard:
    """ASGI middleware: refuses foreign names and origins, closes what is closed, adds headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = _refusal(Headers(scope=scope), scope["path"])
        if refusal is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008)(scope, receive, send)
        else:
            await refusal(scope, receive, _with_headers(send))


def _refusal(headers: Headers, path: str) -> Response | None:
    """The answer to a request that is refused, else None."""
    names = allowed_names()
    if not is_allowed(headers.get("host", ""), names):
        return PlainTextResponse(
            "This server does not answer to that name. Its owner can add it with "
            "--server.allowedHosts (see docs/COMMAND-LINE.md).",
            403,
        )
    origin = headers.get("origin")
    if origin is not None and not is_allowed(origin.partition("://")[2], names):
        return PlainTextResponse("This server answers its own pages only.", 403)
    if any(path.rstrip("/").endswith(closed) for closed in CLOSED):
        return PlainTextResponse("Not Found", 404)
    return None


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded


def check_address() -> None:
    """InputError for a server that would show files to a network that nobody said it may show."""
    address = str(config.get_option("server.address") or "")
    if _is_local(address) or allowed_roots() is not None:
        return
    raise InputError(
        f"The app would listen on {address or 'every address'} of this machine, where others reach "
        "it, and read any file for them. Name the folders that it may read, as in "
        f"{ROOTS_VARIABLE}=/srv/models:/srv/texts, and the host names it answers to, as in "
        "--server.allowedHosts=atlas.example.org; or listen on 127.0.0.1."
    )


def _is_local(address: str) -> bool:
    if address == "localhost" or address.startswith("unix://"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def ask_nobody() -> None:
    """Keep Streamlit from asking a service on the internet for this machine's public address.

    It does so to print it, and to compare it with the origin of a foreign page.
    """
    net_util.get_external_ip = lambda: None


MIDDLEWARE = [Middleware(Guard)]
