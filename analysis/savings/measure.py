"""Measure what a sub-model saves on this machine, and keep the result with the run."""

from __future__ import annotations

import os
import platform
import statistics
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import torch

from analysis.savings.speed import Workload, time_ways
from pruning.checkpoints.shards import CHUNK
from pruning.errors import InputError
from pruning.machine.storage import storage_errors
from pruning.masks.recipe import recipe_of
from pruning.progress import Meter, Report, ignore
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import ExportSpec

WAYS = ("dense", "masked", "sparse rows", "2:4")


@dataclass(frozen=True, kw_only=True)
class Savings:
    """What was measured, as stored.

    machine: what it was measured on. disk: bytes of the weight files by form. memory: bytes of all
    parameters by way of computing. speed: way -> {"read", "write"} -> tokens per second of each
    repetition. missing: way -> why it was not measured. created: seconds since 1970.
    """

    spec: dict[str, Any]
    work: dict[str, int]
    machine: dict[str, Any]
    disk: dict[str, int]
    memory: dict[str, int]
    speed: dict[str, dict[str, list[float]]]
    missing: dict[str, str]
    created: float

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild from the stored file."""
        return cls(**data)

    def median(self, way: str, what: str) -> float:
        """Tokens per second, the median of the repetitions; what: "read" or "write"."""
        return statistics.median(self.speed[way][what])


def savings(run: Run, spec: ExportSpec, work: Workload, report: Report = ignore) -> Savings:
    """Measure, or read what was measured on this machine before.

    The sub-model is written to a temporary folder of the workspace in every form, and removed.
    Raises InputError for a sequential export, AtlasError for a full disk or too large a model.
    """
    if spec.needs_model:
        raise InputError("Savings depend on how much is pruned, not on how; choose one-shot.")
    run.require_done()
    machine = this_machine(run)
    what = {"spec": spec.to_json(), "work": asdict(work), "machine": machine}

    def measure() -> dict[str, Any]:
        disk = _on_disk(run, spec, report)
        memory, speed, missing = _computing(run, spec, work, report)
        found = {"disk": disk, "memory": memory, "speed": speed, "missing": missing}
        return {**what, **found, "created": time.time()}

    return Kept.of(_folder(run), what).get(measure, Savings.from_json)


def measured(run: Run) -> list[Savings]:
    """All that was measured of a run, here or elsewhere, the newest first."""
    found = [Kept(path).read(Savings.from_json) for path in _folder(run).glob("*.json")]
    return sorted(found, key=lambda each: each.created, reverse=True)


def this_machine(run: Run) -> dict[str, Any]:
    """Processor, threads and library: what speeds depend on."""
    device = run.spec.model.device
    gpu = torch.cuda.is_available() and device != "cpu"
    return {
        "processor": torch.cuda.get_device_name() if gpu else _processor(),
        "device": "cuda" if gpu else "cpu",
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _folder(run: Run) -> Path:
    return run.folder / "savings"


def _on_disk(run: Run, spec: ExportSpec, report: Report) -> dict[str, int]:
    """Bytes of the weight files: as they are, with zeros, zipped, and stored small."""
    from pruning.exports.forms import compress
    from pruning.exports.writing import export  # brings transformers along; pages only read

    base = sorted(run.model_folder().glob("*.safetensors"))
    _folder(run).mkdir(exist_ok=True)
    with (
        storage_errors(_folder(run) / "files"),
        TemporaryDirectory(prefix=".files-", dir=_folder(run)) as kept,
    ):
        plain = export(run, spec, Path(kept) / "plain", report).folder
        small = compress(plain, Path(kept) / "small", report)
        zeros = sorted(plain.glob("*.safetensors"))
        files = {"dense, zipped": base, "zeros, zipped": zeros}
        meter = Meter(report, "Zipping", 2 * _bytes(zeros))
        zipped = {name: _zipped(paths, Path(kept), meter) for name, paths in files.items()}
        return {
            "dense": _bytes(base),
            "dense, zipped": zipped["dense, zipped"],
            "zeros": _bytes(zeros),
            "zeros, zipped": zipped["zeros, zipped"],
            "bit masks": _bytes(sorted(small.glob("*.safetensors"))),
        }


def _bytes(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _zipped(files: list[Path], folder: Path, meter: Meter) -> int:
    """The size of the files as a .zip, deflated at the usual level."""
    target = folder / "weights.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            with path.open("rb") as source, packed.open(path.name, "w", force_zip64=True) as sink:
                while piece := source.read(CHUNK):
                    sink.write(piece)
                    meter.step(path.name, len(piece))
    return target.stat().st_size


def _computing(
    run: Run, spec: ExportSpec, work: Workload, report: Report
) -> tuple[dict[str, int], dict[str, dict[str, list[float]]], dict[str, str]]:
    """Bytes of the parameters and tokens per second, by way of computing."""
    # here, as it brings transformers along, and pages only read
    from pruning.models.loading import load_model, on_this_machine

    masks = {weight.key: mask for weight, mask in recipe_of(run, spec).masks()}
    loaded = load_model(on_this_machine(run.spec.model), report)
    meter = Meter(report, "Timing", (work.repeats + 1) * 4)
    times, missing, sizes = time_ways(loaded, masks, work, meter)
    if loaded.device.type != "cuda":
        missing["2:4"] = "It needs an NVIDIA GPU of compute capability 8.0 or newer."
    tokens = {"read": work.prompt, "write": work.new}
    speed = {
        way: {
            what: [tokens[what] / seconds for seconds in each] for what, each in way_times.items()
        }
        for way, way_times in times.items()
    }
    dense = sum(value.numel() * value.element_size() for value in loaded.module.parameters())
    memory = {"dense": dense, "masked": dense}
    if "sparse rows" in times:
        matrices = [loaded.matrix(key) for key in masks]
        replaced = sum(matrix.numel() * matrix.element_size() for matrix in matrices)
        memory["sparse rows"] = dense - replaced + sum(sizes.values())
    return memory, speed, missing
