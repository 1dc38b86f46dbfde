"""Loading a model: what it is made of, where each weight lies, ready for calibration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers import logging as transformers_logging

from pruning.architecture import (
    PrunableWeight,
    check_causal,
    check_dense,
    discover_weights,
    find_decoder_layers,
)
from pruning.checkpoint import (
    checkpoint_name,
    count_by_dtype,
    fingerprint,
    locate,
    main_dtype,
    read_entries,
    read_json,
)
from pruning.errors import AtlasError, InputError
from pruning.inspection import BYTES
from pruning.inspection import ModelReport as ModelReport
from pruning.inspection import inspect_model as inspect_model
from pruning.inspection import list_models as list_models
from pruning.progress import Meter, Report, ignore
from pruning.resources import free_gpu_bytes, free_memory_bytes, gigabytes
from pruning.sources import DEMO_FOLDER as DEMO_FOLDER
from pruning.sources import model_folder, resolve_source
from pruning.sources import parse_model as parse_model
from pruning.specs import DTYPES, ModelSpec, WeightKey
from pruning.support import check_tokenizer, one_line, skeleton

# Constants that older releases saved beside the weights; nothing in them was learned.
LEFTOVERS = (".masked_bias", ".inv_freq", ".position_ids")


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model in memory, in evaluation mode, without gradients.

    spec: with concrete dtype, device and revision. layers: the decoder layers. weights: every
    prunable weight in layer order, then module order. fingerprint: see `checkpoint.fingerprint`.
    """

    spec: ModelSpec
    folder: Path
    module: PreTrainedModel
    tokenizer: Any
    layers: nn.ModuleList
    weights: tuple[PrunableWeight, ...]
    fingerprint: str
    _by_key: dict[WeightKey, PrunableWeight] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {weight.key: weight for weight in self.weights})

    @property
    def keys(self) -> tuple[WeightKey, ...]:
        """The address of every prunable weight, in the order of `weights`."""
        return tuple(self._by_key)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.module.device

    def weight(self, key: WeightKey) -> PrunableWeight:
        """What is known of one prunable weight; InputError if there is none with this key."""
        if key not in self._by_key:
            raise InputError(f"There is no prunable weight {key} in {self.spec.source}.")
        return self._by_key[key]

    def submodule(self, key: WeightKey) -> nn.Module:
        """The linear map that holds the weight."""
        return self.layers[self.weight(key).key.layer].get_submodule(key.name)

    def parameter(self, key: WeightKey) -> nn.Parameter:
        """The live parameter, in the module's own layout."""
        return cast(nn.Parameter, self.submodule(key).weight)

    def matrix(self, key: WeightKey) -> torch.Tensor:
        """The live parameter as an (out, in) view: writing to it changes the model."""
        parameter = self.parameter(key).detach()
        return parameter.T if self.weight(key).transposed else parameter


def resolve(spec: ModelSpec, report: Report = ignore) -> ModelSpec:
    """The spec with a concrete dtype, device, revision (commit) and absolute folder.

    A hub model that is not in the local cache is downloaded first. Raises InputError for a
    source that cannot be used, or a device that this machine does not have.
    """
    device = resolve_device(spec.device)
    spec = replace(resolve_source(spec, report), device=device)
    if spec.dtype is not None:
        return spec
    if device == "cpu":
        return replace(spec, dtype="float32")
    stored = main_dtype(count_by_dtype(read_entries(model_folder(spec))))
    return replace(spec, dtype=stored if stored in DTYPES else "float32")


def resolve_device(device: str) -> str:
    """ "auto" becomes "cuda" or "cpu"; InputError for a GPU that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(device.partition(":")[2] or 0) >= count:
        there = f"only {count} CUDA device(s)" if count else "no CUDA device"
        raise InputError(f"Device {device} was asked for, but there is {there} here; use cpu.")
    return device


def load_tokenizer(spec: ModelSpec) -> Any:
    """The model's tokenizer; InputError if its files are missing or not readable."""
    return _tokenizer(model_folder(resolve_source(spec)))


