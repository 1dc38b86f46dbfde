"""Results that are kept with a run: made once, written whole, read back ever after.

What was asked for names the file, by a hash of it, in a folder of the run that says what kind of
result it is. So a result is never taken for another, and a run's folder is copied with all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from pruning.errors import AtlasError
from pruning.machine.storage import atomic_json, atomic_tensors
from pruning.specs import content_hash

Data = TypeVar("Data")
Result = TypeVar("Result")


class _Kept(Generic[Data]):
    """One result of a run, in a file of its own."""

    ending: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, folder: Path, asked: Any, before: str = "") -> Self:
        """The result of what was `asked`, plain data, whose hash ends the file's name.

        folder: of the results of this kind. before: begins the name.
        """
        return cls(folder / f"{before}{content_hash(asked)}{cls.ending}")

    def is_there(self) -> bool:
        """Whether it was made before."""
        return self.path.exists()

    def get(self, make: Callable[[], Data], rebuild: Callable[[Data], Result]) -> Result:
        """What is kept, as `rebuild` makes it of the data; made and written first where needed.

        Raises AtlasError for a damaged file or a full disk, and as `make`.
        """
        if not self.is_there():
            self.write(make())
        return self.read(rebuild)

    def read(self, rebuild: Callable[[Data], Result]) -> Result:
        """What is kept; raises AtlasError where the file is damaged or gone."""
        try:
            return rebuild(self._load())
        except (
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            SafetensorError,
        ) as error:
            raise AtlasError(
                f"{self.path} is damaged; delete it, and it is made again when it is asked for."
            ) from error

    def find(self, rebuild: Callable[[Data], Result]) -> Result | None:
        """As `read`, or None where it was not made yet."""
        return self.read(rebuild) if self.is_there() else None

    def write(self, data: Data) -> None:
        """Keep it, in the place of what was there."""
        raise NotImplementedError

    def _load(self) -> Data:
        raise NotImplementedError


class Kept(_Kept[Any]):
    """A result of plain data, as JSON."""

    ending = ".json"

    def write(self, data: Any) -> None:
        """As `_Kept.write`."""
        atomic_json(self.path, data)

    def _load(self) -> Any:
        return json.loads(self.path.read_text(encoding="utf-8"))


class KeptArrays(_Kept[Mapping[str, NDArray]]):
    """A result of named arrays, as safetensors."""

    ending = ".safetensors"

    def write(self, data: Mapping[str, NDArray]) -> None:
        """As `_Kept.write`."""
        atomic_tensors(self.path, data)

    def _load(self) -> Mapping[str, NDArray]:
        return load_file(self.path)
