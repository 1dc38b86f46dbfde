"""An exported folder as one .zip file for a download, written to disk piece by piece."""

from __future__ import annotations

import zipfile
from pathlib import Path

from pruning.errors import InputError
from pruning.machine.new_folder import check_space
from pruning.machine.storage import atomic_write
from pruning.progress import Meter, Report, ignore

CHUNK = 16 * 2**20
ENTRY_OVERHEAD = 1024  # bytes a file's two headers take at most, names included


def archive(folder: Path, target: Path, report: Report = ignore) -> Path:
    """Write `folder` as the zip file `target`, which appears when it is complete.

    The files are stored, not compressed: half of a pruned model's values are zero, but their
    neighbours are not, and a general compressor gains little for minutes of work. Inside the
    archive the files lie under the folder's name. Memory stays at one chunk.

    Raises:
        InputError: there is no such folder, or it is empty.
        AtlasError: the disk is full or cannot be written.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise InputError(f"There is nothing to archive in {folder}.")
    total = sum(path.stat().st_size for path in files)
    check_space(target, total + ENTRY_OVERHEAD * len(files))
    meter = Meter(report, "Packing the archive", total)
    atomic_write(target, lambda temporary: _write(folder, files, temporary, meter))
    return target


def _write(folder: Path, files: list[Path], temporary: Path, meter: Meter) -> None:
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, strict_timestamps=False) as packed:
        for path in files:
            name = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with path.open("rb") as source, packed.open(entry, "w") as sink:
                while piece := source.read(CHUNK):
                    sink.write(piece)
                    meter.step(path.name, len(piece))
