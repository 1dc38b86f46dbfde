"""Exported folders made small, and plain again: weight files converted, everything else kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pruning.checkpoints.compressed import LAYOUT, compressed_name, restore_shard
from pruning.checkpoints.shards import read_shards, tensor_sha256
from pruning.errors import AtlasError, InputError
from pruning.exports.card import CARD, restated
from pruning.exports.record import PLAIN, Record, read_record
from pruning.exports.writing import compress_files
from pruning.machine.new_folder import check_is_new, check_space, new_folder
from pruning.progress import Meter, Report, ignore

Convert = Callable[[Path, Path, Record], None]


def compress(folder: Path, out: Path, report: Report = ignore) -> Path:
    """Write a plain export again as the new folder `out`, in the sparse-bitmask form.

    One weight matrix is in memory at a time. Raises InputError where `folder` is not a plain
    export or `out` is there already, AtlasError for a full disk or a damaged file.
    """

    def convert(source: Path, target: Path, record: Record) -> None:
        for name in record.weight_files:
            shutil.copyfile(source / name, target / name)
        compress_files(target, record.tensors, report)

    return _converted(folder, out, PLAIN, LAYOUT, convert)


def decompress(folder: Path, out: Path, report: Report = ignore, *, checked: bool = True) -> Path:
    """Write a compressed export again as the new folder `out`, which transformers loads.

    The weight files are those of the plain export, byte for byte: every tensor is compared with the
    SHA-256 that was recorded, unless `checked` is False. Raises as `compress`.
    """

    def convert(source: Path, target: Path, record: Record) -> None:
        restore_files(source, target, record, report)
        if checked:
            _check_restored(target, record)

    return _converted(folder, out, LAYOUT, PLAIN, convert)


def restore_files(source: Path, target: Path, record: Record, report: Report = ignore) -> None:
    """Write the plain weight files of a compressed folder into the folder `target`."""
    names = record.weight_files
    missing = [name for name in names if not (source / compressed_name(name)).is_file()]
    if missing:
        raise InputError(f"{source} lacks {compressed_name(missing[0])}; copy the folder again.")
    meter = Meter(report, "Restoring", len(record.tensors))
    for name in names:
        restore_shard(
            source / compressed_name(name),
            target / name,
            step=lambda tensor, _: meter.step(tensor),
        )


def _check_restored(folder: Path, record: Record) -> None:
    """AtlasError where a restored tensor is not the one that was stored."""
    for shard in read_shards(folder):
        for tensor in shard.tensors:
            entry = record.tensors.get(tensor.name)
            if entry is None or tensor_sha256(shard, tensor) != entry.sha256:
                raise AtlasError(
                    f"{tensor.name} has other bytes than were written: the compressed files are "
                    "damaged. Copy the folder again, or export the sub-model again."
                )


def _converted(folder: Path, out: Path, before: str, after: str, convert: Convert) -> Path:
    folder, out = folder.expanduser().resolve(), out.expanduser().resolve()
    record = read_record(folder)
    if record.form != before:
        why = "already" if record.form == after else f"and not {before}"
        raise InputError(f"{folder} is {record.form} {why}.")
    check_is_new(out)
    check_space(out, 2 * sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
    with new_folder(out) as target:
        for name in (*record.files, CARD):
            if (folder / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, target / name)
        convert(folder, target, record)
        record.restated(after).write(target)
        if (target / CARD).is_file():
            text = (target / CARD).read_text(encoding="utf-8")
            (target / CARD).write_text(restated(text, out.name, after), encoding="utf-8")
    return out
