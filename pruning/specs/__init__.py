"""What a person chooses, as data: frozen, validated, JSON-able; its hash names the result's folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Self, cast

from pruning.errors import InputError
from pruning.specs.patterns import parse_pattern, pattern_sparsity

DTYPES = ("float32", "bfloat16", "float16")
TEXT_SCORES = ("wanda", "ria", "contrastive")  # they need what the calibration text did
SCORES = (*TEXT_SCORES, "magnitude", "random")
COMPARISON_GROUPS = ("row", "matrix")
ALLOCATIONS = ("uniform", "owl")
MODES = ("one-shot", "sequential")
TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 16384}  # keep it busy, and take little memory
STARVED = ("magnitude", "dense")  # what becomes of experts that saw too few tokens
Score = Literal["wanda", "ria", "contrastive", "magnitude", "random"]


class Spec:
    """JSON in and out, and a content hash, for frozen dataclasses of plain values."""

    def to_json(self) -> dict[str, Any]:
        """Plain data: dicts, lists, strings, numbers, None."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: _plain(getattr(self, field.name)) for field in fields}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild from `to_json`'s output; raises InputError for unknown or invalid fields."""
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = set(data) - known
        if unknown:
            raise InputError(f"{cls.__name__} has no field {', '.join(sorted(unknown))}.")
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})

    def content_hash(self) -> str:
        """16 hexadecimal digits that depend on every field and on nothing else."""
        return content_hash(self.to_json())


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_json()
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def content_hash(data: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, order=True)
class WeightKey:
    """The address of one prunable weight: decoder layer index and the module's name inside it."""

    layer: int
    name: str  # e.g. "self_attn.q_proj"

    def __str__(self) -> str:
        return f"{self.layer}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> WeightKey:
        """Inverse of `str`: "3.self_attn.q_proj"."""
        layer, _, name = text.partition(".")
        return cls(layer=int(layer), name=name)

    @property
    def projection(self) -> str:
        """The last part of the name, e.g. "q_proj": what people call this matrix."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def expert(self) -> int | None:
        """Which expert of its layer it belongs to, from 0; None for what every token reads."""
        match = re.search(r"(?:^|\.)experts\.(\d+)\.", self.name)
        return int(match[1]) if match else None


@dataclass(frozen=True, kw_only=True)
class ModelSpec(Spec):
    """Which model, in which precision, on which device.

    source: "demo", a hub id "org/name", or a local folder. dtype None: float32 on a CPU, the
    checkpoint's own on a GPU. device: "auto", "cpu", "cuda" or "cuda:N". stream: read one decoder
    layer at a time from disk; None: where the model does not fit into memory. The results are the
    same, so it enters no hash of a run.
    """

    source: str
    revision: str | None = None
    dtype: str | None = None
    device: str = "auto"
    stream: bool | None = None

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise InputError("Name a model: 'demo', a hub id such as 'org/name', or a folder.")
        if self.dtype is not None and self.dtype not in DTYPES:
            raise InputError(f"dtype {self.dtype!r} is not one of {', '.join(DTYPES)}.")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise InputError(f"device {self.device!r} is not auto, cpu, cuda or cuda:N.")


@dataclass(frozen=True, kw_only=True)
class DomainSpec(Spec):
    """Where one domain's documents come from.

    kind "builtin": source is a built-in domain's name. kind "files": source is a file or folder.
    kind "hub": source is a data set id; config, split, revision, streaming choose inside it.
    column: the text's column; template: e.g. "{question}\\n{answer}" over several columns.
    suffixes: keep only files with these endings, e.g. (".py",), for folders and archives.
    """

    name: str
    kind: Literal["builtin", "files", "hub"]
    source: str
    config: str | None = None
    split: str | None = None
    column: str | None = None
    template: str | None = None
    revision: str | None = None
    suffixes: tuple[str, ...] = ()
    streaming: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}", self.name):
            raise InputError(
                f"The domain name {self.name!r} must be 1-64 letters, digits, '_', '.', '+' or '-'."
            )
        if self.kind not in ("builtin", "files", "hub"):
            raise InputError(f"A domain is builtin, files or hub, not {self.kind!r}.")
        if self.column and self.template:
            raise InputError(f"Domain {self.name}: give a column or a template, not both.")


@dataclass(frozen=True, kw_only=True)
class SampleSpec(Spec):
    """How much text of every domain: the same for all, so that domains are compared alike.

    num_samples sequences of seq_len tokens, dealt evenly to `groups` groups of whole documents.
    allow_fewer: go on with the samples there are, if a domain has too little text.
    """

    num_samples: int = 128
    seq_len: int = 512
    groups: int = 16
    seed: int = 0
    allow_fewer: bool = False

    def __post_init__(self) -> None:
        for field, least in (("num_samples", 1), ("seq_len", 2), ("groups", 1), ("seed", 0)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{field} must be a whole number of at least {least}.")
        if self.groups > self.num_samples:
            raise InputError(
                f"{self.groups} groups need at least {self.groups} samples; "
                f"there are {self.num_samples}. Choose fewer groups or more samples."
            )

    def sequences_per_batch(self, device: str) -> int:
        """So many keep a device busy without much memory; at least 1. device: as a model's."""
        kind = "cuda" if device.startswith("cuda") else "cpu"
        return max(1, TOKENS_PER_BATCH[kind] // self.seq_len)


def _check_selection(layers: tuple[int, ...] | None, projections: tuple[str, ...] | None) -> None:
    if layers is not None and (not layers or any(layer < 0 for layer in layers)):
        raise InputError("Choose at least one decoder layer; layers are numbered from 0.")
    if projections is not None and not projections:
        raise InputError("Choose at least one projection.")


@dataclass(frozen=True, kw_only=True)
class CalibrationSpec(Spec):
    """A whole run: one model, its domains, the sample of each, the weights to look at.

    layers, projections None: all. batch_size None: see `SampleSpec.sequences_per_batch`.
    """

    model: ModelSpec
    domains: tuple[DomainSpec, ...]
    sample: SampleSpec = SampleSpec()
    layers: tuple[int, ...] | None = None
    projections: tuple[str, ...] | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if not self.domains:
            raise InputError("Choose at least one domain.")
        names = [domain.name for domain in self.domains]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"Two domains are named {', '.join(twice)}; give each its own name.")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError("The batch size must be at least 1.")
        _check_selection(self.layers, self.projections)

    @property
    def sequences_per_batch(self) -> int:
        """The batch size that was asked for, or the device's."""
        return self.batch_size or self.sample.sequences_per_batch(self.model.device)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CalibrationSpec:
        """Rebuild from `to_json`'s output."""
        rest = {k: v for k, v in data.items() if k not in ("model", "domains", "sample")}
        return cls(
            model=ModelSpec.from_json(data["model"]),
            domains=tuple(DomainSpec.from_json(domain) for domain in data["domains"]),
            sample=SampleSpec.from_json(data["sample"]),
            **cast(Any, {k: tuple(v) if isinstance(v, list) else v for k, v in rest.items()}),
        )


