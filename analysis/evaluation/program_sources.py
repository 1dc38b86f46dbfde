"""Where programming tasks come from: built in, a file, a folder, or a data set of the hub."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.evaluation.program_tasks import CodeTask, built_in_tasks, task_of
from analysis.execution.languages import LABELS
from pruning.domains.blobs import Blob, blob_of
from pruning.domains.decoding import decode
from pruning.domains.folders import count_suffixes, folder_blobs
from pruning.domains.hub import explain
from pruning.domains.parse import parse_domain
from pruning.domains.records import parse_json
from pruning.errors import InputError
from pruning.machine.paths import allowed_path
from pruning.specs import DomainSpec

ENDINGS = (".jsonl", ".jsonl.gz", ".ndjson")
BUILT_IN = "builtin:"
HUB = "hf:"
FORMS = (
    f"programming tasks are {BUILT_IN}LANGUAGE, a file ({', '.join(ENDINGS)}) or a folder of such "
    f"files, or {HUB}ID[@REVISION][:CONFIG[:SPLIT]]"
)


def load_code_tasks(
    source: str, *, language: str | None = None, count: int | None = None
) -> list[CodeTask]:
    """The tasks of a source, in its order, at most `count` of them.

    source: "builtin:python" (with a count), a path, or "hf:openai/openai_humaneval". language: only
    the tasks in it. Raises InputError for a source that cannot be used, a record of an unknown
    layout, or where nothing is left; AtlasError when the hub cannot be reached.
    """
    if count is not None and count < 1:
        raise InputError("Ask for at least one task.")
    if source.startswith(BUILT_IN):
        if count is None:
            raise InputError("Say how many of the built-in tasks to take.")
        return built_in_tasks(source.removeprefix(BUILT_IN), count=count)
    records = _hub_records(source) if source.startswith(HUB) else _file_records(source)
    tasks: list[CodeTask] = []
    others: dict[str, int] = {}
    for record, where in records:
        task = task_of(record, where)
        if language in (None, task.language):
            tasks.append(task)
        else:
            others[task.language] = others.get(task.language, 0) + 1
        if len(tasks) == count:
            break
    if not tasks:
        there = ", ".join(f"{number} in {LABELS[name]}" for name, number in others.items())
        wanted = f" in {LABELS.get(language, language)}" if language else ""
        raise InputError(f"{source} holds no task{wanted}; there are {there or 'none at all'}.")
    return tasks


def _file_records(source: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    path = allowed_path(source)
    if path.is_dir():
        everything = folder_blobs(path)
        blobs = [blob for blob in everything if blob.suffix in ENDINGS]
        if not blobs:
            there = count_suffixes(blob.name for blob in everything)
            raise InputError(f"{path} holds no file of tasks; there is: {there}; {FORMS}.")
    elif path.is_file():
        blobs = [blob_of(path, name=path.name)]
        if blobs[0].suffix not in ENDINGS:
            raise InputError(f"{path.name} is no JSON Lines file; {FORMS}.")
    else:
        raise InputError(f"There is no file or folder {source}; {FORMS}.")
    for blob in blobs:
        yield from _lines(blob)


def _lines(blob: Blob) -> Iterator[tuple[Mapping[str, Any], str]]:
    for number, line in enumerate(decode(blob.read(), blob.name).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{blob.name}, line {number}"
        record = parse_json(line, where)
        if not isinstance(record, Mapping):
            raise InputError(f"{where}, is not an object with fields.")
        yield record, where


def _hub_records(source: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    spec = parse_domain(f"tasks={source}")
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", spec.source) or Path(spec.source).exists():
        raise InputError(
            f"{spec.source!r} is not the whole id of a data set of the hub, such as "
            f"'openai/openai_humaneval', or it is a file or folder here; {FORMS}."
        )
    for number, record in enumerate(_hub_split(spec), 1):
        yield record, f"{spec.source}, record {number}"


def _hub_split(spec: DomainSpec) -> Any:
    """The records of the split asked for, else of "test", else of the only one."""
    from datasets import load_dataset

    try:
        data = load_dataset(spec.source, name=spec.config, split=spec.split, revision=spec.revision)
    except Exception as error:
        raise explain(error, spec) from error
    if not isinstance(data, Mapping):
        return data
    if "test" in data:
        return data["test"]
    if len(data) == 1:
        return next(iter(data.values()))
    raise InputError(f"{spec.source} has no split 'test'; name one of {', '.join(map(str, data))}.")
