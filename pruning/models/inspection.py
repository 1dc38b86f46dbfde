"""A model looked at before anything is downloaded or loaded: its kind, its size, whether it fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import constants

from pruning.checkpoints.headers import count_by_dtype, main_dtype, read_entries, read_json
from pruning.errors import InputError
from pruning.machine.resources import free_disk_bytes, free_gpu_bytes, free_memory_bytes
from pruning.models import hub
from pruning.models.architecture import weight_shapes
from pruning.models.hub_errors import UnreachableError
from pruning.models.sources import DEMO, DEMO_FOLDER, is_hub_id, local_folder
from pruning.models.support import check_tokenizer, skeleton
from pruning.specs import WeightKey

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class ModelReport:
    """What is known of a model without its weights.

    revision: the commit, of a hub model. folder: where it is, None if it must be downloaded.
    num_layers: decoder layers. parameters, checkpoint_bytes: None where the hub does not say.
    shapes: (out, in) of every prunable weight. gated: the hub asks for a licence to be accepted.
    problems: the reasons, as sentences, why it cannot be used; empty for a usable model. A model
    too large for this machine's memory has no problem here: see `fits_memory`.
    """

    source: str
    revision: str | None = None
    folder: Path | None = None
    architecture: str | None = None
    model_type: str | None = None
    num_layers: int | None = None
    hidden_size: int | None = None
    parameters: int | None = None
    checkpoint_bytes: int | None = None
    download_bytes: int = 0
    checkpoint_dtype: str | None = None
    gated: bool = False
    free_memory_bytes: int = 0
    free_gpu_bytes: int | None = None
    free_disk_bytes: int = 0
    shapes: Mapping[WeightKey, tuple[int, int]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def prunable_parameters(self) -> int:
        """The number of single weights that pruning can reach."""
        return sum(rows * columns for rows, columns in self.shapes.values())

    @property
    def projections(self) -> tuple[str, ...]:
        """What the prunable weights are called, e.g. "q_proj", in the order of the first layer."""
        return tuple(dict.fromkeys(key.projection for key in self.shapes))

    def memory_bytes(self, dtype: str | None) -> int:
        """Memory for the weights alone; 0 if their number is unknown. dtype None: float32."""
        return (self.parameters or 0) * BYTES[dtype or "float32"]

    def fits_memory(self, dtype: str | None, device: str = "cpu") -> bool:
        """Whether the weights fit what is free now, on the CPU ("cpu") or a GPU ("cuda...")."""
        free = self.free_gpu_bytes or 0 if device.startswith("cuda") else self.free_memory_bytes
        return self.memory_bytes(dtype) <= free


def inspect_model(source: str, revision: str | None = None) -> ModelReport:
    """Look at a model: "demo", a hub id or a folder. Reads headers and metadata only.

    Raises InputError if there is nothing to look at: no such folder or hub model, no config.json,
    no network. A model that is there and cannot be used is reported with its `problems`.
    """
    if not is_hub_id(source):
        if revision is not None:
            raise InputError(f"{source} is a local model; a revision is for hub models only.")
        return _inspect_folder(source, local_folder(source))
    cached = hub.snapshot_folder(source, revision)
    if cached is not None and cached.name == revision:
        return replace(_inspect_folder(source, cached), revision=cached.name)
    try:
        model = hub.describe(source, revision)
    except UnreachableError:
        if cached is None:
            raise
        return replace(_inspect_folder(source, cached), revision=cached.name)
    cached = hub.snapshot_folder(source, model.commit)
    if cached is None:
        return _inspect_hub(model)
    report = _inspect_folder(source, cached)
    return replace(report, revision=model.commit, gated=model.gated)


def list_models() -> list[dict[str, str]]:
    """The models that need no download: the demo, then the local cache. source, title, where."""
    demo = (
        [{"source": DEMO, "title": "Demo model", "where": str(DEMO_FOLDER)}]
        if (DEMO_FOLDER / "config.json").is_file()
        else []
    )
    return demo + [
        {"source": name, "title": name, "where": "local cache of the hub"}
        for name in hub.cached_models()
    ]


def _inspect_folder(source: str, folder: Path) -> ModelReport:
    problems: list[str] = []
    config = read_json(folder / "config.json")
    entries = _try(problems, lambda: read_entries(folder)) or {}
    _try(problems, lambda: check_tokenizer({path.name for path in folder.iterdir()}, str(folder)))
    counts = count_by_dtype(entries)
    return replace(
        _from_config(source, config, problems),
        folder=folder,
        parameters=sum(counts.values()) or None,
        checkpoint_bytes=sum(
            (folder / name).stat().st_size for name in {entry.file for entry in entries.values()}
        )
        or None,
        checkpoint_dtype=main_dtype(counts),
        free_disk_bytes=free_disk_bytes(folder),
    )


def _inspect_hub(model: hub.HubModel) -> ModelReport:
    problems: list[str] = []
    config = _try(problems, lambda: hub.fetch_config(model))
    if config is None:  # gated: the hub still says what kind of model it is
        report = _described(model.source, model.config, problems)
        files: tuple[str, ...] = tuple(n for n in model.files if n.endswith(".safetensors"))
    else:
        report = _from_config(model.source, config, problems)
        files = _try(problems, lambda: hub.checkpoint_files(model)) or ()
    _try(problems, lambda: check_tokenizer(set(model.files), model.source))
    counts = model.dtypes or (hub.count_parameters(model) if files and config else {})
    _try(problems, lambda: hub.check_disk(model, files))
    return replace(
        report,
        revision=model.commit,
        gated=model.gated,
        parameters=sum(counts.values()) or None,
        checkpoint_bytes=sum(model.files[name] for name in files) or None,
        checkpoint_dtype=main_dtype(counts),
        download_bytes=hub.download_bytes(model, files),
        free_disk_bytes=free_disk_bytes(Path(constants.HF_HUB_CACHE)),
        problems=tuple(problems),
    )


def _from_config(source: str, config: dict[str, Any], problems: list[str]) -> ModelReport:
    """The part of the report that config.json holds; a refusal is added to the problems."""
    built = _try(problems, lambda: skeleton(config))
    report = _described(source, config, problems)
    if built is None:
        return report
    model, _, layers = built
    return replace(
        report,
        architecture=type(model).__name__,
        num_layers=len(layers),
        hidden_size=getattr(model.config, "hidden_size", None),
        shapes=weight_shapes(layers),
    )


def _described(source: str, config: Mapping[str, Any], problems: list[str]) -> ModelReport:
    return ModelReport(
        source=source,
        architecture=next(iter(config.get("architectures") or ()), None),
        model_type=config.get("model_type"),
        free_memory_bytes=free_memory_bytes(),
        free_gpu_bytes=free_gpu_bytes(),
        problems=tuple(problems),
    )


def _try(problems: list[str], check: Callable[[], Result]) -> Result | None:
    """The check's result, or None with the reason of its refusal added to the problems."""
    try:
        return check()
    except InputError as error:
        problems.append(str(error))
        return None
