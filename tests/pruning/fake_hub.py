"""A hub on this machine: serves model folders over HTTP as the real one does.

Only what looking up and downloading a model needs: the model's description, its file tree, and
the files, with the real hub's headers and error codes.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GATED = "org/gated"


class FakeHub(ThreadingHTTPServer):
    """models: folders by id. requests: the paths asked for. parameters: told in descriptions."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models: dict[str, Path] = {}
        self.parameters: dict[str, dict[str, int]] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def running() -> Iterator[FakeHub]:
    """A fake hub that answers until the block ends."""
    hub = FakeHub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.requests.append(path)
        parts = path.removeprefix("api/models/").split("/")
        name, rest = "/".join(parts[:2]), parts[2:]
        revision = rest[1] if len(rest) > 1 else "main"
        folder = self.server.models.get(name)
        if folder is None:
            self._fail(401, "RepoNotFound", "Repository not found")
        elif revision not in ("main", COMMIT):
            self._fail(404, "RevisionNotFound", "Invalid rev id")
        elif not path.startswith("api/"):
            self._file(name, folder, "/".join(rest[2:]))
        elif rest and rest[0] == "tree":
            self._answer(json.dumps([self._entry(file) for file in _files(folder)]).encode())
        else:
            self._answer(json.dumps(self._description(name, folder)).encode())

    def _description(self, name: str, folder: Path) -> dict[str, object]:
        config = json.loads((folder / "config.json").read_text())
        siblings = [{"rfilename": p.name, "size": p.stat().st_size} for p in _files(folder)]
        found: dict[str, object] = {
            "id": name,
            "sha": COMMIT,
            "gated": "manual" if name == GATED else False,
            "siblings": siblings,
            "config": {key: config.get(key) for key in ("architectures", "model_type")},
        }
        if name in self.server.parameters:
            counts = self.server.parameters[name]
            found["safetensors"] = {"parameters": counts, "total": sum(counts.values())}
        return found

    @staticmethod
    def _entry(file: Path) -> dict[str, object]:
        return {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _tag(file)}

    def _file(self, name: str, folder: Path, file: str) -> None:
        if name == GATED:
            self._fail(401, "GatedRepo", "Access to this model is restricted")
        elif not (folder / file).is_file():
            self._fail(404, "EntryNotFound", "Entry not found")
        else:
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_tag(folder / file)}"'}
            self._answer((folder / file).read_bytes(), headers)

    def _answer(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        status = 200
        asked = self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            body = body[int(first) : int(last) + 1 if last else None]
            status = 206
        self.send_response(status)
        for header, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _fail(self, status: int, code: str, message: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: what was asked is in `requests`."""


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _tag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes(), usedforsecurity=False).hexdigest()
