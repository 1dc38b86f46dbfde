"""Is an exported folder what its submodel.json says, and does transformers load it?

Every claim is checked on the files themselves, tensor by tensor; where the base model is at hand,
every value of every tensor is compared with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from pruning.checkpoint import fingerprint
from pruning.errors import AtlasError, InputError
from pruning.export import SUBMODEL, SUBMODEL_SCHEMA
from pruning.export_plan import ExportSpec
from pruning.load_check import load_and_run
from pruning.masks import pruned_per_group
from pruning.models import model_folder
from pruning.progress import Meter, Report, ignore
from pruning.shards import Shard, StoredTensor, read_shards, read_tensor, tensor_sha256
from pruning.specs import ModelSpec, PruneSpec

SHOWN = 3  # failures named in one sentence; the rest are counted


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at; detail says what was found, or why it was skipped."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """The checks in the order they were made; ok when each of them is."""

    folder: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return all(check.ok for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"ok": self.ok, **asdict(self), "checks": [asdict(check) for check in self.checks]}


@dataclass(frozen=True, kw_only=True)
class _Export:
    """An exported folder whose files could be opened."""

    folder: Path
    record: dict[str, Any]
    spec: ExportSpec
    tensors: dict[str, tuple[Shard, StoredTensor]]


def verify(folder: Path, base: Path | None = None, report: Report = ignore) -> VerifyReport:
    """Check an exported folder against its own record, its base model and transformers.

    Args:
        base: the base model's folder; None: where the record says it was, if it is still there.

    Raises:
        InputError: there is no such folder, or it was not exported by this program.
    """
    export, checks = _open(folder)
    if export is not None:
        checks.append(_check("Files", _changed_files(export), "unchanged", len(_files(export))))
        checks += _tensor_checks(export, base, report)
        runs, detail = load_and_run(folder)
        checks.append(Check(name="Loads in transformers", ok=runs, detail=detail))
    return VerifyReport(folder=str(folder), checks=tuple(checks))


def _open(folder: Path) -> tuple[_Export | None, list[Check]]:
    """The record and the shards' headers; None where they cannot be read, with the reason."""
    path = folder / SUBMODEL
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.")
    if not path.is_file():
        raise InputError(f"{folder} has no {SUBMODEL}: it was not exported by this program.")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        schema = record["schema"]
        if schema > SUBMODEL_SCHEMA:
            raise InputError(
                f"{path} has schema {schema}, newer than {SUBMODEL_SCHEMA}, which this version "
                "reads; update the program."
            )
        spec = ExportSpec.from_json(record["export"])
        named = [record[part] for part in ("base", "tensors", "files")]
        if not all(isinstance(part, dict) for part in named):
            raise TypeError("a part is not an object")
    except InputError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        return None, [Check(name="Record", ok=False, detail=f"{path} is damaged ({error}).")]
    checks = [Check(name="Record", ok=True, detail=f"{SUBMODEL}, schema {schema}.")]
    try:
        shards = read_shards(folder)
    except (AtlasError, OSError) as error:
        return None, [*checks, Check(name="Shards", ok=False, detail=str(error))]
    stored = {tensor.name: (shard, tensor) for shard in shards for tensor in shard.tensors}
    export = _Export(folder=folder, record=record, spec=spec, tensors=stored)
    checks.append(_check("Shards", _misplaced(export), "there", len(stored)))
    return export, checks


def _misplaced(export: _Export) -> Iterator[str]:
    """Tensors that are missing, unknown, or stored in another form than recorded."""
    recorded = export.record["tensors"]
    for name in recorded.keys() - export.tensors.keys():
        yield f"{name} is missing"
    for name, (shard, tensor) in export.tensors.items():
        entry = recorded.get(name)
        if entry is None:
            yield f"{name} is not in {SUBMODEL}"
        elif (shard.path.name, tensor.dtype, list(tensor.shape)) != (
            entry["file"],
            entry["dtype"],
            entry["shape"],
        ):
            yield f"{name} is stored as {tensor.dtype} {list(tensor.shape)} in {shard.path.name}"


def _files(export: _Export) -> dict[str, str]:
    return export.record["files"]


def _changed_files(export: _Export) -> Iterator[str]:
    for name, sha256 in _files(export).items():
        path = export.folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            yield f"{name} has changed since the export"


