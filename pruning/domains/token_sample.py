"""The exact tokens that a domain is calibrated on, and their file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pruning.domains.document import Document, digest
from pruning.errors import AtlasError
from pruning.machine.storage import whole_or_nothing

_DRAWN = ("group", "digest", "cluster", "problem")
_DTYPES = {"input_ids": "int32", "valid": "bool", "group": "int32", "documents": "int64"}


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnDocuments:
    """The documents that a sample was packed from, in the order in which they were dealt.

    group: int32 (documents,), the group of each. digest: uint8 (documents, 16), of its whole text,
    also where the sample cut it (see `document.digest`). cluster, problem: int64 (documents,), equal
    where documents share their source, or are about the same task, also across domains; -1 where
    nothing is known. In the file the names begin with "document.".
    """

    group: np.ndarray
    digest: np.ndarray
    cluster: np.ndarray
    problem: np.ndarray

    @classmethod
    def of(cls, dealt: Sequence[tuple[Document, int]]) -> DrawnDocuments:
        """Of (document, group) pairs."""
        digests = b"".join(digest(document.text) for document, _ in dealt)
        return cls(
            group=np.array([group for _, group in dealt], dtype=np.int32),
            digest=np.frombuffer(digests, dtype=np.uint8).reshape(-1, 16).copy(),
            cluster=np.array([_number(document.cluster) for document, _ in dealt], dtype=np.int64),
            problem=np.array([_number(document.problem) for document, _ in dealt], dtype=np.int64),
        )


def _number(name: str | None) -> int:
    """A number from 0 that stands for a name; -1 for none."""
    return -1 if name is None else int.from_bytes(digest(name)[:8], "big") >> 1


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSample:
    """Sequences of equal length, sorted by group.

    input_ids: int32 (samples, positions). valid: bool, the same shape; False for separators,
    beginning-of-sequence tokens and padding, which are never counted. group: int32 (samples,).
    documents: int64 (groups,), the number of documents in each group; no document is in two groups.
    drawn: what these documents are; None in runs that were made before that was kept.
    """

    input_ids: np.ndarray
    valid: np.ndarray
    group: np.ndarray
    documents: np.ndarray
    drawn: DrawnDocuments | None = None

    def __post_init__(self) -> None:
        for name, dtype in _DTYPES.items():
            if getattr(self, name).dtype != np.dtype(dtype):
                raise ValueError(f"{name} must be {dtype}, not {getattr(self, name).dtype}.")
        if self.input_ids.ndim != 2 or self.input_ids.shape != self.valid.shape:
            raise ValueError("input_ids and valid must have one shape (samples, positions).")
        if self.group.shape != (self.num_samples,) or self.documents.ndim != 1:
            raise ValueError("group must have one entry a sample, documents one entry a group.")
        ordered = not np.any(np.diff(self.group) < 0)
        if not ordered or np.any((self.group < 0) | (self.group >= self.groups)):
            raise ValueError("Samples must be sorted by group, and groups numbered from 0.")

    @property
    def num_samples(self) -> int:
        """Sequences there are."""
        return int(self.input_ids.shape[0])

    @property
    def seq_len(self) -> int:
        """Positions in every sequence."""
        return int(self.input_ids.shape[1])

    @property
    def groups(self) -> int:
        """Groups of whole documents."""
        return int(self.documents.shape[0])

    @property
    def tokens(self) -> np.ndarray:
        """int64 (groups,): the valid tokens of each group."""
        counts = np.zeros(self.groups, dtype=np.int64)
        np.add.at(counts, self.group, self.valid.sum(axis=1))
        return counts

    def save(self, path: Path) -> None:
        """Write a safetensors file under its final name only when it is whole."""
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _DTYPES}
        if self.drawn is not None:
            arrays |= {f"document.{name}": getattr(self.drawn, name) for name in _DRAWN}
        whole_or_nothing(path, lambda temporary: save_file(arrays, temporary))

    @classmethod
    def load(cls, path: Path) -> TokenSample:
        """Read what `save` wrote; AtlasError when the file is missing or damaged."""
        try:
            with safe_open(path, framework="numpy") as file:
                has_drawn = "document.digest" in file.keys()  # noqa: SIM118 - it is no mapping
                arrays = {name: file.get_tensor(f"document.{name}") for name in _DRAWN if has_drawn}
                return cls(
                    **{name: file.get_tensor(name) for name in _DTYPES},
                    drawn=DrawnDocuments(**arrays) if has_drawn else None,
                )
        except (OSError, SafetensorError, ValueError) as error:
            raise AtlasError(
                f"The tokens in {path} cannot be read ({error}); calibrate this domain again."
            ) from error
