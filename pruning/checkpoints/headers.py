"""What a model folder's safetensors files say about themselves, without reading the weights.

A safetensors file is 8 bytes of header length (little endian), a JSON header with each tensor's
dtype, shape and byte range, and the bytes. Everything here reads headers only, except the
fingerprint, which samples the bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import InputError

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
DTYPE_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 1),
}
TORCH_NAMES = {"F64": "float64", "F32": "float32", "BF16": "bfloat16", "F16": "float16"}
_LARGEST_HEADER = 100_000_000  # the format's own limit, in bytes
_BLOCK = 64 * 1024
_BLOCKS = 64


@dataclass(frozen=True, kw_only=True)
class TensorEntry:
    """One tensor of a checkpoint: its file (relative to the folder), dtype code, shape."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


def weight_files(folder: Path) -> tuple[str, ...]:
    """The names of the safetensors files that make up a model folder's checkpoint, sorted.

    Raises InputError if there are none, or if a shard that the index names is missing.
    """
    index = folder / INDEX_FILE
    if (folder / SINGLE_FILE).is_file():
        return (SINGLE_FILE,)
    if index.is_file():
        files = index_files(read_json(index), index.name)
        missing = [name for name in files if not (folder / name).is_file()]
        if missing:
            raise InputError(
                f"{folder} lacks {len(missing)} of its {len(files)} weight files "
                f"({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}); "
                "copy or download the model again."
            )
        return files
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pth")):
        raise InputError(
            f"{folder} has its weights in pickled files only, which can run code when opened; "
            "convert them to safetensors (transformers' save_pretrained does) and try again."
        )
    raise InputError(f"{folder} has no weights: neither {SINGLE_FILE} nor {INDEX_FILE} is there.")


def index_files(index: dict[str, Any], where: str) -> tuple[str, ...]:
    """The sorted shard names of an index's weight_map; InputError if one leaves the folder."""
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise InputError(f"{where} has no weight_map; copy or download the model again.")
    files = sorted({str(name) for name in weight_map.values()})
    for name in files:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise InputError(f"{where} names {name!r}, which is not a safetensors file beside it.")
    return tuple(files)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; InputError with the file's name if it is something else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not valid JSON ({error}); restore the file.") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} does not hold a JSON object; restore the file.")
    return data


def read_header(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The raw header (with its 8 length bytes) and its tensors' entries.

    Raises InputError if the header is not readable or its byte ranges do not fill the file
    exactly, as after a download that broke off.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(_LARGEST_HEADER, size - 8):
            raise _corrupt(path, "its header is cut off")
        raw = file.read(length)
    try:
        header = json.loads(raw)
        header.pop("__metadata__", None)
        ranges = sorted(tuple(entry["data_offsets"]) for entry in header.values())
        expected = [
            math.prod(entry["shape"]) * DTYPE_BYTES[entry["dtype"]]
            == entry["data_offsets"][1] - entry["data_offsets"][0]
            for entry in header.values()
            if entry["dtype"] in DTYPE_BYTES
        ]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _corrupt(path, "its header is not readable") from error
    ends = [0, *(end for _, end in ranges)]
    if not all(expected) or any(
        begin != end for (begin, _), end in zip(ranges, ends, strict=False)
    ):
        raise _corrupt(path, "its header contradicts itself")
    promised = 8 + length + ends[-1]
    if promised != size:
        raise _corrupt(path, f"it should have {promised:,} bytes and has {size:,}")
    return start + raw, header


def read_entries(folder: Path) -> dict[str, TensorEntry]:
    """Every tensor of a model folder's checkpoint by name, from the files' headers."""
    return {
        name: TensorEntry(
            name=name, file=file, dtype=str(entry["dtype"]), shape=tuple(entry["shape"])
        )
        for file in weight_files(folder)
        for name, entry in read_header(folder / file)[1].items()
    }


def main_dtype(counts: Mapping[str, int]) -> str | None:
    """The torch name of the floating-point dtype with the most elements; None if there is none.

    counts: elements by safetensors dtype code.
    """
    floating = {TORCH_NAMES[code]: n for code, n in counts.items() if code in TORCH_NAMES}
    return max(floating, key=lambda name: floating[name]) if floating else None


def count_by_dtype(entries: Mapping[str, TensorEntry]) -> dict[str, int]:
    """Elements by safetensors dtype code."""
    counts: Counter[str] = Counter()
    for entry in entries.values():
        counts[entry.dtype] += entry.size
    return dict(counts)


def checkpoint_name(
    parameter: str,
    base_prefix: str,
    entries: Mapping[str, TensorEntry],
    renamed: Mapping[str, str] | None = None,
) -> str | None:
    """The checkpoint's name for a parameter, with or without the base model's prefix.

    renamed: parameter -> checkpoint, where transformers has another name for a tensor.

    GPT-2's original checkpoint, for one, says "h.0.attn.c_attn.weight" where the module says
    "transformer.h.0.attn.c_attn.weight". None if the checkpoint has no such tensor.
    """
    prefix = f"{base_prefix}."
    other = (renamed or {}).get(parameter, parameter)
    for name in (other, parameter, parameter.removeprefix(prefix), prefix + parameter):
        if name in entries:
            return name
    return None


def locate(
    weights: Sequence[PrunableWeight],
    base_prefix: str,
    entries: Mapping[str, TensorEntry],
    renamed: Mapping[str, str] | None = None,
) -> tuple[PrunableWeight, ...]:
    """The weights with `tensor` and `file` filled in where the checkpoint stores them as they are.

    A weight whose tensor is absent or of another shape (a checkpoint that is converted while
    loading) keeps None. renamed: see `checkpoint_name`.
    """
    return tuple(_locate_one(weight, base_prefix, entries, renamed) for weight in weights)


def _locate_one(
    weight: PrunableWeight,
    base_prefix: str,
    entries: Mapping[str, TensorEntry],
    renamed: Mapping[str, str] | None,
) -> PrunableWeight:
    name = checkpoint_name(weight.parameter, base_prefix, entries, renamed)
    stored = weight.shape[::-1] if weight.transposed else weight.shape
    if name is None or entries[name].shape != stored:
        return weight
    return PrunableWeight(
        key=weight.key,
        shape=weight.shape,
        input_name=weight.input_name,
        parameter=weight.parameter,
        transposed=weight.transposed,
        tensor=name,
        file=entries[name].file,
    )


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits that identify a model folder's weights and configuration.

    SHA-256 over config.json and, for every safetensors file in order of name, its name, size,
    header, and 64 evenly spaced blocks of 64 KiB (the whole file if it is smaller than that).
    """
    digest = hashlib.sha256()
    digest.update((folder / "config.json").read_bytes())
    for name in weight_files(folder):
        path = folder / name
        size = path.stat().st_size
        digest.update(f"\n{name}\n{size}\n".encode())
        digest.update(read_header(path)[0])
        with path.open("rb") as file:
            for start in _block_starts(size):
                file.seek(start)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:16]


def _block_starts(size: int) -> range | list[int]:
    if size <= _BLOCK * _BLOCKS:
        return range(0, size, _BLOCK)
    return [(size - _BLOCK) * block // (_BLOCKS - 1) for block in range(_BLOCKS)]


def _corrupt(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path} is not a complete safetensors file: {reason}. Copy or download it again."
    )
