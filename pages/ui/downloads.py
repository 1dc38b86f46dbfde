"""Downloads of whole sub-models, streamed from disk by a route of the server.

The address carries a signature, so that only links that a page has shown work; they expire after
a day. The archive lies on disk, so that a download can be resumed when interrupted. Of a small
export it is made when it is first asked for, of a large one by a job before that.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from pathlib import Path
from tempfile import NamedTemporaryFile

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from pages.ui.library import workspace, workspace_root
from pruning.errors import AtlasError, InputError
from pruning.machine.storage import storage_errors

PATH = "/download/"
VALID_SECONDS = 24 * 3600
PACKED_AT_ONCE = 100_000_000  # bytes of an export whose archive is made while the visitor waits
_packing = threading.Lock()


def link(export_name: str) -> str:
    """The address, relative to the server, at which this export can be downloaded."""
    return PATH + _signer().dumps(export_name)


def archive_path(folder: Path) -> Path:
    """Where an export's archive lies: hidden beside it."""
    return folder.parent / f".{folder.name}.zip"


def download(request: Request) -> Response:
    """Answer a download: the archive, or one sentence that says why not."""
    try:
        name = _signer().loads(request.path_params["token"], max_age=VALID_SECONDS)
    except SignatureExpired:
        return PlainTextResponse("This link has expired; open the Export page again.", 410)
    except BadSignature:
        return PlainTextResponse("This link is not valid; open the Export page again.", 403)
    except AtlasError as error:
        return PlainTextResponse(str(error), 507)
    folder = workspace().exports_folder / name
    if folder.parent != workspace().exports_folder or not folder.is_dir():
        return PlainTextResponse(f"There is no export {name} any more.", 404)
    if not is_packed(folder) and _size(folder) > PACKED_AT_ONCE:
        return PlainTextResponse(f"Prepare the download of {name} on the Export page first.", 409)
    try:
        path = packed(folder)
    except (InputError, AtlasError, OSError) as error:
        return PlainTextResponse(str(error), 507)
    return FileResponse(
        path,
        media_type="application/zip",
        filename=f"{name}.zip",
        headers={"Content-Encoding": "identity", "Cache-Control": "private, no-store"},
    )


def packed(folder: Path) -> Path:
    """The archive of an export, made if there is none that is newer than the export."""
    from pruning.machine.archive import archive

    with _packing:
        if is_packed(folder):
            return archive_path(folder)
        return archive(folder, archive_path(folder))


def is_packed(folder: Path) -> bool:
    """Whether there is an archive of this very export."""
    target = archive_path(folder)
    return target.exists() and target.stat().st_mtime >= folder.stat().st_mtime


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(_secret(), salt="download")


def _secret() -> str:
    """The workspace's own key, made once; links outlive a restart of the server."""
    path = workspace_root() / "download.key"
    with storage_errors(path):
        if not _is_whole(path):
            _make_key(path)
        return path.read_text()


def _make_key(path: Path) -> None:
    """Put a new key in place in one step; that of a server that was quicker stays."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-") as file:  # ours alone
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
        if not _is_whole(path):
            path.unlink(missing_ok=True)  # empty: the disk was full once
        try:
            os.link(file.name, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            shutil.copy(file.name, path)


def _is_whole(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
