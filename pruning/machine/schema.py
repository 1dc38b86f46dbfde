"""Files that this program wrote, read back as typed records: whole, of the right types, or refused.

A record's fields are frozen and typed; fields that it does not know are kept and written again, so
that a newer minor release's file survives being read here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from pruning.errors import AtlasError

SHOWN = 3  # faults named in one sentence


class DamagedError(AtlasError):
    """A file is not what this program writes."""


class Stored(BaseModel):
    """A record as it lies in a JSON file."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", serialize_by_alias=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record in a file.

        Raises DamagedError, with the file and what is wrong with it, also where it cannot be read.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise DamagedError(f"{path} is damaged ({faults(error)})") from error
        except OSError as error:
            raise DamagedError(f"{path} cannot be read ({error.strerror or error})") from error

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Rebuild from `to_json`'s output; ValidationError, a ValueError, where it does not fit."""
        return cls.model_validate_json(json.dumps(data))

    def to_json(self) -> dict[str, Any]:
        """Plain data, of the fields that were given or read."""
        data: dict[str, Any] = json.loads(self.model_dump_json(exclude_unset=True))
        return data


def faults(error: ValidationError) -> str:
    """What is wrong with a record, in one line, without values that may be long."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}" if each["loc"] else each["msg"]
        for each in found
    ]
    rest = len(lines) - SHOWN
    return "; ".join(lines[:SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
