"""Where a domain's text comes from, and how much of it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from pruning.errors import InputError
from pruning.specs.base import Spec

PLACES = ("@file", "@folder", "@none")  # clusters that are no column
TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 16384}  # keep it busy, and take little memory


@dataclass(frozen=True, kw_only=True)
class DomainSpec(Spec):
    """Where one domain's documents come from.

    kind "builtin": source is a built-in domain's name. kind "files": source is a file or folder.
    kind "hub": source is a data set id; config, split, revision, streaming choose inside it.
    column: the text's column; template: e.g. "{question}\\n{answer}" over several columns.
    suffixes: keep only files with these endings, e.g. (".py",), for folders and archives.
    cluster: the column that names what a record comes from, such as its repository; "@file" or
    "@folder" for the file, or the top folder, it lies in; "@none" where nothing is to be made of
    that. None: files are their own. problem: the column that names the task which a
    record is about, where other domains have records about the same tasks.
    """

    name: str
    kind: Literal["builtin", "files", "hub"]
    source: str
    config: str | None = None
    split: str | None = None
    column: str | None = None
    template: str | None = None
    revision: str | None = None
    suffixes: tuple[str, ...] = ()
    streaming: bool = True
    cluster: str | None = None
    problem: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}", self.name):
            raise InputError(
                f"The domain name {self.name!r} must be 1-64 letters, digits, '_', '.', '+' or '-'."
            )
        if self.kind not in ("builtin", "files", "hub"):
            raise InputError(f"A domain is builtin, files or hub, not {self.kind!r}.")
        if self.column and self.template:
            raise InputError(f"Domain {self.name}: give a column or a template, not both.")
        if self.cluster and self.cluster.startswith("@") and self.cluster not in PLACES:
            raise InputError(
                f"Domain {self.name}: {self.cluster!r} names no cluster; give a column, or one of "
                f"{', '.join(PLACES)}."
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data. What programs before it did not know is left out where it is not used."""
        data = super().to_json()
        return {k: v for k, v in data.items() if v is not None or k not in ("cluster", "problem")}

    @property
    def cluster_column(self) -> str | None:
        """The column that names the cluster; None where no column does."""
        return None if self.cluster is None or self.cluster.startswith("@") else self.cluster


@dataclass(frozen=True, kw_only=True)
class SampleSpec(Spec):
    """How much text of every domain: the same for all, so that domains are compared alike.

    num_samples sequences of seq_len tokens, dealt evenly to `groups` groups of whole documents.
    allow_fewer: go on with the samples there are, if a domain has too little text.
    """

    num_samples: int = 128
    seq_len: int = 512
    groups: int = 16
    seed: int = 0
    allow_fewer: bool = False

    def __post_init__(self) -> None:
        for field, least in (("num_samples", 1), ("seq_len", 2), ("groups", 1), ("seed", 0)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{field} must be a whole number of at least {least}.")
        if self.groups > self.num_samples:
            raise InputError(
                f"{self.groups} groups need at least {self.groups} samples; "
                f"there are {self.num_samples}. Choose fewer groups or more samples."
            )

    def sequences_per_batch(self, device: str) -> int:
        """So many keep a device busy without much memory; at least 1. device: as a model's."""
        kind = "cuda" if device.startswith("cuda") else "cpu"
        return max(1, TOKENS_PER_BATCH[kind] // self.seq_len)
