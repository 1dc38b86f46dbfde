"""A person's own files as documents, drawn in seeded order."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import numpy as np

from pruning.domains.archives import NESTED, DamagedArchiveError, archive_blobs
from pruning.domains.blobs import Blob, blob_of, decode
from pruning.domains.folders import count_suffixes, folder_blobs, with_suffixes
from pruning.domains.records import Documents, csv_file, json_file, json_lines, parquet_file
from pruning.errors import InputError
from pruning.machine.paths import allowed_path
from pruning.specs import DomainSpec

READERS: dict[str, Callable[[Blob, DomainSpec], Documents]] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".jsonl.gz": json_lines,
    ".json": json_file,
    ".json.gz": json_file,
    ".csv": csv_file,
    ".tsv": csv_file,
    ".csv.gz": csv_file,
    ".parquet": parquet_file,
}
FORMS = "give text or source code, .jsonl, .json, .csv, .parquet, a .zip of these, or a folder"
ONLY_UTF8 = "save text in another encoding as UTF-8 first"
LEAVE_OUT = (
    "To leave such files out, name the endings to read, as in name=FOLDER/*.py,*.pyi or the app's "
    "'Only files ending in'."
)


class WholeFile:
    """One text file is one document.

    skip_other: what is not text, too large, or not a whole .gz counts as empty, as befits one of
    many files; a damaged entry of an archive is an error nevertheless.
    """

    def __init__(self, blob: Blob, *, skip_other: bool) -> None:
        self.blob, self.skip_other = blob, skip_other

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> str:
        try:
            return decode(self.blob.read(), self.blob.name)
        except DamagedArchiveError:
            raise
        except InputError:
            if self.skip_other:
                return ""
            raise


class Joined:
    """Several sources of documents as one."""

    def __init__(self, parts: Sequence[Documents]) -> None:
        self.parts = parts
        self.ends = list(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, index: int) -> str:
        part = bisect_right(self.ends, index)
        return self.parts[part][index - (self.ends[part - 1] if part else 0)]


def file_documents(spec: DomainSpec, seed: int) -> Iterator[str]:
    """The documents of a file, archive or folder, each once, in an order drawn with `seed`.

    A text or source file is one document; a record file gives one document a record; a folder or
    archive gives those of all its files. Raises InputError when the path does not exist, lies
    outside the folders that a server may read, cannot be read as text, or holds no text at all
    (with what there is instead).
    """
    path = allowed_path(spec.source, uploads=True)
    if not os.path.exists(path):  # unlike Path.exists, no error for an impossible name
        raise InputError(f"There is no file or folder {spec.source}; check the path.")
    archive = path.is_file() and path.suffix.lower() == ".zip"
    if path.is_dir() or archive:
        everything = folder_blobs(path) if path.is_dir() else archive_blobs(path)
        chosen = with_suffixes(everything, spec.suffixes)
        parts = [_member(blob, spec) for blob in chosen if blob.size and not _is_archive(blob)]
        there = count_suffixes(blob.name for blob in everything)
        wanted = f" with the ending {' or '.join(spec.suffixes)}" if spec.suffixes else ""
        nothing = (
            f"{path.name} holds no text in UTF-8{wanted}; there is: {there}. "
            f"{FORMS.capitalize()}; {ONLY_UTF8}."
        )
    else:
        parts = [_single(blob_of(path, name=path.name), spec)]
        nothing = f"{path.name} holds nothing but empty texts; {FORMS}."
    return permuted(Joined(parts), seed, nothing)


def permuted(documents: Documents, seed: int, nothing: str) -> Iterator[str]:
    """Every document that is not empty, once, in a random order (PCG64 with `seed`).

    Raises InputError(`nothing`) when none is left.
    """
    found = False
    for index in np.random.default_rng(seed).permutation(len(documents)):
        text = documents[int(index)]
        if text.strip():
            found = True
            yield text
    if not found:
        raise InputError(nothing)


def _single(blob: Blob, spec: DomainSpec) -> Documents:
    if not blob.size:
        raise InputError(f"{blob.name} is empty (0 bytes); {FORMS}.")
    reader = READERS.get(blob.suffix)
    if reader is not None:
        return reader(blob, spec)
    if _is_archive(blob):
        raise InputError(f"{blob.name} is an archive that cannot be read here; {FORMS}.")
    if spec.column or spec.template:
        raise InputError(f"{blob.name} has no columns; leave the column out, or give a table.")
    return WholeFile(blob, skip_other=False)


def _member(blob: Blob, spec: DomainSpec) -> Documents:
    reader = READERS.get(blob.suffix)
    if reader is None or (blob.suffix == ".json" and not _holds_records(blob)):
        return WholeFile(blob, skip_other=True)
    try:
        return reader(blob, spec)
    except InputError as error:
        raise InputError(f"{error} {LEAVE_OUT}") from error


def _holds_records(blob: Blob) -> bool:
    """Whether a .json among other files is a list, rather than settings of a program."""
    with blob.open() as stream:
        start = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"[", b'{"data"'))


def _is_archive(blob: Blob) -> bool:
    return blob.name.lower().endswith(NESTED)
