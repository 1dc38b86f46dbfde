"""A pruned model as a folder that transformers loads: the base checkpoint with zeros in it.

Everything but the zeros, and the kept values where they were repaired, equals the base bit for bit, because the checkpoint's own files are
copied tensor by tensor and never pass through a model. One tensor is in memory at a time.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from pruning.checkpoints.compressed import compress_shard, compressed_name
from pruning.checkpoints.shards import Shard, StoredTensor, read_shard, read_shards, rewrite_shard
from pruning.errors import InputError
from pruning.exports.card import CARD, model_card
from pruning.exports.narrowed import CONFIG, recorded, write_config, write_narrowed
from pruning.exports.narrowed_plan import plan_narrowed
from pruning.exports.planning import ExportPlan, check_stored, plan_of
from pruning.exports.pruned_tensor import prune_tensor
from pruning.exports.record import (
    FORMS,
    PLAIN,
    Base,
    FromRun,
    Narrowing,
    Record,
    TensorRecord,
    schema_of,
)
from pruning.machine.new_folder import check_is_new, check_space, new_folder
from pruning.masks.recipe import Recipe
from pruning.narrowing.making import make
from pruning.progress import Meter, Report, ignore
from pruning.repair.recipe import recipe_of
from pruning.specs import ExportSpec

if TYPE_CHECKING:
    from pruning.runs.run import Run

LIBRARIES = ("torch", "transformers", "safetensors", "numpy")
# What transformers reads beside the weights, and the licence texts that must travel along.
COPIED = (
    "config.json", "generation_config.json", "model.safetensors.index.json",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "*.model", "*.tiktoken",
    "chat_template.json", "*.jinja", "additional_chat_templates/*.jinja",
    "preprocessor_config.json", "processor_config.json",
    "LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """The finished export: its folder, what was planned, and what submodel.json says."""

    folder: Path
    plan: ExportPlan
    submodel: Record

    def to_json(self) -> dict[str, Any]:
        """The few figures that a person wants to see."""
        return {
            "path": str(self.folder),
            "parameters": self.plan.parameters,
            "pruned": self.plan.pruned,
            "kept": self.plan.kept,
            "sparsity": self.plan.sparsity,
            "bytes": self.plan.bytes,
        }


def export(
    run: Run, spec: ExportSpec, out: Path, report: Report = ignore, form: str = PLAIN
) -> ExportResult:
    """Write the sub-model that `spec` describes to the new folder `out`.

    form: "plain", which transformers loads, or "sparse-bitmask", small (`exports.forms`).

    The folder appears under its name only when it is complete; on any other end, cancellation
    included, nothing of it is left.

    Raises:
        InputError: `out` is there and not empty, or the spec does not fit the run.
        AtlasError: the base model is not the calibrated one, the disk is full, a file is damaged.
    """
    if form not in FORMS:
        raise InputError(f"The form {form!r} is not one of {', '.join(FORMS)}.")
    out = out.expanduser().resolve()
    check_is_new(out)
    run.require_done()
    spec = replace(spec, run=run.id)  # a person may have given the beginning of it
    if spec.narrow is not None:
        return _export_narrowed(run, spec, out, report, form)
    recipe = recipe_of(run, spec)
    base = run.model_folder()
    shards = read_shards(base)
    check_stored(recipe.stored_weights(), shards)
    copied = files_to_copy(base)
    check_space(out, _needed(shards, form) + sum((base / n).stat().st_size for n in copied))
    recipe.prepare(report)
    with new_folder(out) as folder:
        tensors = _write_tensors(shards, folder, recipe, report)
        kept = {w.key: int(tensors[str(w.tensor)].kept or 0) for w in recipe.weights}
        recipe.note(kept)
        plan = plan_of(recipe, shards, kept)
        if form != PLAIN:
            compress_files(folder, tensors, report)
        files = {name: _copy(base / name, folder / name) for name in copied}
        submodel = _record(recipe, plan, form, tensors, files)
        submodel.write(folder)
        _write_card(folder, out.name, recipe, plan, form)
    return ExportResult(folder=out, plan=plan, submodel=submodel)


def _export_narrowed(
    run: Run, spec: ExportSpec, out: Path, report: Report, form: str
) -> ExportResult:
    """As `export`, where whole parts are removed."""
    base = run.model_folder()
    planned = plan_narrowed(run, spec, base, report=report)
    if form != PLAIN and not planned.recipe.weights:
        raise InputError(
            "Only pruned weights can be stored small, and none are pruned here; choose the plain "
            "form, or prune weights as well."
        )
    copied = files_to_copy(base)
    needed = planned.plan.bytes if form == PLAIN else 2 * planned.plan.bytes
    check_space(out, needed + sum((base / name).stat().st_size for name in copied))
    made = make(run, spec, planned.shape, report)
    planned = plan_narrowed(run, spec, base, made, report)
    with new_folder(out) as folder:
        tensors = write_narrowed(folder, planned, made, report)
        if form != PLAIN:
            compress_files(folder, tensors, report)
        files = {name: _copy(base / name, folder / name) for name in copied if name != CONFIG}
        files |= write_config(base, folder, planned)
        narrowing = recorded(planned, made)
        submodel = _record(planned.recipe, planned.plan, form, tensors, files, narrowing)
        submodel.write(folder)
        _write_card(folder, out.name, planned.recipe, planned.plan, form)
    return ExportResult(folder=out, plan=planned.plan, submodel=submodel)


def _write_card(folder: Path, name: str, recipe: Recipe, plan: ExportPlan, form: str) -> None:
    """The model card of the export that will be called `name`."""
    run, spec = recipe.run, recipe.spec
    origins = [run.origin(domain) for domain, _ in spec.mixture]
    card = model_card(name, spec, run.spec, plan, origins, form)
    (folder / CARD).write_text(card, encoding="utf-8")


def _needed(shards: Sequence[Shard], form: str) -> int:
    """Bytes of the weight files at the most; the small form is made beside the plain one."""
    plain = sum(shard.size for shard in shards)
    return plain if form == PLAIN else 2 * plain


def files_to_copy(base: Path) -> tuple[str, ...]:
    """The files beside the weights that belong to the model, relative to its folder."""
    return tuple(
        sorted(
            {
                path.relative_to(base).as_posix()
                for pattern in COPIED
                for path in base.glob(pattern)
                if path.is_file()
            }
        )
    )


def compress_files(
    folder: Path, tensors: Mapping[str, TensorRecord], report: Report = ignore
) -> None:
    """Replace a folder's plain weight files by compressed ones, one file after the other.

    tensors: name -> its record in submodel.json.
    """
    pruned = {name for name, entry in tensors.items() if entry.is_pruned}
    files = sorted({entry.file for entry in tensors.values()})
    meter = Meter(report, "Compressing", sum((folder / name).stat().st_size for name in files))
    for name in files:
        shard = read_shard(folder / name)
        target = folder / compressed_name(name)
        compress_shard(shard, target, matrices=pruned, step=meter.step)
        meter.step(name, len(shard.header))
        shard.path.unlink()


def _write_tensors(
    shards: Sequence[Shard], folder: Path, recipe: Recipe, report: Report
) -> dict[str, TensorRecord]:
    """Every shard rewritten; per tensor its file, dtype, shape, SHA-256 and, if pruned, counts."""
    by_tensor = {str(weight.tensor): weight for weight in recipe.weights}
    meter = Meter(report, "Writing the model", sum(shard.size for shard in shards))
    records: dict[str, TensorRecord] = {}
    counts: dict[str, dict[str, Any]] = {}

    def edit(name: str, tensor: torch.Tensor) -> None:
        counts[name] = prune_tensor(by_tensor[name], tensor, recipe)

    for shard in shards:

        def written(tensor: StoredTensor, sha256: str, shard: Shard = shard) -> None:
            records[tensor.name] = TensorRecord(
                file=shard.path.name,
                dtype=tensor.dtype,
                shape=tuple(tensor.shape),
                sha256=sha256,
                **counts.get(tensor.name, {}),
            )
            meter.step(tensor.name, tensor.bytes)

        rewrite_shard(
            shard, folder / shard.path.name, edited=by_tensor.keys(), edit=edit, written=written
        )
        meter.step(shard.path.name, len(shard.header))
    return records


def _record(
    recipe: Recipe,
    plan: ExportPlan,
    form: str,
    tensors: dict[str, TensorRecord],
    files: dict[str, str],
    narrowing: Narrowing | None = None,
) -> Record:
    run, spec = recipe.run, recipe.spec
    errors = recipe.errors
    more: dict[str, Any] = {}
    if errors is not None:
        more["errors"] = {str(layer): error for layer, error in errors.items()}
    if narrowing is not None:
        more["narrowing"] = narrowing
    return Record(
        schema=schema_of(spec, form),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        base=Base(
            source=run.spec.model.source,
            revision=run.spec.model.revision,
            fingerprint=run.manifest.fingerprint,
        ),
        form=form,
        export=spec.to_json(),
        kept_for=recipe.kept_for,
        left_dense=tuple(weight.tensor for weight in plan.left_dense),
        run=FromRun(id=run.id, spec=run.spec.to_json(), versions=run.manifest.versions),
        parameters=plan.parameters,
        pruned=plan.pruned,
        sparsity=plan.sparsity,
        tensors=tensors,
        files=files,
        versions={"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES},
        **more,
    )


def _copy(source: Path, target: Path) -> str:
    """Copy one file's content (a cache's links are followed); its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    data = source.read_bytes()
    target.write_bytes(data)
    return hashlib.sha256(data).hexdigest()
