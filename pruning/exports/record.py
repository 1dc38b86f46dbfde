"""submodel.json: what an exported folder says of itself. The one place that knows its fields.

Its schema numbers tell readers what they must understand:

1. A plain mixture: the base checkpoint with zeros. Written for these still, as earlier releases
   read them. The earliest name no `form`, `kept_for` and `left_dense`.
2. Stored small, or masks combined by sets.
3. One GGUF file; `tensors` speaks of the checkpoint that it was made from. Or whole parts removed:
   tensors of other shapes than the base's, and `narrowing`. Or repaired: kept values that are not the
   base's, and `errors`.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, model_validator

from pruning.checkpoints.compressed import LAYOUT
from pruning.errors import AtlasError, InputError
from pruning.machine.schema import DamagedError, Stored
from pruning.machine.storage import atomic_json
from pruning.specs import MIXTURE, NONE, ExportSpec, WeightKey

SUBMODEL = "submodel.json"
PLAIN_SCHEMA, SMALL_SCHEMA, SCHEMA = 1, 2, 3  # the last is the newest that is read
PLAIN = "plain"
GGUF = "gguf"
FORMS = (PLAIN, LAYOUT)


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"it names {name!r}, which lies outside its folder")
    return name


def _weight_file(name: str) -> str:
    if Path(name).name != name or not name.endswith(".safetensors"):
        raise ValueError(f"it names {name!r}, which is no weight file beside it")
    return name


class Base(Stored):
    """The dense model: its source and revision as a ModelSpec names them, and its fingerprint."""

    source: str
    revision: str | None
    fingerprint: str


class FromRun(Stored):
    """The calibration run: its id, its CalibrationSpec and the libraries' versions, as data."""

    id: str
    spec: dict[str, Any]
    versions: dict[str, str]


class TensorRecord(Stored):
    """One tensor of the plain form: its file, dtype, shape and SHA-256; if pruned, the counts.

    layer, name: the weight's address. transposed: stored as (in, out). pruned, kept: values of
    either kind. zeros: in all, as a kept value can be zero by itself. repaired: the kept values are
    others than the base's.

    Of an export that has lost parts: base: its name there, if it has another one now. part: which
    one's units it has lost, of `Narrowing.parts`, along which dimension; producer: which one of
    that part's producers it is, None: its consumer. refitted: its values are not the base's.
    """

    file: Annotated[str, AfterValidator(_weight_file)]
    dtype: str
    shape: tuple[NonNegativeInt, ...]
    sha256: str
    layer: NonNegativeInt | None = None
    name: str | None = None
    transposed: bool = False
    pruned: NonNegativeInt | None = None
    kept: NonNegativeInt | None = None
    zeros: NonNegativeInt | None = None
    repaired: bool = False
    base: str | None = None
    part: NonNegativeInt | None = None
    along: NonNegativeInt | None = None
    producer: NonNegativeInt | None = None
    refitted: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        counts = (self.pruned, self.zeros)
        if self.is_pruned and None in counts:
            raise ValueError("a pruned tensor's record lacks one of its counts")
        if (self.part is None) != (self.along is None) or (self.refitted and self.part is None):
            raise ValueError("a narrowed tensor's record lacks its part")
        return self

    @property
    def is_pruned(self) -> bool:
        """Whether values of it were pruned, or could have been."""
        return self.pruned is not None


class ProducerRecord(Stored):
    """See `narrowing.parts.Producer`."""

    name: str
    segments: tuple[tuple[NonNegativeInt, PositiveInt], ...]