def load_model(spec: ModelSpec, report: Report = ignore) -> LoadedModel:
    """Load a model and discover its decoder layers and prunable weights.

    Checks that need no weights come first, so that an unsupported or damaged model is refused
    within a second. Raises InputError for a model that cannot be used, AtlasError if it does not
    fit into memory.
    """
    spec = resolve(spec, report)
    meter = Meter(report=report, stage="load", total=4)
    folder = model_folder(spec)
    skeleton(read_json(folder / "config.json"))
    entries = read_entries(folder)
    _check_memory(spec, sum(entry.size for entry in entries.values()))
    tokenizer = _tokenizer(folder)
    meter.step("reading the weights")
    module = _read_weights(spec, folder)
    meter.step("checking the weights")
    name, layers = find_decoder_layers(module, module.config.num_hidden_layers)
    check_dense(module, layers)
    check_finite(module, entries, spec.dtype)
    _check_vocabulary(tokenizer, module, folder)
    check_causal(module)
    meter.step("finding the prunable weights")
    weights = discover_weights(module, name, layers)
    loaded = LoadedModel(
        spec=spec,
        folder=folder,
        module=module,
        tokenizer=tokenizer,
        layers=layers,
        weights=locate(weights, module.base_model_prefix, entries),
        fingerprint=fingerprint(folder),
    )
    meter.step("ready")
    return loaded


def check_finite(module: nn.Module, entries: Any, dtype: str | None) -> None:
    """Raise InputError that names the first parameter with a NaN or an infinity in it.

    Reads each parameter once; no copy of it is made.
    """
    prefix = getattr(module, "base_model_prefix", "")
    for name, parameter in module.named_parameters():
        if parameter.numel() and not all(
            bool(end.isfinite()) for end in torch.aminmax(parameter.detach())
        ):
            stored = checkpoint_name(name, prefix, entries) or name
            raise InputError(
                f"The tensor {stored} holds NaN or infinite values in {dtype}; the checkpoint is "
                "damaged, or needs a dtype with a wider range."
            )


def _read_weights(spec: ModelSpec, folder: Path) -> PreTrainedModel:
    try:
        with _quietly():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, spec.dtype or "float32"),
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
        module, info = loaded
        module.to(spec.device)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _too_big(spec) from error
    except RuntimeError as error:
        if "allocate memory" in str(error):
            raise _too_big(spec) from error
        raise InputError(f"{folder} cannot be loaded: {one_line(error)}.") from error
    except (OSError, ValueError, KeyError, SafetensorError, ImportError) as error:
        raise InputError(f"{folder} cannot be loaded: {one_line(error)}.") from error
    for problem, words in (
        ("missing_keys", "lacks"),
        ("unexpected_keys", "has unexpected"),
        ("mismatched_keys", "has the wrong shape for"),
    ):
        names = sorted(str(key[0] if isinstance(key, tuple) else key) for key in info[problem])
        names = [name for name in names if not name.endswith(LEFTOVERS)]
        if names:
            raise InputError(
                f"The checkpoint in {folder} {words} {len(names)} of the tensors of "
                f"{type(module).__name__}, e.g. {names[0]}; config.json and weights do not belong "
                "together."
            )
    return cast(PreTrainedModel, module.eval().requires_grad_(False))


def _check_memory(spec: ModelSpec, parameters: int) -> None:
    """Raise AtlasError if the weights alone are more than the memory that is free."""
    needed = parameters * BYTES[spec.dtype or "float32"]
    places = {"the memory": free_memory_bytes()}
    if spec.device != "cpu":
        places[f"the memory of {spec.device}"] = free_gpu_bytes(spec.device) or 0
    for place, free in places.items():
        if needed > free:
            raise AtlasError(
                f"{spec.source} needs {gigabytes(needed)} for its weights in {spec.dtype}; "
                f"{place} has {gigabytes(free)} free. Choose a smaller model, or another dtype."
            )


def _too_big(spec: ModelSpec) -> AtlasError:
    return AtlasError(
        f"{spec.source} in {spec.dtype} does not fit into the memory of {spec.device}; "
        "choose a smaller model, or the dtype bfloat16."
    )


def _tokenizer(folder: Path) -> Any:
    check_tokenizer({path.name for path in folder.iterdir()}, str(folder))
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the formats' readers raise whatever they meet
        raise InputError(f"The tokenizer in {folder} cannot be read: {one_line(error)}.") from error


def _check_vocabulary(tokenizer: Any, module: PreTrainedModel, folder: Path) -> None:
    rows = cast(torch.Tensor, module.get_input_embeddings().weight).shape[0]
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= rows:
        raise InputError(
            f"The tokenizer in {folder} has token ids up to {largest}, the model has {rows} "
            "embeddings; they do not belong together."
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence transformers' own bars and tables: progress is data, and trouble one sentence."""
    shown = transformers_logging.is_progress_bar_enabled()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if shown:
            transformers_logging.enable_progress_bar()
