"""Is an exported folder what its submodel.json says, and does transformers load it?

Every claim is checked on the files themselves, tensor by tensor; where the base model is at hand,
every value of every tensor is compared with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pruning.checkpoints.compressed import LAYOUT
from pruning.checkpoints.headers import fingerprint
from pruning.checkpoints.shards import Shard, StoredTensor, read_shards, read_tensor, tensor_sha256
from pruning.errors import AtlasError, InputError
from pruning.exports.forms import decompress
from pruning.exports.load_check import load_and_run
from pruning.exports.narrowed import read_parts
from pruning.exports.narrowed_checks import in_words, lost_tensors, wrong_config, wrong_slices
from pruning.exports.output_errors import recomputed_errors, wrong_errors
from pruning.exports.record import GGUF, SUBMODEL, Narrowing, Record, read_record
from pruning.exports.tensor_checks import (
    differences,
    wrong_zeros,
    zeros_in_words,
)
from pruning.machine.schema import DamagedError
from pruning.machine.storage import remove_abandoned, storage_errors, writer
from pruning.models.sources import model_folder
from pruning.progress import Meter, Report, ignore
from pruning.specs import ModelSpec

if TYPE_CHECKING:
    from pruning.runs.run import Run

SHOWN = 3  # failures named in one sentence; the rest are counted
HIDDEN = ".verify-"  # begins the name of the folder that a compressed export is restored in


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
    record: Record
    tensors: dict[str, tuple[Shard, StoredTensor]]


def verify(
    folder: Path, base: Path | None = None, report: Report = ignore, run: Run | None = None
) -> VerifyReport:
    """Check an exported folder against its own record, its base model and transformers.

    Args:
        base: the base model's folder; None: where the record says it was, if it is still there.
        run: the run that a repaired sub-model was made from, to compute its layers' errors again
            with the run's text; None: they are not.

    Raises:
        InputError: there is no such folder, or it was not exported by this program.
        AtlasError: it was exported by a newer version; or nothing was repaired, and a run is given.
    """
    try:
        record = read_record(folder)
    except DamagedError as error:
        check = Check(name="Record", ok=False, detail=str(error))
        return VerifyReport(folder=str(folder), checks=(check,))
    if record.form == GGUF:
        from pruning.exports.gguf.verifying import verify_gguf

        return verify_gguf(folder, record, base, report)
    if record.form == LAYOUT:
        return _verify_compressed(folder, base, report, run)
    export, checks = _open(folder, record)
    if export is not None:
        checks.append(
            check_of(
                "Files",
                _changed_files(export),
                "other files unchanged",
                len(export.record.files),
            )
        )
        checks += _tensor_checks(export, base, report)
        runs, detail = load_and_run(folder)
        checks.append(Check(name="Loads in transformers", ok=runs, detail=detail))
        if run is not None:
            wrong = wrong_errors(record, recomputed_errors(folder, record, run, report))
            right = "layers answer as far from the dense model as recorded"
            checks.append(check_of("Output errors", wrong, right, len(record.errors or ())))
    return VerifyReport(folder=str(folder), checks=tuple(checks))


def _verify_compressed(
    folder: Path, base: Path | None, report: Report, run: Run | None
) -> VerifyReport:
    """Restore the plain folder beside it, check that, and remove it again."""
    beside = folder.absolute().parent
    remove_abandoned(beside, HIDDEN)
    with (
        storage_errors(beside / "verify"),
        TemporaryDirectory(prefix=f"{HIDDEN}{writer()}-", dir=beside) as kept,
    ):
        plain = Path(kept) / folder.name
        try:
            decompress(folder, plain, report, checked=False)
        except (InputError, AtlasError) as error:
            check = Check(name="Compressed form", ok=False, detail=str(error))
            return VerifyReport(folder=str(folder), checks=(check,))
        found = verify(plain, base, report, run).checks
    restored = Check(name="Compressed form", ok=True, detail="Restored to a plain folder to check.")
    return VerifyReport(folder=str(folder), checks=(restored, *found))


def _open(folder: Path, record: Record) -> tuple[_Export | None, list[Check]]:
    """The shards' headers; None where they cannot be read, with the reason."""
    checks = [Check(name="Record", ok=True, detail=f"{SUBMODEL}, schema {record.version}.")]
    try:
        shards = read_shards(folder)
    except (InputError, OSError) as error:
        return None, [*checks, Check(name="Shards", ok=False, detail=str(error))]
    stored = {tensor.name: (shard, tensor) for shard in shards for tensor in shard.tensors}
    export = _Export(folder=folder, record=record, tensors=stored)
    checks.append(check_of("Shards", _misplaced(export), "tensors as recorded", len(stored)))
    return export, checks


