"""Real text for the demo model: public data sets in a folder, a fixed share of them held out.

The folder holds JSON Lines files named `<domain>_<set>.jsonl`, one object a line with `text`,
`licence` and, where records belong together, `problem`, `task_id` or `doc`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HELD_OUT_ONE_IN = 20  # of the records that belong together, one group in twenty is never trained on

REAL_DOMAINS = (
    "python",
    "java",
    "cpp",
    "javascript",
    "math",
    "commonsense",
    "translation",
    "general",
)


@dataclass(frozen=True, kw_only=True)
class RecordFile:
    """One data set: a file of the folder and the domain its name tells."""

    path: Path
    domain: str
    name: str

    def records(self) -> Iterator[dict[str, object]]:
        """Read the file's records, one JSON object a line."""
        with self.path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                record = json.loads(line)
                if not isinstance(record.get("text"), str):
                    raise ValueError(f"{self.path.name}, line {number}: the record has no `text`.")
                yield record

    def texts(self, *, held_out: bool) -> Iterator[str]:
        """The texts of one side of the split, in the order of the file."""
        for record in self.records():
            if is_held_out(record) == held_out:
                yield str(record["text"])

    def licences(self) -> tuple[str, ...]:
        """The licences that the records name."""
        return tuple(
            sorted({str(record.get("licence", "not stated")) for record in self.records()})
        )


def group_of(record: dict[str, object]) -> str:
    """Name what a record belongs to, so that both sides of the split never share it.

    The same programming problem has the same name in every language and file (MBPP's numbers are
    the numbers of the MBXP sets); sentences of one news article share the article's name; any other
    record is named by its text.
    """
    for field in ("problem", "doc"):
        if record.get(field) is not None:
            return f"{field} {record[field]}"
    number = re.search(r"\d+$", str(record.get("task_id", "")))
    return f"problem {number.group()}" if number else f"text {record['text']}"


def is_held_out(record: dict[str, object]) -> bool:
    """Whether a record is for evaluation only: decided by a hash of what it belongs to."""
    digest = hashlib.sha256(group_of(record).encode()).digest()
    return int.from_bytes(digest[:8], "big") % HELD_OUT_ONE_IN == 0


def find_records(folder: Path) -> list[RecordFile]:
    """List the data sets of a folder; raises ValueError where there is none."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        domain, _, name = path.stem.partition("_")
        if domain in REAL_DOMAINS and name:
            found.append(RecordFile(path=path, domain=domain, name=name))
    if not found:
        raise ValueError(
            f"{folder} holds no data set. Expected are files such as python_mbpp.jsonl, named "
            f"<domain>_<set>.jsonl, with a domain of {', '.join(REAL_DOMAINS)}."
        )
    return found
