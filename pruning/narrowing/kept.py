"""What a narrowing chose and refitted, kept small with its run: bits, and the refitted columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pruning.checkpoints.headers import read_json
from pruning.errors import AtlasError
from pruning.machine.locks import folder_lock
from pruning.machine.storage import atomic_write
from pruning.narrowing.made import Made, MadePart
from pruning.progress import Report, ignore
from pruning.specs import ExportSpec, content_hash

if TYPE_CHECKING:
    from pruning.narrowing.configs import Narrowed
    from pruning.runs.run import Run


def narrowed(run: Run, spec: ExportSpec, report: Report = ignore) -> Made:
    """What `spec` removes of the run's model, read back where it was made before.

    Raises as `configs.describe` and `making.make`; AtlasError for a damaged file, or while another
    process makes the same.
    """
    from pruning.narrowing.configs import describe  # these bring transformers along
    from pruning.narrowing.making import make

    assert spec.narrow is not None
    folder = run.model_folder()
    shape = describe(read_json(folder / "config.json"), spec.narrow)
    path = _path(run, spec)
    if not path.exists():
        with folder_lock(path.parent, "This sub-model"):
            if not path.exists():
                _write(path, make(run, spec, shape, report))
    return _read(path, shape)


def is_kept(run: Run, spec: ExportSpec) -> bool:
    """Whether what `spec` removes was made before."""
    return _path(run, spec).exists()


def _path(run: Run, spec: ExportSpec) -> Path:
    """The weights that are pruned besides play no part in what is removed."""
    assert spec.narrow is not None
    asked = [list(map(list, spec.mixture)), spec.narrow.to_json()]
    return run.folder / "submodels" / f"narrowed-{content_hash(asked)}" / "made.safetensors"


def _write(path: Path, made: Made) -> None:
    tensors = {}
    for part in made.parts:
        tensors[f"{part.part.consumer}/kept"] = torch.from_numpy(np.packbits(part.kept))
        if part.fitted is not None:
            tensors[f"{part.part.consumer}/fitted"] = part.fitted.contiguous()
    facts = {
        "layers": json.dumps(made.layers),
        "cosines": json.dumps(made.cosines),
        "errors": json.dumps(dict(made.errors)),
    }
    atomic_write(path, lambda temporary: save_file(tensors, temporary, facts))


def _read(path: Path, shape: Narrowed) -> Made:
    try:
        with safe_open(path, framework="pt") as file:
            facts, stored = file.metadata(), set(file.keys())
            parts = []
            for part in shape.parts:
                name = f"{part.consumer}/kept"
                if name not in stored:
                    continue  # of a layer that is gone
                bits = file.get_tensor(name).numpy()
                fitted = f"{part.consumer}/fitted"
                parts.append(
                    MadePart(
                        part=part,
                        kept=np.unpackbits(bits, count=part.units).astype(bool),
                        fitted=file.get_tensor(fitted) if fitted in stored else None,
                    )
                )
        return Made(
            layers=tuple(json.loads(facts["layers"])),
            parts=tuple(parts),
            cosines=tuple(json.loads(facts["cosines"])),
            errors={int(layer): e for layer, e in json.loads(facts["errors"]).items()},
        )
    except (OSError, SafetensorError, ValueError, LookupError) as error:
        raise AtlasError(f"{path} is damaged ({error}); delete it to make it again.") from error
