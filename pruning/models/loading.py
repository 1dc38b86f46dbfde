"""Loading a model: what it is made of, where each weight lies, ready for calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoTokenizer, PreTrainedModel

from pruning.checkpoints.headers import (
    TensorEntry,
    checkpoint_name,
    count_by_dtype,
    fingerprint,
    locate,
    main_dtype,
    read_entries,
    read_json,
)
from pruning.checkpoints.weights import PrunableWeight
from pruning.errors import AtlasError, InputError
from pruning.models.architecture import (
    check_causal,
    check_layers,
    discover_weights,
    find_decoder_layers,
)
from pruning.models.blocks import Block, check_values
from pruning.models.experts import Experts, split_experts
from pruning.models.placement import Placement, place
from pruning.models.reading import ignored_sentence, read_weights
from pruning.models.renaming import Renaming
from pruning.models.sources import model_folder, resolve_source
from pruning.models.streaming import open_streamed
from pruning.models.support import check_tokenizer, one_line, skeleton
from pruning.progress import Meter, Report, ignore
from pruning.specs import DTYPES, ModelSpec, WeightKey


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model that is ready to compute, in evaluation mode, without gradients.

    spec: with concrete dtype, device and revision. layers: the decoder layers. weights: every
    prunable weight in layer order, then module order. fingerprint: see `checkpoint.fingerprint`.
    blocks: of a model that is streamed from disk, what reads each decoder layer; else empty.
    ignored: the checkpoint's tensors that the module has no use for.
    """

    spec: ModelSpec
    folder: Path
    module: PreTrainedModel
    tokenizer: Any
    layers: nn.ModuleList
    weights: tuple[PrunableWeight, ...]
    fingerprint: str
    blocks: tuple[Block, ...] = ()
    ignored: tuple[str, ...] = ()
    _by_key: dict[WeightKey, PrunableWeight] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {weight.key: weight for weight in self.weights})

    @property
    def keys(self) -> tuple[WeightKey, ...]:
        """The address of every prunable weight, in the order of `weights`."""
        return tuple(self._by_key)

    @property
    def device(self) -> torch.device:
        """Where text enters the model."""
        return cast(torch.Tensor, self.module.get_input_embeddings().weight).device

    @property
    def streamed(self) -> bool:
        """Whether the decoder layers are on disk, each in memory only while it is in use."""
        return bool(self.blocks)

    @contextmanager
    def resident(self, index: int) -> Iterator[None]:
        """Inside, the weights of decoder layer `index` are in memory, wherever they were."""
        with self.blocks[index].resident() if self.blocks else nullcontext():
            yield

    def weight(self, key: WeightKey) -> PrunableWeight:
        """What is known of one prunable weight; InputError if there is none with this key."""
        if key not in self._by_key:
            raise InputError(f"There is no prunable weight {key} in {self.spec.source}.")
        return self._by_key[key]

    def submodule(self, key: WeightKey) -> nn.Module:
        """The linear map that holds the weight."""
        return self.layers[self.weight(key).key.layer].get_submodule(key.name)

    def parameter(self, key: WeightKey) -> nn.Parameter:
        """The live parameter, in the module's own layout.

        AtlasError for a layer that is on disk just now (see `resident`).
        """
        parameter = cast(nn.Parameter, self.submodule(key).weight)
        if parameter.is_meta:
            raise AtlasError(
                f"{self.spec.source} does not fit into memory, and this needs all of its weights "
                "there; choose a smaller model, the dtype bfloat16, or another machine."
            )
        return parameter

    def matrix(self, key: WeightKey) -> torch.Tensor:
        """The live parameter as an (out, in) view: writing to it changes the model."""
        parameter = self.parameter(key).detach()
        return parameter.T if self.weight(key).transposed else parameter


def resolve(spec: ModelSpec, report: Report = ignore) -> ModelSpec:
    """The spec with a concrete dtype, device, revision (commit) and absolute folder.

    On a CPU the dtype is float32 unless another is asked for, whatever is stored: many CPUs only
    emulate bfloat16, and a run's id, which depends on the dtype, is then the same on all of them.
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


def on_this_machine(spec: ModelSpec) -> ModelSpec:
    """The same model on a device that is here: a run may have been made on another machine."""
    try:
        resolve_device(spec.device)
    except InputError:
        return replace(spec, device=resolve_device("auto"))
    return spec


def load_tokenizer(spec: ModelSpec) -> Any:
    """The model's tokenizer; InputError if its files are missing or not readable."""
    return _tokenizer(model_folder(resolve_source(spec)))