def _tensor_checks(export: _Export, base: Path | None, report: Report) -> list[Check]:
    """One pass over all tensors: bytes, zeros, and equality with the base model."""
    recorded = export.record["tensors"]
    base_tensors, missing_base = _base_tensors(export, base)
    changed: list[str] = []
    wrong_zeros: list[str] = []
    unequal: list[str] = []
    meter = Meter(report, "Verifying", sum(t.bytes for _, t in export.tensors.values()))
    for name, (shard, tensor) in export.tensors.items():
        entry = recorded.get(name)
        if entry is None:
            continue
        if tensor_sha256(shard, tensor) != entry["sha256"]:
            changed.append(f"{name} has other bytes than were written")
        if "pruned" in entry:
            wrong_zeros += _wrong_zeros(read_tensor(shard, tensor), entry, export.spec.prune, name)
        if base_tensors is not None:
            unequal += _differences(name, (shard, tensor), base_tensors.get(name), entry)
        meter.step(name, tensor.bytes)
    pruned = [entry for entry in recorded.values() if "pruned" in entry]
    checks = [
        _check("Tensor bytes", changed, "equal to the recorded SHA-256", len(recorded)),
        _check("Zeros", wrong_zeros, "pruned exactly as recorded", len(pruned)),
    ]
    if base_tensors is None:
        checks.append(Check(name="Base model", ok=base is None, detail=missing_base))
    else:
        checks.append(
            _check("Base model", unequal, "equal to the base except for zeros", len(recorded))
        )
    return checks


def _wrong_zeros(
    tensor: torch.Tensor, entry: dict[str, Any], prune: PruneSpec, name: str
) -> Iterator[str]:
    """What is wrong with the zeros of one pruned tensor: counts in all and in each group.

    A kept value may be zero by itself, so a group has at least the zeros that were pruned.
    """
    matrix = tensor.T if entry["transposed"] else tensor
    out_features, in_features = matrix.shape
    zero = matrix == 0
    if int(zero.sum()) != entry["zeros"]:
        yield f"{name} has {int(zero.sum())} zeros where {entry['zeros']} were written"
    groups, pruned = pruned_per_group((out_features, in_features), prune)
    if groups * pruned != entry["pruned"]:
        yield f"{name} has {entry['pruned']} pruned values where its shape gives {groups * pruned}"
    short = int((zero.reshape(groups, -1).sum(dim=1) < pruned).sum())
    if short:
        yield f"{name} has {short} of {groups} groups with fewer than {pruned} zeros"


def _base_tensors(
    export: _Export, base: Path | None
) -> tuple[dict[str, tuple[Shard, StoredTensor]] | None, str]:
    """The base checkpoint's tensors, or None and the reason why they are not compared."""
    recorded = export.record["base"]
    try:
        folder = base or model_folder(
            ModelSpec(source=recorded["source"], revision=recorded["revision"])
        )
        if fingerprint(folder) != recorded["fingerprint"]:
            return None, f"Not compared: the model in {folder} is not the one this was made from."
        shards = read_shards(folder)
    except (AtlasError, InputError, OSError, KeyError) as error:
        return None, f"Not compared with the base model: {error}"
    return {tensor.name: (shard, tensor) for shard in shards for tensor in shard.tensors}, ""


def _differences(
    name: str,
    here: tuple[Shard, StoredTensor],
    there: tuple[Shard, StoredTensor] | None,
    entry: dict[str, Any],
) -> Iterator[str]:
    """Untouched tensors must equal the base's bytes; pruned ones its values or be zero."""
    if there is None or there[1].shape != here[1].shape or there[1].dtype != here[1].dtype:
        yield f"{name} is not in the base model in this form"
    elif "pruned" not in entry:
        if tensor_sha256(*here) != tensor_sha256(*there):
            yield f"{name} differs from the base model, though it was not pruned"
    else:
        pruned, dense = read_tensor(*here), read_tensor(*there)
        changed = pruned != dense
        if bool((changed & (pruned != 0)).any()):
            count = int((changed & (pruned != 0)).sum())
            yield f"{name} has {count} values that are neither zero nor the base model's"
        elif int(changed.sum()) > entry["pruned"]:
            yield f"{name} has {int(changed.sum())} new zeros, more than {entry['pruned']} pruned"


def _check(name: str, wrong: Iterable[str], right: str, total: int) -> Check:
    """A check that lists what is wrong, or else says what is right about `total` things."""
    found = list(wrong)
    if found:
        return Check(name=name, ok=False, detail=f"{_some(found)}.")
    return Check(name=name, ok=True, detail=f"{total} {right}.")


def _some(found: Sequence[str]) -> str:
    rest = len(found) - SHOWN
    return "; ".join(found[:SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
