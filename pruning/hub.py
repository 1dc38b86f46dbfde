"""Models on the hub: what is known before a download, the download itself, and what is cached.

Every failure is one sentence. The first request is a single one with a short timeout, so that a
machine without a network says so within seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    NotASafetensorsRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    SafetensorsParsingError,
)
from huggingface_hub.utils import tqdm

from pruning.checkpoint import INDEX_FILE, SINGLE_FILE, index_files, read_json, weight_files
from pruning.errors import AtlasError, InputError
from pruning.progress import Progress, Report, ignore

TIMEOUT_SECONDS = 10.0
SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "README.md")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class HubModel:
    """What the hub says of a model: one request, nothing downloaded.

    revision: as asked; commit: the hash it stands for. files: sizes in bytes by name, top folder only.
    dtypes: elements by safetensors dtype code, where the hub knows them. config: model_type and
    architectures, also of gated models.
    """

    source: str
    revision: str | None
    commit: str
    gated: bool
    files: Mapping[str, int]
    dtypes: Mapping[str, int]
    config: Mapping[str, Any]


def describe(source: str, revision: str | None) -> HubModel:
    """Ask the hub about a model. Raises InputError with the reason if it cannot or will not say."""
    info = _asking(
        source,
        revision,
        lambda: huggingface_hub.HfApi().model_info(
            source, revision=revision, timeout=TIMEOUT_SECONDS, files_metadata=True
        ),
    )
    return HubModel(
        source=source,
        revision=revision,
        commit=str(info.sha),
        gated=bool(info.gated),
        files={
            sibling.rfilename: int(sibling.size or 0)
            for sibling in info.siblings or ()
            if "/" not in sibling.rfilename
        },
        dtypes=dict(info.safetensors.parameters) if info.safetensors else {},
        config=dict(info.config or {}),
    )


def fetch_config(model: HubModel) -> dict[str, Any]:
    """The model's config.json, downloaded to the cache; InputError if it is gated or absent."""
    if "config.json" not in model.files:
        raise InputError(f"{model.source} has no config.json, so it is not a transformers model.")
    return read_json(fetch(model, "config.json"))


def fetch(model: HubModel, name: str) -> Path:
    """One small file of the model, downloaded to the cache."""
    path = _asking(
        model.source,
        model.commit,
        lambda: huggingface_hub.hf_hub_download(
            model.source, name, revision=model.commit, etag_timeout=TIMEOUT_SECONDS
        ),
    )
    return Path(str(path))


def checkpoint_files(model: HubModel) -> tuple[str, ...]:
    """The safetensors files to download; InputError if the model has its weights pickled only."""
    if SINGLE_FILE in model.files:
        return (SINGLE_FILE,)
    if INDEX_FILE in model.files:
        files = index_files(read_json(fetch(model, INDEX_FILE)), INDEX_FILE)
        missing = [name for name in files if name not in model.files]
        if missing:
            raise InputError(f"{model.source} lacks its weight file {missing[0]} on the hub.")
        return files
    if any(name.endswith((".bin", ".pt", ".pth")) for name in model.files):
        raise InputError(
            f"{model.source} has its weights in pickled files only, which can run code when "
            "opened; convert them to safetensors, or choose a revision that has them."
        )
    raise InputError(f"{model.source} has no safetensors weights.")


def count_parameters(model: HubModel) -> dict[str, int]:
    """Elements by safetensors dtype code, read from the headers of the files on the hub.

    Empty if those headers are not readable; the download will say why.
    """
    try:
        metadata = _asking(
            model.source,
            model.commit,
            lambda: huggingface_hub.HfApi().get_safetensors_metadata(
                model.source, revision=model.commit, timeout=TIMEOUT_SECONDS
            ),
        )
    except (NotASafetensorsRepoError, SafetensorsParsingError):
        return {}
    return {str(code): count for code, count in metadata.parameter_count.items()}


def snapshot_folder(source: str, revision: str | None) -> Path | None:
    """The cached folder of a model whose weights are all there; None if there is none."""
    try:
        folder = Path(
            str(
                huggingface_hub.snapshot_download(
                    source, revision=revision, local_files_only=True, allow_patterns=["config.json"]
                )
            )
        )
        weight_files(folder)
    except (LocalEntryNotFoundError, HFValidationError, InputError):
        return None
    return folder if (folder / "config.json").is_file() else None


