"""run.json: what a calibration run says of itself. The one place that knows its fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, NonNegativeInt

from pruning.errors import AtlasError
from pruning.machine.schema import DamagedError, Stored

SCHEMA_VERSION = 1


class ReadingEntry(Stored):
    """What was read of a domain, as `pruning.domains.reading.Reading` notes it.

    forms: form -> (files, documents in them). text: what of a record is its text. duplicates: texts
    that were there again. skipped, noted: reason -> (how many, the first few names).
    """

    forms: dict[str, tuple[NonNegativeInt, NonNegativeInt]]
    text: str
    duplicates: NonNegativeInt = 0
    skipped: dict[str, tuple[NonNegativeInt, tuple[str, ...]]]
    noted: dict[str, tuple[NonNegativeInt, tuple[str, ...]]]


class DomainEntry(Stored):
    """One domain's text as it was drawn.

    key: a hash of the tokens and of all that decides the sums. origin: a DomainOrigin, as data.
    samples, tokens: sequences and counted tokens. documents: how many in each group. reading: what
    was read and left out; None in runs that were made before it was noted.
    """

    key: str
    origin: dict[str, Any]
    samples: NonNegativeInt
    tokens: NonNegativeInt
    documents: tuple[NonNegativeInt, ...]
    reading: ReadingEntry | None = None


class Manifest(Stored):
    """The whole of run.json.

    status: "running", "done", "cancelled" or "failed"; then `error` says why. spec: the
    CalibrationSpec, as data. fingerprint: of the model's weights. created, updated: seconds since
    1970. weights: each PrunableWeight, as data; none until the model was loaded. seconds: what the
    calibration took, where it was done in one go. earlier: where the same weights were named before
    (source, revision). ignored: the checkpoint's tensors that the model has no use for.
    """

    version: int = Field(alias="schema")
    status: str
    spec: dict[str, Any]
    fingerprint: str
    versions: dict[str, str]
    created: float
    updated: float
    weights: tuple[dict[str, Any], ...]
    domains: dict[str, DomainEntry]
    seconds: float | None = None
    error: str | None = None
    earlier: tuple[dict[str, str | None], ...] = ()
    ignored: tuple[str, ...] = ()


class _Version(Stored):
    version: int = Field(alias="schema")


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file; AtlasError where it is missing, damaged or of a newer schema."""
    try:
        version = _Version.read(path).version
        if version <= SCHEMA_VERSION:
            return Manifest.read(path)
    except DamagedError as error:
        raise DamagedError(f"{error}; delete the run's folder.") from error
    raise AtlasError(
        f"Run {path.parent.name} was written by a newer version (schema {version}, this one reads "
        f"up to {SCHEMA_VERSION}); update Submodel Atlas to open it."
    )
