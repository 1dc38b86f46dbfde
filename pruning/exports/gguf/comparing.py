"""Are a GGUF file's values those of the checkpoint it was made from, or of the base model?

The converter renames, reorders and stacks tensors. So the checkpoint goes through it once more, in
full precision and without a file, and the results are compared value by value.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from numpy.typing import NDArray

from pruning.exports.gguf.converting import converter
from pruning.exports.gguf.quants import BLOCK, QUANTS
from pruning.exports.gguf.reading import GgufFile
from pruning.progress import Meter, Report, ignore

# The farthest that a value may be from its own, in parts of its block's largest magnitude: half a
# step of q8_0's 127, and what rounding the scale to 16 bits adds to its largest code; a whole step
# of the others, as they have no code for the far end of their range.
STEPS = {"Q8_0": (0.5 + 127 * 2**-11) / 127, "Q5_0": 1 / 16, "Q4_0": 1 / 8}
SLACK = 1 + 2**-10
TINY = 1e-7  # of scales that 16 bits cannot hold any more
# Formats without one step in a block: their root mean square error in parts of the matrix's own.
SHARES = {"Q6_K": 0.03, "Q5_K": 0.06, "Q4_K": 0.12, "Q3_K": 0.25}


def expected_tensors(folder: Path) -> dict[str, Any]:
    """What the converter makes of a checkpoint in float32: name -> a value that is read lazily."""
    model, _ = converter(folder, QUANTS["f32"], folder.name)
    model.prepare_tensors()
    return {name: tensor.tensor for name, tensor in model.gguf_writer.tensors[0].items()}


def unequal_tensors(
    file: GgufFile, folder: Path, *, pruned: int | None, report: Report = ignore
) -> Iterator[str]:
    """What is wrong with the file's tensors.

    folder: the checkpoint that the file was made from, with `pruned` None; or the dense base model,
    of which at most `pruned` values may be zero in the file instead.
    """
    with torch.inference_mode():
        expected = expected_tensors(folder)
        tensors = file.tensors
        for name in sorted(expected.keys() ^ tensors.keys()):
            yield f"{name} is missing" if name in expected else f"{name} is not the model's"
        meter = Meter(report, "Comparing", len(expected))
        zeroed = 0
        for name in (name for name in expected if name in tensors):
            values = np.asarray(gguf.LazyNumpyTensor.to_eager(expected[name]), dtype=np.float32)
            found = file.dequantised(name).reshape(values.shape)
            if pruned is not None:
                gone = (found == 0) & (values != 0)
                zeroed += int(gone.sum())
                values = np.where(gone, 0, values).astype(np.float32)
            yield from _wrong(name, values, found, tensors[name].tensor_type.name)
            meter.step(name)
        if pruned is not None and file.value("general.file_type") in _EXACT and zeroed > pruned:
            yield f"{zeroed} values are zero that the base model has, where {pruned} were pruned"


_EXACT = tuple(
    int(gguf.LlamaFileType[quant.file_type]) for quant in QUANTS.values() if quant.is_exact
)


def _wrong(
    name: str, values: NDArray[np.float32], found: NDArray[np.float32], kind: str
) -> Iterator[str]:
    """One tensor of that GGML type: what of it is farther off than the type explains."""
    if kind in ("F32", "F16", "BF16"):
        torch_type = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[kind]
        rounded = torch.from_numpy(values).to(torch_type).float().numpy()
        differing = int((rounded != found).sum())
        if differing:
            yield f"{name} has {differing} values that are not the checkpoint's in {kind.lower()}"
    elif kind in STEPS:
        blocks = values.reshape(-1, BLOCK)
        allowed = np.abs(blocks).max(axis=1, keepdims=True) * np.float32(STEPS[kind] * SLACK) + TINY
        far = int((np.abs(blocks - found.reshape(-1, BLOCK)) > allowed).sum())
        if far:
            yield f"{name} has {far} values more than a step of {kind.lower()} off"
    elif kind in SHARES:
        error = float(np.sqrt(np.mean((values - found) ** 2) / max(np.mean(values**2), TINY)))
        if error > SHARES[kind]:
            yield f"{name} is {error:.1%} off, more than {kind.lower()} explains"
    else:
        yield f"{name} is stored as {kind}, which is not checked here"
