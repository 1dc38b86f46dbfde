"""A person's own files as documents, drawn in seeded order."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path, PurePosixPath

import numpy as np

from pruning.domains import forms
from pruning.domains.archives import NESTED, DamagedArchiveError, archive_blobs
from pruning.domains.blobs import Blob, blob_of, in_memory
from pruning.domains.choosing import ColumnChoiceError
from pruning.domains.document import NOTHING, Document
from pruning.domains.folders import count_suffixes, folder_blobs, with_suffixes
from pruning.domains.reading import BadMemberError
from pruning.domains.records import Documents, Records, json_file, json_lines, text_of
from pruning.domains.request import Request
from pruning.domains.saved import DESCRIPTIONS, is_saved, saved_documents
from pruning.domains.tables import arrow_file, csv_file, parquet_file
from pruning.errors import InputError
from pruning.machine.paths import allowed_path

READERS: dict[str, Callable[[Blob, Request], Documents]] = {
    forms.JSON_LINES: json_lines,
    forms.JSON: json_file,
    forms.TABLE: csv_file,
    forms.PARQUET: parquet_file,
    forms.ARROW: arrow_file,
    forms.ARROW_STREAM: arrow_file,
}
FORMS = (
    "give text or source code, JSON Lines, JSON, CSV, Parquet or Arrow, each as it is or compressed, "
    "a .zip of these, a folder, or a data set that save_to_disk wrote"
)
LEAVE_OUT = (
    "To leave such files out, name the endings to read, as in name=FOLDER/*.py,*.pyi or the app's "
    "'Only files ending in'."
)
BY_FILE, BY_FOLDER = "@file", "@folder"


class WholeFile:
    """One text file is one document."""

    def __init__(self, blob: Blob, request: Request) -> None:
        self.blob, self.request = blob, request

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Document:
        return Document(text=text_of(self.blob, self.request))


class Member:
    """The documents of one file of many: what cannot be read of it is left out, and noted.

    A damaged entry of an archive is an error nevertheless.
    """

    def __init__(
        self, blob: Blob, inner: Documents, request: Request, cluster: str | None = None
    ) -> None:
        self.blob, self.inner, self.request, self.cluster = blob, inner, request, cluster

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Document:
        try:
            document = self.inner[index]
        except DamagedArchiveError:
            raise
        except BadMemberError as error:
            whole = isinstance(self.inner, WholeFile)
            name = self.blob.name if whole else f"{self.blob.name}, record {index + 1:,}"
            self.request.reading.skip(name, error)
            return NOTHING
        return replace(document, cluster=document.cluster or self.cluster)


class Joined:
    """Several sources of documents as one."""

    def __init__(self, parts: Sequence[Documents]) -> None:
        self.parts = parts
        self.ends = list(accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, index: int) -> Document:
        part = bisect_right(self.ends, index)
        return self.parts[part][index - (self.ends[part - 1] if part else 0)]


def file_documents(request: Request, seed: int) -> Iterator[Document]:
    """The documents of a file, archive or folder, each once, in an order drawn with `seed`.

    A text or source file is one document; a file of records gives one document a record; a folder or
    archive gives those of all its files, and each file's top folder as its cluster. What a file is,
    it says by what it holds. Raises InputError when the path does not exist, lies outside the folders
    that a server may read, cannot be read as text, or holds no text at all (with what there is
    instead).
    """
    spec = request.spec
    path = allowed_path(spec.source, uploads=True)
    if not os.path.exists(path):  # unlike Path.exists, no error for an impossible name
        raise InputError(f"There is no file or folder {spec.source}; check the path.")
    nothing = f"{path.name} holds nothing but empty texts; {FORMS}."
    if path.is_dir() and is_saved(path):
        found = saved_documents(path, request)
    elif path.is_dir():
        return _many(folder_blobs(path), path, request, seed)
    else:
        blob = blob_of(path, name=path.name)
        if _is_zip(blob) and not forms.is_office(blob):
            return _many(archive_blobs(path), path, request, seed)
        found = _single(blob, request)
    return permuted(found, seed, lambda: nothing)


def _many(everything: list[Blob], path: Path, request: Request, seed: int) -> Iterator[Document]:
    spec = request.spec
    chosen = with_suffixes(everything, spec.suffixes)
    tops = _clusters([blob.name for blob in chosen], spec.cluster)
    parts: list[Member] = []
    errors: list[InputError] = []
    for blob in chosen:
        try:
            part = _member(blob, request)
        except InputError as error:
            _judge(error, blob, request)
            errors.append(error)
        else:
            parts.append(Member(blob, part, request, tops.get(blob.name)))
    chosen_wrong = [error for error in errors if not isinstance(error, BadMemberError)]
    has_table = any(isinstance(part.inner, Records) for part in parts)
    if chosen_wrong and (not parts or (_names_column(request) and not has_table)):
        raise chosen_wrong[0]
    return permuted(Joined(parts), seed, lambda: _nothing(everything, path, request))


def _judge(error: InputError, blob: Blob, request: Request) -> None:
    """Skip a file that is bad; raise where a person has to choose."""
    if isinstance(error, ColumnChoiceError):
        raise error.with_words(LEAVE_OUT) from error
    if isinstance(error, DamagedArchiveError):
        raise error
    request.reading.skip(blob.name, error)


def _names_column(request: Request) -> bool:
    return bool(request.spec.column or request.spec.template)


def _nothing(everything: list[Blob], path: Path, request: Request) -> str:
    suffixes = request.spec.suffixes
    there = count_suffixes(blob.name for blob in everything)
    wanted = f" with the ending {' or '.join(suffixes)}" if suffixes else ""
    left_out = " ".join(request.reading.sentences())
    return (
        f"{path.name} holds no text{wanted}; there is: {there}. {left_out} "
        f"{FORMS.capitalize()}; text in an encoding that cannot be told is to be saved as UTF-8."
    ).replace("  ", " ")


def permuted(documents: Documents, seed: int, nothing: Callable[[], str]) -> Iterator[Document]:
    """Every document that is not blank, once, in a random order (PCG64 with `seed`).

    Raises InputError(`nothing()`) when none is left.
    """
    found = False
    for index in np.random.default_rng(seed).permutation(len(documents)):
        document = documents[int(index)]
        if not document.is_blank:
            found = True
            yield document
    if not found:
        raise InputError(nothing())


def _single(blob: Blob, request: Request) -> Documents:
    if not blob.size:
        raise InputError(f"{blob.name} is empty (0 bytes); {FORMS}.")
    if _is_archive(blob):
        raise InputError(f"{blob.name} is an archive that cannot be read here; {FORMS}.")
    form = forms.form_of(blob)
    if form == forms.TEXT and _names_column(request):
        if not _has_columns(blob):
            raise InputError(f"{blob.name} has no columns; leave the column out, or give a table.")
        form = forms.TABLE
    return _opened(blob, form, request)


def _opened(blob: Blob, form: str, request: Request) -> Documents:
    reader = READERS.get(form)
    try:
        found = WholeFile(blob, request) if reader is None else reader(blob, request)
    except BadMemberError as error:
        if error.reason != "not JSON" or blob.suffix not in forms.OPEN_ENDINGS:
            raise
        form, found = forms.TEXT, WholeFile(blob, request)  # it only began like JSON
    request.reading.read(form, len(found))
    return found


def _member(blob: Blob, request: Request) -> Documents:
    if not blob.size:
        raise BadMemberError(f"{blob.name} is empty.", "empty")
    if _is_archive(blob):
        raise BadMemberError(f"{blob.name} is an archive.", "an archive inside")
    if PurePosixPath(blob.name).name in DESCRIPTIONS:
        raise BadMemberError(f"{blob.name} describes a data set.", "describes a data set")
    head = blob.head(4096)
    if not head.strip() and not blob.is_compressed:
        raise BadMemberError(f"{blob.name} is blank.", "empty")
    form = forms.form_of(blob)
    if form == forms.JSON and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(
        (b"[", b'{"data"')
    ):
        form = forms.TEXT  # settings of a program
    if form == forms.TEXT and b"\0" in head:
        text_of(in_memory(blob, head), request)  # a picture or program is left out at once
    if form == forms.TEXT and _names_column(request):
        raise BadMemberError(
            f"{blob.name} has no columns.", "a text without columns, where a column was named"
        )
    return _opened(blob, form, request)


def _has_columns(blob: Blob) -> bool:
    """Whether the first line of a text looks like the header of a table."""
    first = blob.head(4096).split(b"\n", 1)[0]
    return any(mark in first for mark in (b"\t", b",", b";", b"|"))


def _clusters(names: Sequence[str], wanted: str | None) -> dict[str, str]:
    """The cluster of each file: the file itself, or its top folder below what all have in common.

    A file beside the folders has none.
    """
    if wanted == BY_FILE:
        return {name: name for name in names}
    if wanted not in (None, BY_FOLDER):
        return {}
    parts = {name: PurePosixPath(name.replace("\\", "/")).parts[:-1] for name in names}
    below = 0  # folders that all files lie in
    while len({part[: below + 1] for part in parts.values() if len(part) > below}) == 1 and all(
        len(part) > below for part in parts.values()
    ):
        below += 1
    tops = {name: part[below] for name, part in parts.items() if len(part) > below}
    return tops if len(Counter(tops.values())) > 1 else {}


def _is_zip(blob: Blob) -> bool:
    with blob.open() as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06") or blob.suffix == ".zip"


def _is_archive(blob: Blob) -> bool:
    lower = blob.plain_name.lower()
    return lower.endswith(NESTED) and not blob.name.lower().endswith((".bz2", ".xz", ".zst"))
