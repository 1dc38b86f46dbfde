"""Where a model's files are: the embedded demo, a local folder, or the hub."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from pruning.errors import InputError
from pruning.machine.paths import allowed_path
from pruning.models.hub import ensure_downloaded, snapshot_folder
from pruning.progress import Report, ignore
from pruning.specs import ModelSpec

DEMO = "demo"
DEMO_FOLDER = Path(__file__).resolve().parents[2] / "demo" / "model"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def parse_model(text: str) -> tuple[str, str | None]:
    """ "org/name@revision" -> ("org/name", "revision"); a folder or "demo" has no revision."""
    text = text.strip()
    source, at, revision = text.rpartition("@")
    if not at or text == DEMO or Path(text).expanduser().exists() or not is_hub_id(source):
        return text, None
    if not revision:
        raise InputError(f"{text!r} ends in '@'; write org/name@revision, or leave the '@' out.")
    return source, revision


def is_hub_id(source: str) -> bool:
    """Whether a source that is no existing folder reads as a hub id: "org/name" or "name"."""
    return (
        source != DEMO
        and _HUB_ID.fullmatch(source) is not None
        and not Path(source).expanduser().exists()
    )


def resolve_source(spec: ModelSpec, report: Report = ignore) -> ModelSpec:
    """The spec with an absolute folder, or with the commit of a hub model that is downloaded.

    Raises InputError for a folder that is not there or not a model's, and for what the hub
    refuses.
    """
    if spec.source != DEMO and is_hub_id(spec.source):
        commit = ensure_downloaded(spec.source, spec.revision, report)
        return replace(spec, revision=commit)
    if spec.revision is not None:
        raise InputError(f"{spec.source} is a local model; a revision is for hub models only.")
    folder = local_folder(spec.source)
    return spec if spec.source == DEMO else replace(spec, source=str(folder))


def model_folder(spec: ModelSpec) -> Path:
    """The folder with the model's files, of a spec that `resolve_source` has been through."""
    if spec.source != DEMO and is_hub_id(spec.source):
        folder = snapshot_folder(spec.source, spec.revision)
        if folder is None:
            raise InputError(f"{spec.source} is not in the local cache any more; start again.")
        return folder
    return local_folder(spec.source)


def local_folder(source: str) -> Path:
    """The absolute folder of the demo or a local model; InputError if it holds no config.json."""
    folder = DEMO_FOLDER if source == DEMO else allowed_path(source)
    if folder.is_file():
        raise InputError(f"{source} is a file; give the folder that holds the model.")
    if not folder.is_dir():
        raise InputError(
            f"There is no model folder {source}; give a folder with config.json and safetensors "
            "files, or a hub id such as org/name."
        )
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} has no config.json, so it is not a transformers model folder; "
            "give the folder that save_pretrained wrote."
        )
    return folder
