"""Data sets of the Hugging Face hub as documents; their code is never run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pruning.domains.chats import is_chat_layout
from pruning.domains.columns import (
    CHAT,
    RECORD_LISTS,
    TEXT,
    TEXT_LISTS,
    TextColumns,
    describe_columns,
)
from pruning.domains.document import Document
from pruning.domains.files import permuted
from pruning.domains.reading import BadMemberError
from pruning.domains.records import Records
from pruning.domains.request import Request
from pruning.errors import AtlasError, InputError
from pruning.specs import DomainSpec

BUFFER = 4096  # records among which a stream is shuffled
HEAD = 5  # records that are looked at where the text is not clear


def hub_documents(request: Request, seed: int) -> Iterator[Document]:
    """The documents of one split, drawn without replacement in an order given by `seed`.

    streaming=True reads only as much as is needed. Its order is *not* a uniform permutation: the
    files are shuffled, and each next record is drawn from a buffer of `BUFFER` records, so that
    records that stand far apart in one file cannot change places. streaming=False downloads the
    split and permutes it uniformly.

    Without a split: "train", or the only one. Raises InputError for a data set, config, split or
    column that is not there (and says what is), or that needs its own code or a permission;
    AtlasError when the hub cannot be reached or the reading fails.
    """
    spec = request.spec
    data = _choose_split(_load(spec), spec)
    permutable = hasattr(data, "num_rows")
    if permutable and not data.num_rows:
        raise InputError(f"The data set {spec.source} holds no record; choose another split.")
    features = getattr(data, "features", None)
    if features:
        kinds = dict(_feature_leaves(features))
        columns = request.columns(kinds, spec.source, lambda: _head(data, spec))
        data = data.select_columns(list(columns.top_level(list(features))))
    else:
        columns = None  # a stream may know its columns only from its records
    nothing = f"The data set {spec.source} holds nothing but empty texts; choose another column."
    if permutable and columns is not None:
        request.reading.read("a data set of the hub", data.num_rows)
        return _explained(permuted(Records(data, columns), seed, lambda: nothing), spec)
    request.reading.read("a data set of the hub, as a stream", 0)
    shuffled = data.shuffle(seed=seed, buffer_size=BUFFER)
    return _explained(_streamed(shuffled, columns, request, nothing), spec)


def _head(data: Any, spec: DomainSpec) -> list[dict[str, Any]]:
    """Some records, for a look at an unclear column."""
    try:
        return list(data.take(HEAD))
    except Exception as error:
        raise explain(error, spec) from error


def _streamed(
    data: Any, columns: TextColumns | None, request: Request, nothing: str
) -> Iterator[Document]:
    found = False
    for number, record in enumerate(data):
        if columns is None:
            kinds, first = describe_columns([record]), record
            columns = request.columns(kinds, request.spec.source, lambda: [first])  # noqa: B023
        try:
            document = columns.document(record)
        except BadMemberError as error:
            request.reading.skip(f"record {number + 1:,} of the shuffled stream", error)
            continue
        if not document.is_blank:
            found = True
            yield document
    if not found:
        raise InputError(nothing)


def _load(spec: DomainSpec) -> Any:
    """`datasets.load_dataset`, for the hub only, with its errors as sentences."""
    from datasets import load_dataset

    # The loader would also read local folders, and names without a "/" may mean its own readers,
    # which look at the files in the working directory.
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", spec.source):
        raise InputError(
            f"{spec.source!r} is not the whole id of a data set, such as 'openai/gsm8k'; "
            "a folder or file of your own is given as name=PATH."
        )
    if Path(spec.source).exists():
        raise InputError(
            f"{spec.source} is also a file or folder here, which would be read instead of the "
            f"data set of the hub; start from another folder, or give it as {spec.name}=PATH."
        )
    try:
        return load_dataset(
            spec.source,
            name=spec.config,
            split=spec.split,
            revision=spec.revision,
            streaming=spec.streaming,
        )
    except Exception as error:
        raise explain(error, spec) from error


def _choose_split(data: Any, spec: DomainSpec) -> Any:
    if not isinstance(data, Mapping):
        return data
    if len(data) == 1:
        return next(iter(data.values()))
    if "train" not in data:
        raise InputError(
            f"The data set {spec.source} has no split named 'train'; choose one of its splits: "
            f"{', '.join(map(str, data))}."
        )
    return data["train"]


def _feature_leaves(features: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(column, type in words) of a data set's features, those of nested records with dots."""
    for name, feature in features.items():
        kind = getattr(feature, "dtype", None)
        if isinstance(feature, Mapping) and not _is_chat_of_lists(feature):
            yield from _feature_leaves(feature, f"{prefix}{name}.")
        elif kind == "dict" and (languages := getattr(feature, "languages", None)):
            yield from ((f"{prefix}{name}.{language}", TEXT) for language in languages)
        else:
            yield f"{prefix}{name}", _feature_kind(feature)