def _misplaced(export: _Export) -> Iterator[str]:
    """Tensors that are missing, unknown, or stored in another form than recorded."""
    recorded = export.record.tensors
    for name in recorded.keys() - export.tensors.keys():
        yield f"{name} is missing"
    for name, (shard, tensor) in export.tensors.items():
        entry = recorded.get(name)
        if entry is None:
            yield f"{name} is not in {SUBMODEL}"
        elif (shard.path.name, tensor.dtype, list(tensor.shape)) != (
            entry.file,
            entry.dtype,
            list(entry.shape),
        ):
            yield f"{name} is stored as {tensor.dtype} {list(tensor.shape)} in {shard.path.name}"


def _changed_files(export: _Export) -> Iterator[str]:
    for name, sha256 in export.record.files.items():
        path = export.folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            yield f"{name} has changed since the export"


def _tensor_checks(export: _Export, base: Path | None, report: Report) -> list[Check]:
    """One pass over all tensors: bytes, zeros, and equality with the base model."""
    recorded = export.record.tensors
    spec, left_dense = export.record.spec, export.record.left_dense_tensors
    base_tensors, missing_base = _base_tensors(export, base)
    narrowing = export.record.narrowing
    parts = read_parts(narrowing) if narrowing else ()
    changed: list[str] = []
    misplaced: list[str] = []
    unequal: list[str] = []
    examined = 0
    meter = Meter(report, "Verifying", sum(tensor.bytes for _, tensor in export.tensors.values()))
    for name, (shard, tensor) in export.tensors.items():
        meter.step(name, tensor.bytes)
        if name not in recorded or tensor.dtype != recorded[name].dtype:
            continue  # reported with the shards
        entry = recorded[name]
        examined += 1
        sha256 = tensor_sha256(shard, tensor)
        if sha256 != entry.sha256:
            changed.append(f"{name} has other bytes than were written")
        values = read_tensor(shard, tensor) if entry.is_pruned else None
        if values is not None:
            misplaced += wrong_zeros(values, entry, spec, name, name in left_dense)
        if base_tensors is None:
            continue
        of_base = base_tensors.get(entry.base or name)
        if entry.part is None:
            unequal += differences(tensor, sha256, values, entry, of_base)
        else:
            unequal += wrong_slices((shard, tensor), entry, of_base, parts)
    pruned = len(export.record.pruned_tensors)
    checks = [check_of("Tensor bytes", changed, "tensors equal their recorded SHA-256", examined)]
    if pruned or narrowing is None:
        right = zeros_in_words(spec, len(left_dense))
        checks.append(check_of("Zeros", misplaced, right, pruned))
    if base_tensors is None:
        return [*checks, Check(name="Base model", ok=base is None, detail=missing_base)]
    if narrowing:
        lost = lost_tensors(recorded, base_tensors, narrowing.layers)
        kept = check_of("Base model", [*unequal, *lost], in_words(export.record), examined)
        return [*checks, kept, _config_check(export, narrowing, base_tensors)]
    same = "tensors equal the base model's but for the zeros"
    repaired = sum(entry.repaired for entry in recorded.values())
    if repaired:
        same += f", and the kept values of {repaired} that were repaired"
    return [*checks, check_of("Base model", unequal, same, examined)]


def _config_check(
    export: _Export, narrowing: Narrowing, base: Mapping[str, tuple[Shard, StoredTensor]]
) -> Check:
    """config.json says what the record says has changed, and else what the base's says."""
    folder = next(iter(base.values()))[0].path.parent
    wrong = wrong_config(export.folder, folder, narrowing.config)
    fields = ", ".join(narrowing.config)
    right = f"changed fields as recorded ({fields}), all others as in the base"
    return check_of("Configuration", wrong, right, len(narrowing.config))


def _base_tensors(
    export: _Export, base: Path | None
) -> tuple[dict[str, tuple[Shard, StoredTensor]] | None, str]:
    """The base checkpoint's tensors, or None and the reason why they are not compared."""
    recorded = export.record.base
    try:
        folder = base or model_folder(ModelSpec(source=recorded.source, revision=recorded.revision))
        if fingerprint(folder) != recorded.fingerprint:
            return None, f"Not compared: the model in {folder} is not the one this was made from."
        shards = read_shards(folder)
    except (AtlasError, InputError, OSError) as error:
        return None, f"Not compared with the base model: {error}"
    return {tensor.name: (shard, tensor) for shard in shards for tensor in shard.tensors}, ""


def check_of(name: str, wrong: Iterable[str], right: str, total: int) -> Check:
    """A check that lists what is wrong, or else says what is right about `total` things."""
    found = list(wrong)
    if found:
        return Check(name=name, ok=False, detail=f"{_some(found)}.")
    return Check(name=name, ok=True, detail=f"{total} {right}.")


def _some(found: Sequence[str]) -> str:
    rest = len(found) - SHOWN
    return "; ".join(found[:SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
