"""What was read of a domain, what was left out, and why: kept with the run."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pruning.errors import InputError

EXAMPLES = 10  # names kept for each reason


class BadMemberError(InputError):
    """A file or record that cannot be read. reason: why, in words that fit others of its kind."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Reading:
    """Notes that readers take while they read."""

    def __init__(self) -> None:
        self.files: Counter[str] = Counter()  # form -> files
        self.entries: Counter[str] = Counter()  # form -> documents in them
        self.duplicates = 0  # documents with the text of another, left out
        self.text = ""  # what of a record is its text
        self._skipped: dict[str, _Names] = {}
        self._noted: dict[str, _Names] = {}

    def read(self, form: str, entries: int) -> None:
        """A file of a form was opened; it holds so many documents."""
        self.files[form] += 1
        self.entries[form] += entries

    def skip(self, name: str, error: InputError | str) -> None:
        """What is named is left out."""
        reason = error if isinstance(error, str) else getattr(error, "reason", str(error))
        self._skipped.setdefault(reason, _Names()).add(name)

    def note(self, what: str, name: str) -> None:
        """Something that a person should know of what was read, such as a guessed encoding."""
        self._noted.setdefault(what, _Names()).add(name)

    @property
    def skipped(self) -> int:
        """Files and records that were left out."""
        return sum(names.count for names in self._skipped.values())

    def sentences(self) -> list[str]:
        """The notes in words: what was read, then what was left out and why."""
        return describe_reading(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain data, for a manifest."""
        return {
            "forms": {form: [self.files[form], self.entries[form]] for form in self.files},
            "text": self.text,
            "duplicates": self.duplicates,
            "skipped": {reason: names.to_json() for reason, names in self._skipped.items()},
            "noted": {what: names.to_json() for what, names in self._noted.items()},
        }


class _Names:
    """How many there were, and the first few by name; each name counts once."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.first: list[str] = []

    @property
    def count(self) -> int:
        return len(self.seen)

    def add(self, name: str) -> None:
        if name not in self.seen and len(self.first) < EXAMPLES:
            self.first.append(name)
        self.seen.add(name)

    def to_json(self) -> list[Any]:
        return [self.count, self.first]


def describe_reading(data: dict[str, Any]) -> list[str]:
    """Sentences about a reading, of the data that `Reading.to_json` gives."""
    said = []
    for form, (files, entries) in data.get("forms", {}).items():
        what = form if form.startswith("a ") else f"{files:,} file{'s' * (files != 1)} of {form}"
        held = f", {entries:,} document{'s' * (entries != 1)}" if entries else ""
        said.append(f"Read: {what}{held}.")
    if data.get("text"):
        said.append(f"The text is {data['text']}.")
    if count := data.get("duplicates", 0):
        said.append(f"Left out: the same text as another document ({count:,}).")
    for heading, part in (("Left out", "skipped"), ("Note", "noted")):
        for reason, (count, names) in data.get(part, {}).items():
            more = f" and {count - len(names):,} more" if count > len(names) else ""
            said.append(f"{heading}: {reason} ({count:,}): {', '.join(names)}{more}.")
    return said
