"""Models on the hub: what is known before a download, the download itself, and what is cached.

Every failure is one sentence. The first request is a single one with a short timeout, so that a
machine without a network says so within seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    HFValidationError,
    LocalEntryNotFoundError,
    NotASafetensorsRepoError,
    SafetensorsParsingError,
)
from huggingface_hub.utils import tqdm

from pruning.checkpoints.headers import (
    INDEX_FILE,
    SINGLE_FILE,
    index_files,
    read_json,
    weight_files,
)
from pruning.errors import InputError
from pruning.machine.resources import free_disk_bytes, gigabytes
from pruning.models.hub_errors import UnreachableError, asking
from pruning.progress import Progress, Report, ignore

TIMEOUT_SECONDS = 10.0
SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "README.md")


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
    info = asking(
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
    path = asking(
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
        metadata = asking(
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


def download_bytes(model: HubModel, files: Sequence[str]) -> int:
    """The size of what `download` fetches; files: those of `checkpoint_files`."""
    return sum(
        size
        for name, size in model.files.items()
        if name in files or any(fnmatch(name, pattern) for pattern in SMALL_FILES)
    )


def check_disk(model: HubModel, files: Sequence[str]) -> None:
    """Raise InputError if the download is larger than the free space of the cache's disk."""
    needed, free = download_bytes(model, files), free_disk_bytes(Path(constants.HF_HUB_CACHE))
    if needed > free:
        raise InputError(
            f"The download needs {gigabytes(needed)}, and {gigabytes(free)} are free in "
            f"{constants.HF_HUB_CACHE}; make room, or set HF_HOME to another disk."
        )


def download(model: HubModel, report: Report = ignore) -> Path:
    """Download a model's safetensors, configuration and tokenizer; returns the cached folder.

    Asked for by its revision, so that the cache knows next time, without a network, what the
    revision stands for. Raises InputError, before the weights, for a model that cannot be used.
    """
    from pruning.models.support import check_tokenizer, skeleton  # brings transformers along

    skeleton(fetch_config(model))
    check_tokenizer(set(model.files), model.source)
    files = checkpoint_files(model)
    check_disk(model, files)
    folder = asking(
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
