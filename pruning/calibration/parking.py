"""Hidden states between two decoder layers as a file, so that memory is free and work is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pruning.machine.storage import atomic_write


def park(path: Path, layer: int, hidden: Sequence[Tensor], sums: Mapping[str, Tensor]) -> None:
    """Write a state, whole or not at all, in place of an earlier one.

    layer: the decoder layer that comes next. hidden: (sample, position, hidden size), one a batch.
    sums: what was summed up on the way, by any name.
    """
    tensors = {f"hidden/{number}": part.contiguous() for number, part in enumerate(hidden)}
    tensors |= {f"sums/{name}": values for name, values in sums.items()}
    facts = {"layer": str(layer), "batches": str(len(hidden))}
    with torch.inference_mode():
        atomic_write(path, lambda temporary: save_file(tensors, temporary, facts))


def where_parked(path: Path, shapes: Sequence[torch.Size]) -> tuple[int, dict[str, Tensor]]:
    """The layer and the sums that `park` wrote; (0, {}) for no file, or one of other batches.

    shapes: (sample, position) of each batch.
    """
    if not path.exists():
        return 0, {}
    with safe_open(path, framework="pt") as file:
        facts = file.metadata()
        known = [
            torch.Size(file.get_slice(f"hidden/{number}").get_shape()[:2])
            for number in range(int(facts["batches"]))
        ]
        if known != list(shapes):
            return 0, {}
        names = [name for name in file.keys() if name.startswith("sums/")]  # noqa: SIM118
        sums = {name.removeprefix("sums/"): file.get_tensor(name).clone() for name in names}
    return int(facts["layer"]), sums


def unpark(path: Path, batches: int) -> list[Tensor]:
    """The hidden states of so many batches, each (batch, position, hidden size)."""
    with safe_open(path, framework="pt") as file:
        return [file.get_tensor(f"hidden/{number}").clone() for number in range(batches)]