@dataclass(frozen=True, kw_only=True)
class PruneSpec(Spec):
    """How weights are scored and which are kept.

    sparsity: share pruned, in [0, 1). pattern: "unstructured", or "n:m" = keep n of every m
    consecutive inputs (its sparsity is 1 - n/m). comparison_group: scores compete within an
    output row (Wanda's default) or within the whole matrix. allocation: every layer loses the
    same share, or by its outliers (see `pruning.masks.allocation`). layers, projections None: all.
    starved: an expert that saw fewer than `runs.statistics.ENOUGH_TOKENS` tokens of the text is pruned
    by its weights' magnitude alone, or left dense.
    """

    score: str = "wanda"
    sparsity: float = 0.5
    pattern: str = "unstructured"
    comparison_group: str = "row"
    allocation: str = "uniform"
    seed: int = 0
    layers: tuple[int, ...] | None = None
    projections: tuple[str, ...] | None = None
    starved: str = "magnitude"

    def __post_init__(self) -> None:
        if self.starved not in STARVED:
            raise InputError(f"Starved experts are treated by one of {', '.join(STARVED)}.")
        if self.score not in SCORES:
            raise InputError(f"The score {self.score!r} is not one of {', '.join(SCORES)}.")
        if self.comparison_group not in COMPARISON_GROUPS:
            raise InputError("Scores are compared per 'row' or per 'matrix'.")
        if not math.isfinite(self.sparsity) or not 0 <= self.sparsity < 1:
            raise InputError(f"Sparsity {self.sparsity} is outside 0 <= sparsity < 1.")
        implied = pattern_sparsity(self.pattern)
        if implied is not None and abs(self.sparsity - implied) > 1e-4:
            raise InputError(
                f"The pattern {self.pattern} prunes {implied:g} of the weights, "
                f"not {self.sparsity:g}; set the sparsity to {implied:g}."
            )
        if self.allocation not in ALLOCATIONS:
            raise InputError(f"Layers are pruned by one of {', '.join(ALLOCATIONS)}.")
        if self.allocation != "uniform" and (implied is not None or not self.reads_text):
            raise InputError(
                "OWL chooses every layer's sparsity by its activations, so it needs the pattern "
                f"'unstructured' and one of the scores {', '.join(TEXT_SCORES)}."
            )
        _check_selection(self.layers, self.projections)

    def to_json(self) -> dict[str, Any]:
        """Plain data. `starved` is left out where it is the usual, as in results made before it."""
        data = super().to_json()
        if self.starved == STARVED[0]:
            del data["starved"]
        return data

    @property
    def block(self) -> tuple[int, int] | None:
        """(n, m) of an n:m pattern, n weights kept of every m; None for "unstructured"."""
        return parse_pattern(self.pattern)

    @property
    def reads_text(self) -> bool:
        """Whether the score depends on the calibration text, so that domains' masks differ."""
        return self.score in TEXT_SCORES

    def ranked(self, sparsity: float) -> PruneSpec:
        """The masks that a plain ranking of the same scores gives at a sparsity."""
        plain = {"pattern": "unstructured", "allocation": "uniform", "starved": STARVED[0]}
        return dataclasses.replace(self, sparsity=sparsity, **cast(Any, plain))

    def pruned_of(self, count: int) -> int:
        """floor(count * sparsity) in exact decimal arithmetic: 0.29 of 100 is 29."""
        return math.floor(count * Fraction(str(self.sparsity)))