def load_model(spec: ModelSpec, report: Report = ignore) -> LoadedModel:
    """Load a model and discover its decoder layers and prunable weights.

    Checks that need no weights come first, so that an unsupported or damaged model is refused
    within a second. A model that does not fit into memory is streamed from disk, unless the spec
    forbids it. Raises InputError for a model that cannot be used, AtlasError if it does not fit.
    """
    spec = resolve(spec, report)
    meter = Meter(report=report, stage="load", total=4)
    folder = model_folder(spec)
    skeleton(read_json(folder / "config.json"))
    entries = read_entries(folder)
    placement = place(spec, entries.values())
    tokenizer = _tokenizer(folder)
    meter.step("reading the weights")
    module, blocks, ignored = _open(spec, folder, placement)
    meter.step("checking the weights")
    name, layers = find_decoder_layers(module, module.config.num_hidden_layers)
    check_layers(module, layers)
    stored = stored_names(module, entries)
    check_finite(module, entries, stored)
    _guard_embeddings(tokenizer, module)
    check_causal(module)
    meter.step("finding the prunable weights")
    weights = discover_weights(module, name, layers)
    loaded = LoadedModel(
        spec=spec,
        folder=folder,
        module=module,
        tokenizer=tokenizer,
        layers=layers,
        weights=_located(weights, module, entries, stored),
        fingerprint=fingerprint(folder),
        blocks=blocks,
        ignored=tuple(ignored),
    )
    meter.step(f"ready; {ignored_sentence(ignored)}" if ignored else "ready")
    return loaded


def _open(
    spec: ModelSpec, folder: Path, placement: Placement
) -> tuple[PreTrainedModel, tuple[Block, ...], Sequence[str]]:
    if placement is Placement.STREAMED:
        streamed = open_streamed(spec, folder)
        return streamed.module, streamed.blocks, streamed.ignored
    device_map = "auto" if placement is Placement.SPREAD else None
    module, ignored = read_weights(spec, folder, device_map)
    split_experts(module)
    return module, (), ignored


def stored_names(module: PreTrainedModel, entries: Mapping[str, TensorEntry]) -> dict[str, str]:
    """What the checkpoint calls the tensors of a model with experts, by the module's names."""
    if not any(isinstance(each, Experts) for each in module.modules()):
        return {}
    return Renaming(module).stored_names(entries)


def _located(
    weights: Sequence[PrunableWeight],
    module: PreTrainedModel,
    entries: Mapping[str, TensorEntry],
    stored: Mapping[str, str],
) -> tuple[PrunableWeight, ...]:
    """The weights and their tensors in the checkpoint; InputError for experts stored in one."""
    located = locate(weights, module.base_model_prefix, entries, stored)
    for weight in located:
        if weight.key.expert is not None and weight.tensor is None:
            raise InputError(
                f"The checkpoint stores the experts of {type(module).__name__} in one tensor, so "
                f"{weight.key} cannot be read or written by itself; choose a checkpoint with a "
                "tensor for each expert, as most models are published, or another model."
            )
    return located


def check_finite(module: nn.Module, entries: Any, stored: Mapping[str, str] | None = None) -> None:
    """Raise InputError that names the first parameter with a NaN or an infinity in it.

    Reads each parameter once; no copy of it is made. Those that are still on disk are checked
    when they are read.
    """
    prefix = getattr(module, "base_model_prefix", "")
    for name, parameter in module.named_parameters():
        if not parameter.is_meta:
            check_values(checkpoint_name(name, prefix, entries, stored) or name, parameter.detach())


def _tokenizer(folder: Path) -> Any:
    check_tokenizer({path.name for path in folder.iterdir()}, str(folder))
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the formats' readers raise whatever they meet
        raise InputError(f"The tokenizer in {folder} cannot be read: {one_line(error)}.") from error


def check_token_ids(largest: int, rows: int, what: str) -> None:
    """InputError if a token id that is used has no embedding. what: that uses it, e.g. a text."""
    if largest >= rows:
        raise InputError(
            f"{what} has token ids up to {largest}, the model has {rows} embeddings; tokenizer and "
            "model do not belong together. Use the tokenizer that was published with the model."
        )


def _guard_embeddings(tokenizer: Any, module: PreTrainedModel) -> None:
    """Where the tokenizer knows ids beyond the embeddings, refuse a text once it uses one.

    Published tokenizers have added tokens that no text uses, such as placeholders of images.
    """
    embeddings = module.get_input_embeddings()
    rows = cast(torch.Tensor, embeddings.weight).shape[0]
    if max(tokenizer.get_vocab().values(), default=-1) < rows:
        return

    def check(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if inputs and inputs[0].numel():
            check_token_ids(int(inputs[0].max()), rows, "The text")

    embeddings.register_forward_pre_hook(check)
