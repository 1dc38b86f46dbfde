"""What every specification can do: JSON in and out, and a content hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, Self

from pruning.errors import InputError
from pruning.specs.plain import Plain


class Spec(Plain):
    """JSON in and out, and a content hash, for frozen dataclasses of plain values."""

    def to_json(self) -> dict[str, Any]:
        """Plain data: dicts, lists, strings, numbers, None."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: _plain(getattr(self, field.name)) for field in fields}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild from `to_json`'s output; raises InputError for unknown or invalid fields."""
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = set(data) - known
        if unknown:
            raise InputError(f"{cls.__name__} has no field {', '.join(sorted(unknown))}.")
        return super().from_json(data)

    def content_hash(self) -> str:
        """16 hexadecimal digits that depend on every field and on nothing else."""
        return content_hash(self.to_json())


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_json()
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def content_hash(data: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
