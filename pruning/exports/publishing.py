"""An exported sub-model uploaded to the Hugging Face hub: only when asked, and after a look.

Nothing about this machine goes along: in the uploaded submodel.json, paths of local models and
texts are cut down to their last name, and the card names the repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
from huggingface_hub import CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError

from pruning.errors import AtlasError, InputError
from pruning.exports.card import CARD, restated
from pruning.exports.record import PLAIN, SUBMODEL, read_record
from pruning.models.hub_errors import UnreachableError, asking
from pruning.models.sources import is_hub_id
from pruning.progress import Progress, Report, ignore

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
MADE_BY_THE_HUB = {".gitattributes"}
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What would be uploaded: file names relative to the repository, with their bytes."""

    repository: str
    private: bool
    files: dict[str, int]

    @property
    def bytes(self) -> int:
        """All files together."""
        return sum(self.files.values())

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "repository": self.repository,
            "private": self.private,
            "files": self.files,
            "bytes": self.bytes,
        }


def plan_upload(folder: Path, repository: str, *, private: bool = False) -> Upload:
    """What `upload` would send; asks nobody.

    Raises InputError for a folder that was not exported by this program, or a repository's name
    that is not like user/name.
    """
    contents = _contents(folder, repository)
    files = {
        name: len(content) if isinstance(content, bytes) else content.stat().st_size
        for name, content in contents.items()
    }
    return Upload(repository=repository, private=private, files=files)


def upload(folder: Path, repository: str, *, private: bool = False, report: Report = ignore) -> str:
    """Create the repository and put the folder there in one commit; the commit's address.

    Raises InputError, each with what to do: nobody is logged in, the token may not write there,
    a repository of that name holds something already, the hub cannot be reached.
    """
    contents = _contents(folder, repository)
    if huggingface_hub.get_token() is None:
        raise InputError(
            "Nobody is logged in to the hub: run `hf auth login`, or set HF_TOKEN, with a token "
            "that may write."
        )
    api = HfApi()
    total = plan_upload(folder, repository, private=private).bytes
    report(Progress(stage="Uploading", done=0, total=total, detail=repository))
    operations = [
        CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
        for name, content in contents.items()
    ]
    _asking(repository, lambda: api.create_repo(repository, private=private, exist_ok=True))
    there = set(_asking(repository, lambda: api.list_repo_files(repository)))
    if there - MADE_BY_THE_HUB:
        raise InputError(
            f"{repository} holds {len(there)} files already, and nothing is overwritten; choose "
            "another name, or delete that repository on the hub."
        )
    commit = _asking(
        repository,
        lambda: api.create_commit(
            repository, operations, commit_message="Upload a sub-model made with Submodel Atlas"
        ),
    )
    report(Progress(stage="Uploading", done=total, total=total, detail=repository))
    return str(commit.commit_url)


def _contents(folder: Path, repository: str) -> dict[str, Path | bytes]:
    """Name in the repository -> the file, or the bytes where they are not those of the file."""
    if not REPOSITORY.fullmatch(repository):
        raise InputError(f"{repository!r} is no repository; write user/name.")
    record = read_record(folder)
    contents: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_hidden(path.relative_to(folder))
    }
    text = json.dumps(without_local_paths(record.to_json()), indent=1, ensure_ascii=False) + "\n"
    contents[SUBMODEL] = text.encode("utf-8")
    if CARD in contents and record.form == PLAIN:
        card = (folder / CARD).read_text(encoding="utf-8")
        contents[CARD] = restated(card, repository, PLAIN).encode("utf-8")
    return contents


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def without_local_paths(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the paths of local models and texts cut down to their last name."""
    cleaned: dict[str, Any] = json.loads(json.dumps(record))
    calibration = cleaned.get("run", {}).get("spec", {})
    for model in (cleaned.get("base", {}), calibration.get("model", {})):
        if "source" in model and not is_hub_id(model["source"]):
            model["source"] = Path(model["source"]).name
    for domain in calibration.get("domains", []):
        if domain.get("kind") == "files":
            domain["source"] = Path(domain["source"]).name
    return cleaned


def _asking(repository: str, request: Callable[[], Result]) -> Result:
    """Run a request; what can be wrong with writing becomes a sentence."""

    def careful() -> Result:
        try:
            return request()
        except HfHubHTTPError as error:
            raise InputError(_refusal(repository, error.response.status_code)) from error

    try:
        return asking(repository, None, careful)
    except UnreachableError as error:
        offline = "unset HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else "check the network"
        raise InputError(
            f"The hub cannot be reached for the upload to {repository}; {offline} and try again."
        ) from error
    except AtlasError as error:
        raise AtlasError(
            f"The upload to {repository} failed ({error.__cause__}); check the folder and the "
            "network, and try again."
        ) from error


def _refusal(repository: str, status: int) -> str:
    """Why the hub refuses to be written to, and what to do."""
    if status == 401:
        return (
            "The hub does not accept the token; log in again with `hf auth login`, or set HF_TOKEN "
            "to a valid one."
        )
    if status == 403:
        return (
            f"The token may not write to {repository}; use one with the right to write for "
            f"{repository.partition('/')[0]}."
        )
    return (
        f"The hub refused the upload to {repository} (status {status}); check the name, and try "
        "again later."
    )
