"""Is a folder in the GGUF form what its submodel.json says?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pruning.checkpoints.headers import fingerprint
from pruning.checkpoints.shards import read_shards, tensor_sha256
from pruning.errors import AtlasError, InputError
from pruning.exports.gguf.comparing import unequal_tensors
from pruning.exports.gguf.folders import file_sha256, ids_sha256, texts_sha256
from pruning.exports.gguf.pretokenizers import sample_texts
from pruning.exports.gguf.quantizing import has_llama_cpp, quantizer
from pruning.exports.gguf.reading import GgufFile, encoder_of
from pruning.exports.record import (
    PLAIN,
    SUBMODEL,
    GgufRecord,
    GgufTensor,
    Record,
    SampleTokens,
    form_of,
)
from pruning.exports.verifying import Check, VerifyReport, check_of
from pruning.models.sources import model_folder
from pruning.progress import Report, ignore
from pruning.specs import ModelSpec


def verify_gguf(
    folder: Path, record: Record, base: Path | None, report: Report = ignore
) -> VerifyReport:
    """Every check of a folder in the GGUF form.

    base: the plain export that it was made from, or the base model's folder; None: where the
    record says they were.
    """
    checks = [Check(name="Record", ok=True, detail=f"{SUBMODEL}, schema {record.version}.")]
    facts = _facts(record)
    file = GgufFile(folder / facts.file)
    checks.append(
        check_of("Files", _changed(folder, record), "files unchanged", 1 + len(record.files))
    )
    try:
        layout = file.layout()
    except InputError as error:
        return VerifyReport(
            folder=str(folder), checks=(*checks, Check(name="GGUF", ok=False, detail=str(error)))
        )
    checks.append(
        check_of("GGUF", _misplaced(layout, facts.tensors), "tensors as recorded", len(layout))
    )
    checks.append(_zeros(file, record))
    checks.append(_tokens(file, facts.tokens))
    checks.append(_tensors(file, record, base, report))
    return VerifyReport(folder=str(folder), checks=tuple(checks))


def _changed(folder: Path, record: Record) -> Iterator[str]:
    facts = _facts(record)
    for name, sha256 in {**record.files, facts.file: facts.sha256}.items():
        if not (folder / name).is_file():
            yield f"{name} is missing"
        elif file_sha256(folder / name) != sha256:
            yield f"{name} has changed since the export"


def _facts(record: Record) -> GgufRecord:
    assert record.gguf is not None  # as the record's own check has it
    return record.gguf


def _misplaced(found: dict[str, Any], recorded: dict[str, GgufTensor]) -> Iterator[str]:
    for name in sorted(found.keys() | recorded.keys()):
        entry = recorded.get(name)
        if entry is None or found.get(name) != entry.to_json():
            yield f"{name} is not stored as recorded"


def _zeros(file: GgufFile, record: Record) -> Check:
    """At least as many zeros as values were pruned: rounding makes more, never fewer."""
    zeros = sum(int((file.dequantised(name) == 0).sum()) for name in file.tensors)
    pruned = record.pruned
    return Check(
        name="Zeros",
        ok=zeros >= pruned,
        detail=f"{zeros:,} values are zero, of which {pruned:,} were pruned.",
    )


def _tokens(file: GgufFile, recorded: SampleTokens) -> Check:
    """The sample texts become the tokens that the model's own tokenizer gave."""
    name = "Tokens"
    if recorded.texts != texts_sha256():
        return Check(name=name, ok=True, detail="Skipped: recorded with other sample texts.")
    ways = []
    encode = encoder_of(file)
    if encode is not None:
        ways.append(("the vocabulary in the file", ids_sha256(encode(sample_texts()))))
    if has_llama_cpp():
        ways.append(("llama.cpp itself", ids_sha256(_llama_cpp_ids(file.path))))
    wrong = [way for way, ids in ways if ids != recorded.ids]
    if wrong:
        return Check(
            name=name, ok=False, detail=f"Sample texts get other tokens by {' and '.join(wrong)}."
        )
    if not ways:
        detail = (
            f"Not compared: the vocabulary is of a kind ({recorded.model}, {recorded.pre}) that "
            "only llama.cpp reads, which is not installed here."
        )
        return Check(name=name, ok=True, detail=detail)
    by = " and by ".join(way for way, _ in ways)
    texts = f"{recorded.count:,} tokens of {len(sample_texts())} sample texts"
    return Check(name=name, ok=True, detail=f"{texts} are the model's own, by {by}.")


def _llama_cpp_ids(path: Path) -> list[list[int]]:
    """llama.cpp's own tokens of the sample texts."""
    model = quantizer().Llama(str(path), vocab_only=True, verbose=False)
    try:
        return [model.tokenize(text.encode(), add_bos=True) for text in sample_texts()]
    finally:
        model.close()


def _tensors(file: GgufFile, record: Record, base: Path | None, report: Report) -> Check:
    """Values against the checkpoint that the file was made from, or else against the base model."""
    name, within = "Tensors", _within(_facts(record).quant)
    made_from = base or _path(_facts(record).made_from)
    if made_from is not None and _is_the_checkpoint(made_from, record):
        wrong = unequal_tensors(file, made_from, pruned=None, report=report)
        words = f"tensors equal those of the export it was made from {within}"
        return check_of(name, wrong, words, len(file.tensors))
    if _values_changed(record):
        return Check(
            name=name,
            ok=base is None,
            detail="Not compared: the export that it was made from is not here, and its values are "
            "not the base model's.",
        )
    try:
        source, revision = record.base.source, record.base.revision
        dense = base or model_folder(ModelSpec(source=source, revision=revision))
        if fingerprint(dense) != record.base.fingerprint:
            raise InputError(f"the model in {dense} is not the one this was made from.")
        wrong = unequal_tensors(file, dense, pruned=record.pruned, report=report)
        words = f"tensors equal the base model's but for the zeros {within}"
        return check_of(name, wrong, words, len(file.tensors))
    except (AtlasError, InputError, OSError) as error:
        return Check(
            name=name, ok=base is None, detail=f"Not compared with the base model: {error}"
        )


def _within(quant: str) -> str:
    if quant in ("f32", "f16", "bf16"):
        return f"exactly, in {quant}"
    return f"within a step of {quant}"


def _path(text: str | None) -> Path | None:
    return Path(text) if text and Path(text).is_dir() else None


def _is_the_checkpoint(folder: Path, record: Record) -> bool:
    """Whether a folder is the plain export with the recorded tensors."""
    try:
        if form_of(folder) != PLAIN:
            return False
        shards = read_shards(folder)
    except (AtlasError, InputError, OSError):
        return False
    stored = {tensor.name: (shard, tensor) for shard in shards for tensor in shard.tensors}
    recorded = record.tensors
    return stored.keys() == recorded.keys() and all(
        tensor_sha256(*stored[name]) == entry.sha256 for name, entry in recorded.items()
    )


def _values_changed(record: Record) -> bool:
    """Whether kept values differ from the base model's, as in a repaired or narrowed export."""
    export = record.export
    return export.get("repair", "none") != "none" or record.narrowing is not None