def ensure_downloaded(source: str, revision: str | None, report: Report = ignore) -> str:
    """The commit of a model whose files are in the cache, downloading what is missing.

    A commit that is cached needs no network. A branch or tag is looked up on the hub; where the
    hub cannot be reached, the cached snapshot of that name is used.
    """
    cached = snapshot_folder(source, revision)
    if cached is not None and cached.name == revision:
        return cached.name
    try:
        model = describe(source, revision)
    except UnreachableError:
        if cached is None:
            raise
        return cached.name
    if cached is None or cached.name != model.commit:
        return download(model, report).name
    return cached.name


def download(model: HubModel, report: Report = ignore) -> Path:
    """Download a model's safetensors, configuration and tokenizer; returns the cached folder.

    Asked for by its revision, so that the cache knows next time, without a network, what the
    revision stands for.
    """
    files = checkpoint_files(model)
    folder = _asking(
        model.source,
        model.revision,
        lambda: huggingface_hub.snapshot_download(
            model.source,
            revision=model.revision,
            allow_patterns=[*files, *SMALL_FILES],
            ignore_patterns=["*/*"],
            etag_timeout=TIMEOUT_SECONDS,
            tqdm_class=_reporting_bar(report, model.source),
        ),
    )
    return Path(str(folder))


def cached_models() -> tuple[str, ...]:
    """The ids of the models in the local cache whose weights are all there, sorted."""
    if not Path(constants.HF_HUB_CACHE).is_dir():
        return ()
    repositories = huggingface_hub.scan_cache_dir().repos
    return tuple(
        sorted(
            repository.repo_id
            for repository in repositories
            if repository.repo_type == "model" and snapshot_folder(repository.repo_id, None)
        )
    )


class UnreachableError(InputError):
    """The hub did not answer: no network, or HF_HUB_OFFLINE is set."""


def _asking(source: str, revision: str | None, request: Callable[[], Result]) -> Result:
    """Run a hub request; every way it can fail becomes a sentence."""
    try:
        return request()
    except GatedRepoError as error:
        raise InputError(
            f"{source} is gated: accept its licence at https://huggingface.co/{source} and log in "
            "with `hf auth login`, or set HF_TOKEN."
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"There is no model {source} on the hub, or it is private. Check the spelling "
            "(org/name); a folder is given by its path."
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(f"{source} has no revision {revision!r}.") from error
    except HFValidationError as error:
        raise InputError(f"{source!r} is not a hub id; write org/name.") from error
    except LocalEntryNotFoundError as error:
        raise _unreachable(source) from error
    except EntryNotFoundError as error:
        raise InputError(f"{source} lacks a file on the hub: {error}") from error
    except HfHubHTTPError as error:
        raise UnreachableError(
            f"The hub refused {source} (status {error.response.status_code}). Try again later, or "
            "use a local folder."
        ) from error
    except (ConnectionError, TimeoutError) as error:
        raise _unreachable(source) from error
    except OSError as error:
        raise AtlasError(f"{source} could not be downloaded: {error}") from error
    except Exception as error:
        if _is_network_error(error):
            raise _unreachable(source) from error
        raise


def _is_network_error(error: Exception) -> bool:
    """Whether the HTTP client itself gave up; it is named by class, as it differs by release."""
    return any(base.__name__ in ("TransportError", "RequestError") for base in type(error).__mro__)


def _unreachable(source: str) -> UnreachableError:
    offline = "; HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else ""
    return UnreachableError(
        f"Cannot reach the hub, and {source} is not in the local cache{offline}. "
        "Check the network, or use a local folder."
    )


def _reporting_bar(report: Report, source: str) -> type[tqdm]:
    """A tqdm class that draws nothing and reports the bytes written so far."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})
            self.shown = kwargs.get("unit") == "B" and not str(kwargs.get("desc", "")).startswith(
                "Downloading"
            )

        def update(self, n: float | None = 1) -> None:
            self.n += n or 0
            if self.shown:
                report(
                    Progress(
                        stage="download",
                        done=int(self.n),
                        total=int(self.total or 0),
                        detail=source,
                    )
                )

    return Bar
