"""Measure what a sub-model saves on this machine, and keep the result with the run."""

from __future__ import annotations

import os
import platform
import statistics
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

import torch

from analysis.savings.speed import Times, Workload, time_models, time_ways
from pruning.checkpoints.shards import CHUNK
from pruning.machine.storage import storage_errors
from pruning.progress import Meter, Report, ignore
from pruning.repair.recipe import recipe_of
from pruning.runs.kept import Kept
from pruning.runs.run import Run
from pruning.specs import NONE, ExportSpec

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

NARROWED = "parts removed"


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

    def beside_dense(self, way: str, what: str) -> float:
        """Speed as a share of the dense model's in the same round, the median of the rounds."""
        pairs = zip(self.speed[way][what], self.speed["dense"][what], strict=True)
        return statistics.median(mine / dense for mine, dense in pairs)


def savings(run: Run, spec: ExportSpec, work: Workload, report: Report = ignore) -> Savings:
    """Measure, or read what was measured on this machine before.

    The sub-model is written to a temporary folder of the workspace in every form, and removed.
    One that is repaired is made first and kept with the run; one with parts removed is loaded from its
    folder and timed beside the dense model. Raises as `export`; AtlasError also for too large a model.
    """
    run.require_done()
    machine = this_machine(run)
    what = {"spec": spec.to_json(), "work": asdict(work), "machine": machine}

    def measure() -> dict[str, Any]:
        from pruning.exports.writing import export  # brings transformers along; pages only read

        with _files(run) as kept:
            plain = export(run, spec, kept / "plain", report).folder
            disk = _on_disk(run, spec, plain, report)
            if spec.narrow is None:
                memory, speed, missing = _computing(run, spec, work, report)
            else:
                memory, speed, missing = _narrowed(run, plain, work, report)
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


@contextmanager
def _files(run: Run) -> Iterator[Path]:
    """A folder for the sub-model's files, removed afterwards."""
    folder = _folder(run)
    folder.mkdir(exist_ok=True)
    with (
        storage_errors(folder / "files"),
        TemporaryDirectory(prefix=".files-", dir=folder) as kept,
    ):
        yield Path(kept)


def _on_disk(run: Run, spec: ExportSpec, plain: Path, report: Report) -> dict[str, int]:
    """Bytes of the weight files: as they are, plain, zipped, and stored small where it has zeros."""
    from pruning.exports.forms import compress

    base = sorted(run.model_folder().glob("*.safetensors"))
    files = sorted(plain.glob("*.safetensors"))
    name = "zeros" if spec.narrow is None else NARROWED
    meter = Meter(report, "Zipping", _bytes(base) + _bytes(files))
    sizes = {
        "dense": _bytes(base),
        "dense, zipped": _zipped(base, plain.parent, meter),
        name: _bytes(files),
        f"{name}, zipped": _zipped(files, plain.parent, meter),
    }
    if spec.narrow is None or spec.prune.sparsity:
        small = compress(plain, plain.parent / "small", report)
        sizes["bit masks"] = _bytes(sorted(small.glob("*.safetensors")))
    return sizes


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

    # One-shot and sequential masks keep equally many weights, which is all that matters here.
    alike = spec if spec.repair != NONE else replace(spec, mode="one-shot")
    masks = {weight.key: mask for weight, mask in recipe_of(run, alike).masks()}
    loaded = load_model(on_this_machine(run.spec.model), report)
    meter = Meter(report, "Timing", (work.repeats + 1) * 4)
    times, missing, sizes = time_ways(loaded, masks, work, meter)
    if loaded.device.type != "cuda":
        missing["2:4"] = "It needs an NVIDIA GPU of compute capability 8.0 or newer."
    dense = _parameters(loaded)
    memory = {"dense": dense, "masked": dense}
    if "sparse rows" in times:
        matrices = [loaded.matrix(key) for key in masks]
        replaced = sum(matrix.numel() * matrix.element_size() for matrix in matrices)
        memory["sparse rows"] = dense - replaced + sum(sizes.values())
    return memory, _rates(times, work), missing


def _narrowed(
    run: Run, plain: Path, work: Workload, report: Report
) -> tuple[dict[str, int], dict[str, dict[str, list[float]]], dict[str, str]]:
    """As `_computing`, of the dense model and the smaller one in the folder `plain`."""
    from pruning.models.loading import load_model, on_this_machine

    here = on_this_machine(run.spec.model)
    models = {
        "dense": load_model(here, report),
        NARROWED: load_model(replace(here, source=str(plain), revision=None), report),
    }
    times = time_models(models, work, Meter(report, "Timing", (work.repeats + 1) * len(models)))
    return {way: _parameters(model) for way, model in models.items()}, _rates(times, work), {}


def _parameters(loaded: LoadedModel) -> int:
    return sum(value.numel() * value.element_size() for value in loaded.module.parameters())


def _rates(times: dict[str, Times], work: Workload) -> dict[str, dict[str, list[float]]]:
    """Tokens per second of seconds."""
    tokens = {"read": work.prompt, "write": work.new}
    return {
        way: {what: [tokens[what] / seconds for seconds in each] for what, each in parts.items()}
        for way, parts in times.items()
    }
