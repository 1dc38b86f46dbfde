"""Data sets of the Hugging Face hub as documents; their code is never run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pruning.domains.columns import TEXT, TextColumns, choose_columns, describe_columns
from pruning.domains.files import permuted
from pruning.domains.records import Records
from pruning.errors import AtlasError, InputError
from pruning.specs import DomainSpec

BUFFER = 4096  # records among which a stream is shuffled


def hub_documents(spec: DomainSpec, seed: int) -> Iterator[str]:
    """The documents of one split, drawn without replacement in an order given by `seed`.

    streaming=True reads only as much as is needed. Its order is *not* a uniform permutation: the
    files are shuffled, and each next record is drawn from a buffer of `BUFFER` records, so that
    records that stand far apart in one file cannot change places. streaming=False downloads the
    split and permutes it uniformly.

    Without a split: "train", or the only one. Raises InputError for a data set, config, split or
    column that is not there (and says what is), or that needs its own code or a permission;
    AtlasError when the hub cannot be reached or the reading fails.
    """
    data = _choose_split(_load(spec), spec)
    permutable = hasattr(data, "num_rows")
    if permutable and not data.num_rows:
        raise InputError(f"The data set {spec.source} holds no record; choose another split.")
    features = getattr(data, "features", None)
    if features:
        columns = _choose(dict(_feature_leaves(features)), spec)
        data = data.select_columns(list(columns.top_level(list(features))))
    else:
        columns = None  # a stream may know its columns only from its records
    nothing = f"The data set {spec.source} holds nothing but empty texts; choose another column."
    if permutable and columns is not None:
        return _explained(permuted(Records(data, columns), seed, nothing), spec)
    shuffled = data.shuffle(seed=seed, buffer_size=BUFFER)
    return _explained(_streamed(shuffled, columns, spec, nothing), spec)


def _streamed(
    data: Any, columns: TextColumns | None, spec: DomainSpec, nothing: str
) -> Iterator[str]:
    found = False
    for record in data:
        if columns is None:
            columns = _choose(describe_columns([record]), spec)
        text = columns.text(record)
        if text.strip():
            found = True
            yield text
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


def _choose(columns: Mapping[str, str], spec: DomainSpec) -> TextColumns:
    return choose_columns(columns, column=spec.column, template=spec.template, where=spec.source)


def _feature_leaves(features: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, feature in features.items():
        kind = getattr(feature, "dtype", None)
        languages = getattr(feature, "languages", None)
        if isinstance(feature, Mapping):
            yield from _feature_leaves(feature, f"{prefix}{name}.")
        elif kind == "dict" and languages:  # a translation: one text a language
            yield from ((f"{prefix}{name}.{language}", TEXT) for language in languages)
        else:
            is_text = kind in ("string", "large_string") and type(feature).__name__ == "Value"
            yield f"{prefix}{name}", TEXT if is_text else str(kind or type(feature).__name__)


def _explained(texts: Iterator[str], spec: DomainSpec) -> Iterator[str]:
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
