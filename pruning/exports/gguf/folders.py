"""An export in the GGUF form: the file, an Ollama Modelfile, the card and the record."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pruning.checkpoints.compressed import LAYOUT
from pruning.errors import InputError
from pruning.exports.card import CARD, with_loading
from pruning.exports.forms import decompress
from pruning.exports.gguf.converting import check_convertible, write_gguf
from pruning.exports.gguf.pretokenizers import sample_texts
from pruning.exports.gguf.quantizing import quantize_file, quantizer
from pruning.exports.gguf.quants import Quant, quant_named
from pruning.exports.gguf.reading import GgufFile, encoder_of
from pruning.exports.gguf.running import MODELFILE, run_lines
from pruning.exports.record import (
    GGUF,
    PLAIN,
    SCHEMA,
    GgufRecord,
    GgufTensor,
    Record,
    SampleTokens,
    read_record,
)
from pruning.machine.new_folder import check_is_new, check_space, new_folder
from pruning.machine.storage import remove_abandoned, storage_errors, writer
from pruning.progress import Report, ignore

HIDDEN = ".gguf-"  # begins the name of the folder that a file is made from
LICENCES = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")
LONGEST = 8192  # tokens of context that the Modelfile asks for, at most
CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class GgufResult:
    """The finished folder, its file, and the file's bytes."""

    folder: Path
    file: str
    bytes: int
    quant: str


def to_gguf(folder: Path, out: Path, quant: str, report: Report = ignore) -> GgufResult:
    """Convert an exported folder, plain or small, to the new folder `out`.

    quant: a name of `quants.QUANTS`.

    Raises:
        InputError: the folder is no such export, `out` is there already, llama.cpp has no name for
            the architecture or the way its tokenizer cuts text, or the format needs llama.cpp.
        AtlasError: the disk is full, or the converter fails.
    """
    folder, out = folder.expanduser().resolve(), out.expanduser().resolve()
    form = quant_named(quant)
    if form.program:
        quantizer()
    record = read_record(folder)
    check_is_new(out)
    if record.form == LAYOUT:
        with _beside(out) as kept:
            plain = decompress(folder, Path(kept) / folder.name, report)
            return _written(plain, out, form, record, str(folder), report)
    if record.form != PLAIN:
        raise InputError(f"{folder} is {record.form} already.")
    return _written(folder, out, form, record, str(folder), report)


def temporary_folder(out: Path) -> TemporaryDirectory[str]:
    """A hidden folder beside `out`, for the plain export that a GGUF file is made from."""
    return _beside(out.expanduser().resolve())


def written_from(plain: Path, out: Path, quant: str, report: Report = ignore) -> GgufResult:
    """As `to_gguf`, from a plain export that will not be kept."""
    return _written(plain, out.resolve(), quant_named(quant), read_record(plain), None, report)


def check_quant(base: Path, quant: str) -> None:
    """Raise InputError before any work where a GGUF file of that model cannot be made."""
    if quant_named(quant).program:
        quantizer()
    check_convertible(base)


def _beside(out: Path) -> TemporaryDirectory[str]:
    with storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(out.parent, HIDDEN)
        return TemporaryDirectory(prefix=f"{HIDDEN}{writer()}-", dir=out.parent)