class PartRecord(Stored):
    """One part that lost units, see `narrowing.parts.Part`. kept: its units' bits, in hexadecimal."""

    kind: str
    consumer: str
    units: PositiveInt
    columns: PositiveInt
    kept: str
    producers: tuple[ProducerRecord, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(bytes.fromhex(self.kept)) != -(-self.units // 8):
            raise ValueError(f"{self.consumer} has not as many bits as units")
        WeightKey.parse(self.consumer)
        return self


class Narrowing(Stored):
    """What is left of the base's parts.

    layers: of its decoder layers, in order. cosines: of every layer's input and output, where
    layers were chosen. errors: layer -> the relative error of its output, where it was measured.
    config: field of config.json -> (before, after).
    """

    layers: tuple[NonNegativeInt, ...]
    cosines: tuple[float, ...]
    errors: dict[str, float]
    config: dict[str, tuple[Any, Any]]
    base_parameters: int
    base_bytes: int
    parts: tuple[PartRecord, ...]


class GgufTensor(Stored):
    """A tensor of the GGUF file: its GGML type, and its shape, rows first."""

    type: str
    shape: tuple[NonNegativeInt, ...]


class SampleTokens(Stored):
    """What the model's own tokenizer made of the sample texts, which the file has to give too.

    model, pre: the kind of the vocabulary and the pre-tokenizer's name in the file. marked: tokens
    marked as the user's own. texts, ids: SHA-256 of the texts and of their token ids, which are
    `count`. compared: whether the vocabulary in the file was tried when it was written.
    """

    model: str
    pre: str | None
    marked: tuple[str, ...]
    texts: str
    ids: str
    count: NonNegativeInt
    compared: bool


class GgufRecord(Stored):
    """The GGUF file: its name, number format, bytes and SHA-256, and what is in it.

    made_from: the export that it was converted from, as a path; None where that was not kept.
    """

    file: Annotated[str, AfterValidator(_inside)]
    quant: str
    bytes: NonNegativeInt
    sha256: str
    architecture: str
    made_from: str | None
    tokens: SampleTokens
    tensors: dict[str, GgufTensor]


class Record(Stored):
    """The whole of submodel.json.

    export: the ExportSpec, as data; `spec` is it. kept_for: a removal's other domains.
    left_dense: tensors of experts that saw too few tokens; None where an older release did not
    say. files: copied from the base, name -> SHA-256. narrowing: where whole parts are gone. errors:
    of a repaired sub-model, decoder layer -> the relative error of its output (see
    `repair.collecting.distance`).
    """

    version: int = Field(alias="schema")
    created: str
    base: Base
    form: str = PLAIN
    export: dict[str, Any]
    kept_for: tuple[str, ...] = ()
    left_dense: tuple[str, ...] | None = None
    run: FromRun
    parameters: int
    pruned: int
    sparsity: float
    tensors: dict[str, TensorRecord]
    files: dict[Annotated[str, AfterValidator(_inside)], str]
    versions: dict[str, str]
    errors: dict[str, float] | None = None
    narrowing: Narrowing | None = None
    gguf: GgufRecord | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.form == GGUF and self.gguf is None:
            raise ValueError("it names no GGUF file")
        try:
            ExportSpec.from_json(self.export)
        except (InputError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error
        for name in self.left_dense or ():
            if name not in self.tensors or not self.tensors[name].is_pruned:
                raise ValueError(f"{name} is recorded as left dense, but not as pruned")
        parts = self.narrowing.parts if self.narrowing else ()
        for name, tensor in self.tensors.items():
            if tensor.part is None:
                continue
            if tensor.part >= len(parts) or (tensor.producer or 0) >= len(
                parts[tensor.part].producers
            ):
                raise ValueError(f"{name} belongs to a part that is not recorded")
        return self

    @cached_property
    def spec(self) -> ExportSpec:
        """What was exported."""
        return ExportSpec.from_json(self.export)

    @property
    def weight_files(self) -> tuple[str, ...]:
        """The names of the plain form's weight files."""
        return tuple(sorted({tensor.file for tensor in self.tensors.values()}))

    @property
    def pruned_tensors(self) -> frozenset[str]:
        """The names of the tensors of which values were pruned, or could have been."""
        return frozenset(name for name, tensor in self.tensors.items() if tensor.is_pruned)

    @property
    def left_dense_tensors(self) -> frozenset[str]:
        """Those that were left dense; where an older release did not say, those without zeros."""
        if self.left_dense is not None:
            return frozenset(self.left_dense)
        if self.spec.prune.starved != "dense":
            return frozenset()
        return frozenset(name for name, tensor in self.tensors.items() if tensor.pruned == 0)

    def restated(self, form: str) -> Record:
        """The record of the same sub-model in another form."""
        return self.model_copy(update={"form": form, "version": max(self.version, SMALL_SCHEMA)})

    def write(self, folder: Path) -> None:
        """Put it into a folder."""
        atomic_json(folder / SUBMODEL, self.to_json())


class _Version(Stored):
    version: int = Field(alias="schema")


def schema_of(spec: ExportSpec, form: str) -> int:
    """The lowest number whose readers understand such an export."""
    if spec.narrow is not None or spec.repair != NONE:
        return SCHEMA
    return PLAIN_SCHEMA if form == PLAIN and spec.combination == MIXTURE else SMALL_SCHEMA


def read_record(folder: Path) -> Record:
    """A folder's record.

    Raises:
        InputError: there is no such folder, or it was not exported by this program.
        AtlasError: its record is damaged (`DamagedError`), or of a newer version.
    """
    path = folder / SUBMODEL
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    if not path.is_file():
        raise InputError(f"{folder} has no {SUBMODEL}: it was not exported by this program.")
    try:
        version = _Version.read(path).version
        if version <= SCHEMA:
            return Record.read(path)
    except DamagedError as error:
        raise DamagedError(f"{error}; export the sub-model again.") from error
    raise AtlasError(
        f"{path} has schema {version} and this version reads up to {SCHEMA}; update the program."
    )


def form_of(folder: Path) -> str:
    """How an exported folder stores its weights: "plain", "sparse-bitmask" or "gguf"; see `read_record`."""
    return read_record(folder).form