def _feature_kind(feature: Any) -> str:
    kind, form = getattr(feature, "dtype", None), type(feature).__name__
    if kind in ("string", "large_string") and form == "Value":
        return TEXT
    if isinstance(feature, Mapping):
        return CHAT
    inner = feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)
    if isinstance(inner, Mapping):
        return CHAT if is_chat_layout(inner) else RECORD_LISTS
    if inner is not None and _feature_kind(inner) == TEXT:
        return TEXT_LISTS
    return str(kind or form)


def _is_chat_of_lists(feature: Mapping[str, Any]) -> bool:
    lists = all(getattr(each, "feature", None) is not None for each in feature.values())
    return bool(feature) and lists and is_chat_layout(feature)


def _explained(texts: Iterator[Document], spec: DomainSpec) -> Iterator[Document]:
    try:
        yield from texts
    except (InputError, AtlasError):
        raise
    except Exception as error:
        raise explain(error, spec) from error


def explain(error: Exception, spec: DomainSpec) -> InputError | AtlasError:
    """What went wrong with a hub data set, as a sentence with the way on."""
    from datasets.exceptions import DatasetNotFoundError

    words = " ".join(str(error).split())
    source = f"The data set {spec.source}"
    if _says_gated(words, spec):
        return InputError(
            f"{source} is gated: accept its conditions on https://huggingface.co/datasets/"
            f"{spec.source} and log in with 'hf auth login', or choose another."
        )
    if isinstance(error, DatasetNotFoundError):
        return InputError(f"{source} cannot be used: {_ended(words)} Check its id and revision.")
    if "scripts are no longer supported" in words:
        return InputError(
            f"{source} is a program, and programs of others are not run here; its converted files "
            f"may be there as {spec.name}=hf:{spec.source}@refs/convert/parquet."
        )
    if _is_of_network(error):
        return AtlasError(
            f"The Hugging Face hub cannot be reached for {spec.source}: check the network, choose a "
            "built-in domain, or give your own files."
        )
    for known in ("available configs: ", "Available: ", "Available splits: ", "Should be one of "):
        if isinstance(error, ValueError) and known in words:
            there = words.split(known, 1)[1].split("]")[0].strip("[]").replace("'", "")
            what = "split" if "split" in words.lower() else "config"
            return InputError(f"{source} needs one of its {what}s named; they are: {there}.")
    kind = InputError if isinstance(error, ValueError) else AtlasError
    return kind(f"{source} cannot be read: {type(error).__name__}, {_ended(words)}")


def _says_gated(words: str, spec: DomainSpec) -> bool:
    """Whether "gated" is a word of its own, outside the data set's id and outside any path."""
    rest = words.replace(spec.source, " ")
    return re.search(r"(?<![\w/-])gated(?![\w/-])", rest) is not None


def _is_of_network(error: Exception) -> bool:
    return isinstance(error, (ConnectionError, TimeoutError)) or (
        type(error).__module__.startswith(("httpx", "httpcore", "aiohttp"))
    )


def _ended(words: str) -> str:
    return words if words.endswith(".") else f"{words}."