def _written(
    plain: Path, out: Path, quant: Quant, record: Record, source: str | None, report: Report
) -> GgufResult:
    name = f"{out.name}-{quant.name.upper()}.gguf"
    check_is_new(out)
    weights = sum(path.stat().st_size for path in plain.glob("*.safetensors"))
    check_space(out, weights * (2 if quant.program or quant.name == "f32" else 1))
    with new_folder(out) as target:
        file = target / name
        if quant.program:
            full = target / f".{name}"
            converted = write_gguf(plain, full, quant, out.name, report)
            quantize_file(full, file, quant, report)
            full.unlink()
        else:
            converted = write_gguf(plain, file, quant, out.name, report)
        facts = GgufRecord(
            file=name,
            quant=quant.name,
            bytes=file.stat().st_size,
            sha256=file_sha256(file),
            architecture=converted.architecture,
            made_from=source,
            tokens=_compared_tokens(GgufFile(file), plain, converted.marked),
            tensors={n: GgufTensor.from_json(each) for n, each in GgufFile(file).layout().items()},
        )
        (target / MODELFILE).write_text(_modelfile(name, plain, GgufFile(file)), encoding="utf-8")
        files = {MODELFILE: file_sha256(target / MODELFILE)}
        for path in (path for pattern in LICENCES for path in plain.glob(pattern)):
            shutil.copyfile(path, target / path.name)
            files[path.name] = file_sha256(path)
        changed = {"form": GGUF, "version": SCHEMA, "gguf": facts, "files": files}
        record.model_copy(update=changed).write(target)
        if (plain / CARD).is_file():
            text = (plain / CARD).read_text(encoding="utf-8")
            card = _card(text, out.name, name, quant, facts.bytes, chats(plain))
            (target / CARD).write_text(card, encoding="utf-8")
    return GgufResult(folder=out, file=name, bytes=facts.bytes, quant=quant.name)


def _compared_tokens(file: GgufFile, plain: Path, marked: tuple[str, ...]) -> SampleTokens:
    """The model's own tokens of the sample texts, which the file has to give too.

    Raises InputError where the vocabulary in the file gives others.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(plain, local_files_only=True, trust_remote_code=False)
    wanted = [list(tokenizer(text).input_ids) for text in sample_texts()]
    encode = encoder_of(file)
    if encode is not None:
        found = encode(sample_texts())
        differing = [t for t, a, b in zip(sample_texts(), wanted, found, strict=True) if a != b]
        if differing:
            raise InputError(
                f"llama.cpp would cut {len(differing)} of {len(wanted)} sample texts into other "
                f"tokens than this model's tokenizer (for example {differing[0][:40]!r}), so the "
                "file would answer wrongly; it is not made."
            )
    return SampleTokens(
        model=file.value("tokenizer.ggml.model"),
        pre=file.value("tokenizer.ggml.pre"),
        marked=marked,
        texts=texts_sha256(),
        ids=ids_sha256(wanted),
        count=sum(map(len, wanted)),
        compared=encode is not None,
    )


def texts_sha256() -> str:
    """Of the sample texts, so that a later release with others does not compare."""
    return hashlib.sha256("\0".join(sample_texts()).encode()).hexdigest()


def ids_sha256(ids: list[list[int]]) -> str:
    """Of token ids, text by text."""
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Of a file, a piece at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def chats(folder: Path) -> bool:
    """Whether the model's tokenizer brings a chat template."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return (folder / "chat_template.jinja").is_file() or bool(config.get("chat_template"))


def _modelfile(name: str, plain: Path, file: GgufFile) -> str:
    """What `ollama create` reads. Without a chat template, the prompt goes in as it is."""
    architecture = file.value("general.architecture")
    context = min(int(file.value(f"{architecture}.context_length", LONGEST)), LONGEST)
    lines = [f"FROM ./{name}", f"PARAMETER num_ctx {context}"]
    if not chats(plain):
        lines.append('TEMPLATE """{{ .Prompt }}"""')
    return "\n".join([*lines, ""])


def _card(text: str, name: str, file: str, quant: Quant, size: int, chat: bool) -> str:
    llama, ollama = run_lines(name, file, chat)
    exact = (
        "holds the weights as they are"
        if quant.is_exact
        else f"holds the weights in {quant.name}, rounded"
    )
    section = (
        f"`{file}` ({size:,} bytes) {exact}; llama.cpp, Ollama and LM Studio read it. In builds of "
        "llama.cpp without `llama-completion`, `llama-cli` does the same.\n\n"
        f"```sh\n{llama}\n{ollama}\n```\n\n"
        "It was made by llama.cpp's own converter. `python -m pruning verify` checks it.\n"
    )
    text = text.replace("library_name: transformers", "library_name: gguf", 1)
    return with_loading(text, name, section)
