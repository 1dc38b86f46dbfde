"""Exported folders made small, and plain again: weight files converted, everything else kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from pruning.checkpoints.compressed import LAYOUT, compressed_name, restore_shard
from pruning.errors import AtlasError, InputError
from pruning.exports.card import CARD, restated
from pruning.exports.writing import PLAIN, SUBMODEL, SUBMODEL_SCHEMA, compress_files
from pruning.machine.new_folder import check_is_new, check_space, new_folder
from pruning.machine.storage import atomic_json
from pruning.progress import Meter, Report, ignore

Convert = Callable[[Path, Path, dict[str, Any]], None]


def form_of(folder: Path) -> str:
    """How an exported folder stores its weights: "plain", "sparse-bitmask" or "gguf".

    Raises:
        InputError: there is no such folder, or it was not exported by this program.
        AtlasError: its record is damaged, or of a newer version.
    """
    return str(read_record(folder).get("form", PLAIN))


def read_record(folder: Path) -> dict[str, Any]:
    """The folder's submodel.json; raises as `form_of`."""
    path = folder / SUBMODEL
    if not path.is_file():
        raise InputError(f"{folder} has no {SUBMODEL}: it was not exported by this program.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        schema = int(record["schema"])
        if schema <= SUBMODEL_SCHEMA:
            check_names(record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AtlasError(f"{path} is damaged ({error}); export the sub-model again.") from error
    if schema > SUBMODEL_SCHEMA:
        raise AtlasError(
            f"{path} has schema {schema} and this version reads up to {SUBMODEL_SCHEMA}; "
            "update the program."
        )
    return dict(record)


def check_names(record: dict[str, Any]) -> None:
    """See that submodel.json has a file for every tensor and names no file outside its folder.

    Raises ValueError, KeyError, TypeError or AttributeError where it does not.
    """
    for entry in record["tensors"].values():
        entry["file"]
    if not isinstance(record["files"], dict):
        raise TypeError("its files are no table of names")
    for name in record["files"]:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"it names {name!r}, which lies outside its folder")


def compress(folder: Path, out: Path, report: Report = ignore) -> Path:
    """Write a plain export again as the new folder `out`, in the sparse-bitmask form.

    One weight matrix is in memory at a time. Raises InputError where `folder` is not a plain
    export or `out` is there already, AtlasError for a full disk or a damaged file.
    """

    def convert(source: Path, target: Path, record: dict[str, Any]) -> None:
        for name in _weight_files(record):
            shutil.copyfile(source / name, target / name)
        compress_files(target, record["tensors"], report)

    return _converted(folder, out, PLAIN, LAYOUT, convert)


def decompress(folder: Path, out: Path, report: Report = ignore) -> Path:
    """Write a compressed export again as the new folder `out`, which transformers loads.

    The weight files are those of the plain export, byte for byte. Raises as `compress`.
    """

    def convert(source: Path, target: Path, record: dict[str, Any]) -> None:
        restore_files(source, target, record, report)

    return _converted(folder, out, LAYOUT, PLAIN, convert)


def restore_files(
    source: Path, target: Path, record: dict[str, Any], report: Report = ignore
) -> None:
    """Write the plain weight files of a compressed folder into the folder `target`."""
    names = _weight_files(record)
    missing = [name for name in names if not (source / compressed_name(name)).is_file()]
    if missing:
        raise InputError(f"{source} lacks {compressed_name(missing[0])}; copy the folder again.")
    meter = Meter(report, "Restoring", len(record["tensors"]))
    for name in names:
        restore_shard(
            source / compressed_name(name),
            target / name,
            step=lambda tensor, _: meter.step(tensor),
        )


def _converted(folder: Path, out: Path, before: str, after: str, convert: Convert) -> Path:
    folder, out = folder.expanduser().resolve(), out.expanduser().resolve()
    record = read_record(folder)
    form = record.get("form", PLAIN)
    if form != before:
        raise InputError(f"{folder} is {form}{' already' if form == after else f', not {before}'}.")
    check_is_new(out)
    check_space(out, 2 * sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    with new_folder(out) as target:
        for name in (*record["files"], CARD):
            if (folder / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, target / name)
        convert(folder, target, record)
        changed = {**record, "form": after, "schema": max(2, record["schema"])}
        atomic_json(target / SUBMODEL, changed)
        if (target / CARD).is_file():
            text = (target / CARD).read_text(encoding="utf-8")
            (target / CARD).write_text(restated(text, out.name, after), encoding="utf-8")
    return out


def _weight_files(record: dict[str, Any]) -> list[str]:
    """The plain weight files' names; AtlasError for one that would leave the folder."""
    names = sorted({str(entry["file"]) for entry in record["tensors"].values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise AtlasError(f"{SUBMODEL} names {name!r}, which is no weight file beside it.")
    return names
