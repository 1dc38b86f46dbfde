"""Results that are kept with a run: made once, written whole, read back ever after.

What is asked for names the file, by a hash of it, in a folder of the run that says what kind of
result it is. So a result is never taken for another, and a run's folder can be copied with all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pruning.errors import AtlasError
from pruning.machine.storage import atomic_json
from pruning.specs import content_hash

Result = TypeVar("Result")


class Kept:
    """One result of a run, as plain data in a JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, folder: Path, asked: Any, before: str = "") -> Kept:
        """The result of what was `asked`, plain data, whose hash ends the file's name.

        folder: of the results of this kind. before: begins the name.
        """
        return cls(folder / f"{before}{content_hash(asked)}.json")

    def is_there(self) -> bool:
        """Whether it was made before."""
        return self.path.exists()

    def get(self, make: Callable[[], Any], rebuild: Callable[[Any], Result]) -> Result:
        """What is kept, as `rebuild` makes it of the data; made and written first where needed.

        Raises AtlasError for a damaged file or a full disk, and as `make`.
        """
        if not self.is_there():
            self.write(make())
        return self.read(rebuild)

    def write(self, data: Any) -> None:
        """Keep it, in the place of what was there."""
        atomic_json(self.path, data)

    def read(self, rebuild: Callable[[Any], Result]) -> Result:
        """What is kept; raises AtlasError where the file is damaged or gone."""
        try:
            return rebuild(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise AtlasError(
                f"{self.path} is damaged; delete it, and it is made again when it is asked for."
            ) from error
