"""Modules whose weights stay in the checkpoint and are in memory only while they are in use."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pruning.checkpoints.shards import Shard, StoredTensor, read_tensor
from pruning.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One parameter's place in a module, and where its values are in the checkpoint.

    dtype: that of the parameter in memory, whatever the file's.
    """

    module: nn.Module
    name: str
    shard: Shard
    stored: StoredTensor
    dtype: torch.dtype

    def fill(self, device: torch.device) -> Tensor:
        """Read the values and put them in place; returns them, in the stored shape."""
        values = read_tensor(self.shard, self.stored).to(device, self.dtype, copy=True)
        self.module._parameters[self.name] = nn.Parameter(values, requires_grad=False)
        return values

    def empty(self) -> None:
        """Take the values out of memory again; the parameter keeps its shape."""
        nothing = torch.empty(self.stored.shape, dtype=self.dtype, device="meta")
        self.module._parameters[self.name] = nn.Parameter(nothing, requires_grad=False)


class Block:
    """A module, such as one decoder layer, whose weights are read whenever it is called.

    Who calls it often opens `resident` around the calls, and it is read once.
    """

    def __init__(self, module: nn.Module, slots: Sequence[Slot], device: torch.device) -> None:
        self._slots, self._device = tuple(slots), device
        self._users = 0
        self._checked = False
        self.following: Block | None = None  # the one that will be wanted next
        plain = module.forward

        @functools.wraps(plain)
        def forward(*args: Any, **kwargs: Any) -> Any:
            with self.resident():
                return plain(*args, **kwargs)

        module.forward = forward

    @property
    def bytes(self) -> int:
        """The memory it takes while it is in use."""
        return sum(slot.stored.count * slot.dtype.itemsize for slot in self._slots)

    @contextlib.contextmanager
    def resident(self) -> Iterator[None]:
        """Inside, the weights are in memory. What is written into them is gone afterwards."""
        self._users += 1
        try:
            if self._users == 1:
                self._read()
            yield
        finally:
            self._users -= 1
            if not self._users:
                for slot in self._slots:
                    slot.empty()

    def _read(self) -> None:
        for slot in self._slots:
            values = slot.fill(self._device)
            if not self._checked:
                check_values(slot.stored.name, values)
        self._checked = True
        if self.following is not None:
            self.following.expect()

    def expect(self) -> None:
        """Ask the operating system to fetch the weights from the disk while others are in use."""
        if not hasattr(os, "posix_fadvise"):
            return
        for slot in self._slots:
            with slot.shard.path.open("rb") as file:
                os.posix_fadvise(
                    file.fileno(), slot.stored.begin, slot.stored.bytes, os.POSIX_FADV_WILLNEED
                )


def check_values(stored_name: str, values: Tensor) -> None:
    """Raise InputError if one of the values, of any shape, is a NaN or an infinity. No copy is made."""
    if values.numel() and not all(bool(end.isfinite()) for end in torch.aminmax(values)):
        raise InputError(
            f"The tensor {stored_name} holds NaN or infinite values in "
            f"{str(values.dtype).removeprefix('torch.')}; the checkpoint is "
            "damaged, or needs a dtype with a wider range."
        )
