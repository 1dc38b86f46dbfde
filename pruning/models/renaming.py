"""What transformers calls the tensors of a checkpoint once they are loaded."""

from __future__ import annotations

from collections.abc import Iterable

from transformers import PreTrainedModel
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key


class Renaming:
    """The names of one model's tensors, in the checkpoint and in the module."""

    def __init__(self, module: PreTrainedModel) -> None:
        """module: with its experts taken apart, so that each stored matrix has its own name."""
        self.state = module.state_dict()
        self._prefix = module.base_model_prefix
        changes = get_model_conversion_mapping(module)
        self._renamings = [each for each in changes if isinstance(each, WeightRenaming)]
        self._converters = [each for each in changes if isinstance(each, WeightConverter)]

    def name_of(self, stored: str) -> tuple[str, bool]:
        """The module's name of a stored tensor, and whether it is converted (merged, split) too."""
        name = self._rename(stored, [])[0]
        if name in self.state:
            return name, False
        name, conversion = self._rename(stored, self._converters)
        return name, conversion is not None

    def stored_names(self, stored: Iterable[str]) -> dict[str, str]:
        """The module's name -> the checkpoint's, for the tensors that are stored as they are."""
        return {self._rename(name, [])[0]: name for name in stored}

    def _rename(self, stored: str, converters: list[WeightConverter]) -> tuple[str, str | None]:
        return rename_source_key(stored, self._renamings, converters, self._prefix, self.state)
