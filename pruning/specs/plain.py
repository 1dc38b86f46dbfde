"""Dataclasses of what JSON has read: nested ones, tuples and mappings, as their annotations say."""

from __future__ import annotations

import dataclasses
from functools import cache
from types import NoneType
from typing import Any, Self, get_args, get_origin, get_type_hints


class Plain:
    """For a dataclass that is stored as JSON: how it is made of that again."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild from plain data. KeyError for a field that is missing, TypeError for another."""
        kinds = _kinds(cls)  # type: ignore[arg-type]
        for field in dataclasses.fields(cls):  # type: ignore[arg-type]
            usual = (field.default, field.default_factory)
            if field.name not in data and usual == (dataclasses.MISSING, dataclasses.MISSING):
                raise KeyError(field.name)
        return cls(**{name: _made(kinds.get(name), value) for name, value in data.items()})


@cache
def _kinds(kind: type) -> dict[str, Any]:
    """The types of a dataclass's fields; their names must be known when the program runs."""
    return get_type_hints(kind)


def _made(kind: Any, value: Any) -> Any:
    """A value of this type: numbers and texts as they are, None where it may be None."""
    parts = get_args(kind)
    if value is None:
        return None
    if NoneType in parts:
        return _made(next(part for part in parts if part is not NoneType), value)
    if isinstance(kind, type) and issubclass(kind, Plain):
        return kind.from_json(value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        kinds = _kinds(kind)
        return kind(**{name: _made(kinds.get(name), each) for name, each in value.items()})
    if isinstance(value, list):
        if len(parts) == 2 and parts[1] is Ellipsis:
            parts = parts[:1] * len(value)
        inner = parts if len(parts) == len(value) else (None,) * len(value)
        return tuple(_made(part, each) for part, each in zip(inner, value, strict=True))
    if isinstance(value, dict) and get_origin(kind) is not None:
        return {name: _made(parts[1], each) for name, each in value.items()}
    return value
