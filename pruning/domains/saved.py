"""Folders that `Dataset.save_to_disk` wrote: the data set is read, not the files that describe it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pruning.domains.records import Documents, Records
from pruning.domains.request import Request
from pruning.domains.tables import LOOKED_AT, Rows, arrow_kinds
from pruning.errors import InputError

STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
DESCRIPTIONS = (STATE, INFO, SPLITS, "dataset_infos.json")


def is_saved(folder: Path) -> bool:
    """Whether a folder holds a data set, or several splits of one."""
    return (folder / SPLITS).is_file() or ((folder / STATE).is_file() and (folder / INFO).is_file())


def saved_documents(folder: Path, request: Request) -> Documents:
    """The documents of a saved data set; of several splits, of "train" or the only one.

    Raises InputError where it is damaged, names files outside, or the split is not clear.
    """
    if (folder / SPLITS).is_file():
        return saved_documents(_split_of(folder, request), request)
    data = _load(folder)
    if not data.num_rows:
        raise InputError(f"The data set in {folder.name} holds no record; give one with text.")
    table = data.data.table
    head = lambda: list(Rows(table.slice(0, LOOKED_AT)))  # noqa: E731 - read only when needed
    chosen = request.columns(arrow_kinds(table.schema), folder.name, head)
    names = list(chosen.top_level(data.column_names))
    request.reading.read("a data set that save_to_disk wrote", data.num_rows)
    return Records(data.select_columns(names), chosen)


def _split_of(folder: Path, request: Request) -> Path:
    splits = _json(folder / SPLITS).get("splits")
    names = [name for name in splits or [] if isinstance(name, str) and _is_plain(name)]
    wanted = request.spec.split or ("train" if "train" in names else None)
    if wanted is None and len(names) == 1:
        wanted = names[0]
    if wanted not in names or not is_saved(folder / str(wanted)):
        raise InputError(
            f"{folder.name} holds a data set in splits: {', '.join(names) or 'none'}; give the "
            f"folder of one of them, such as {folder.name}/{(names or ['train'])[0]}."
        )
    return folder / str(wanted)


def _load(folder: Path) -> Any:
    from datasets import load_from_disk

    files = _json(folder / STATE).get("_data_files")
    found = [each.get("filename") for each in files or [] if isinstance(each, dict)]
    names = [name for name in found if isinstance(name, str) and _is_plain(name)]
    if not names or len(names) < len(found):
        raise InputError(
            f"{folder.name}/{STATE} names no files of the folder; save the data set again."
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder.name} lacks {', '.join(missing)}; copy the whole folder.")
    try:
        return load_from_disk(str(folder))
    except Exception as error:
        words = " ".join(str(error).split()).rstrip(".")
        raise InputError(
            f"The data set in {folder.name} cannot be read: {words}; save it again."
        ) from error


def _is_plain(name: str) -> bool:
    return Path(name).name == name and name not in (".", "..")


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise InputError(f"{path.parent.name}/{path.name} is damaged; save the data set again.")
    return data
