"""A model folder as one GGUF file, by llama.cpp's own converter.

The converter is used as it is but for four things: it is told the pre-tokenizer's name where its
list of hashes has none, it ranks the pieces of a SentencePiece vocabulary that comes without its
file, it is given number formats beyond its own list, and what it writes is reported.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import torch
from conversion import ModelType, get_model_architecture, get_model_class
from conversion.base import ModelBase

from pruning.errors import AtlasError, Cancelled, InputError
from pruning.exports.gguf.pretokenizers import SPACE, PreTokenizer, find_pretokenizer
from pruning.exports.gguf.quants import MATRICES, Quant
from pruning.progress import Meter, Report, ignore

LAST = -1000.0  # the score of a piece that no merge makes


@dataclass(frozen=True, kw_only=True)
class Converted:
    """What was written. marked: see `PreTokenizer`. bytes: of the weights."""

    architecture: str
    marked: tuple[str, ...]
    bytes: int


def check_convertible(folder: Path) -> str:
    """The name of the architecture in GGUF.

    Raises InputError where llama.cpp's converter knows none, or the folder brings code of its own.
    """
    for name in ("config.json", "tokenizer_config.json"):
        path = folder / name
        if path.is_file() and "auto_map" in json.loads(path.read_text(encoding="utf-8")):
            raise InputError(f"{name} of this model asks for code of its own, which is never run.")
    try:
        hparams = ModelBase.load_hparams(folder, False)
        kind = get_model_architecture(hparams, ModelType.TEXT)
        return str(gguf.MODEL_ARCH_NAMES[get_model_class(kind).model_arch])
    except (NotImplementedError, KeyError, ValueError) as error:
        architectures = json.loads((folder / "config.json").read_text()).get("architectures")
        raise InputError(
            f"GGUF has no name for the architecture {', '.join(architectures or ['(none named)'])},"
            " or its converter does not know it; take another form."
        ) from error


def write_gguf(
    folder: Path, target: Path, quant: Quant, name: str, report: Report = ignore
) -> Converted:
    """Convert a folder that transformers loads to the file `target`.

    One tensor is in memory at a time; a mixture's experts of one layer together. Raises
    InputError where no pre-tokenizer or architecture fits, AtlasError where the converter fails.
    """
    architecture = check_convertible(folder)
    with _failures(), torch.inference_mode():
        model, pre = converter(folder, quant, name)
        model.fname_out = target
        model.prepare_tensors()
        model.ftype = gguf.LlamaFileType[quant.file_type if not quant.program else "ALL_F32"]
        model.prepare_metadata(vocab_only=False)
        _name_prefix(model.gguf_writer, folder)
        size = _write(model.gguf_writer, target, report)
    return Converted(architecture=architecture, marked=pre.marked if pre else (), bytes=size)


def converter(folder: Path, quant: Quant, name: str) -> tuple[Any, PreTokenizer | None]:
    """The library's converter of this folder, and the pre-tokenizer that was found, if one was."""
    hparams = ModelBase.load_hparams(folder, False)
    kind = get_model_class(get_model_architecture(hparams, ModelType.TEXT))
    file_type = gguf.LlamaFileType[_CONVERTED[quant.converted]]
    model = kind(folder, file_type, folder / "unused.gguf", model_name=name)
    if quant.matrices:
        _store_matrices_as(model, gguf.GGMLQuantizationType[quant.matrices])
    pre = _named_pretokenizer(model, folder)
    _without_sentencepiece_file(model)
    return model, pre


_CONVERTED = {
    "f32": "ALL_F32",
    "f16": "MOSTLY_F16",
    "bf16": "MOSTLY_BF16",
    "q8_0": "MOSTLY_Q8_0",
}


def _store_matrices_as(model: Any, kind: Any) -> None:
    """Have the matrices of the decoder layers stored in a format outside the converter's list."""
    original = model.tensor_force_quant

    def forced(name: str, new_name: str, bid: int | None, n_dims: int) -> Any:
        found = original(name, new_name, bid, n_dims)
        return kind if found is False and re.fullmatch(MATRICES, new_name) else found

    model.tensor_force_quant = forced


def _named_pretokenizer(model: Any, folder: Path) -> PreTokenizer | None:
    """Name the pre-tokenizer of a byte-level vocabulary that the converter has never met."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    if data["model"]["type"] != "BPE" or data["model"].get("byte_fallback"):
        return None
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    with contextlib.suppress(NotImplementedError):
        model.get_vocab_base_pre(loaded)
        return None  # by its hash
    pre = find_pretokenizer(loaded.backend_tokenizer)  # not the file's: some classes change it
    model.get_vocab_base_pre = lambda tokenizer: pre.name
    original = model.get_vocab_base

    def marked() -> tuple[list[str], list[int], str]:
        tokens, kinds, name = original()
        for token in pre.marked:
            index = tokens.index(token)
            tokens[index] = token.replace(SPACE, " ")
            kinds[index] = gguf.TokenType.USER_DEFINED
        return tokens, kinds, name

    model.get_vocab_base = marked
    return pre


def _without_sentencepiece_file(model: Any) -> None:
    """Where there is no tokenizer.model, take the vocabulary from tokenizer.json.

    The converter does so for some architectures, and gives every piece the same score; llama.cpp
    merges by score. Here a piece's score is the rank of the merge that makes it, which is what
    transformers merges by.
    """

    def from_json() -> None:
        vocabulary = _Ranked(model.dir_model)
        tokens, values, kinds = zip(*vocabulary.all_tokens(), strict=True)
        writer = model.gguf_writer
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(list(tokens))
        writer.add_token_scores(list(values))
        writer.add_token_types(list(kinds))
        gguf.SpecialVocab(model.dir_model, n_vocab=len(tokens)).add_to_gguf(writer)

    original = model._set_vocab_sentencepiece

    def whichever(add_to_gguf: bool = True) -> None:
        try:
            original(add_to_gguf)
        except FileNotFoundError:
            try:
                from_json()
            except (FileNotFoundError, TypeError):  # a byte-level vocabulary
                model._set_vocab_gpt2()

    model._set_vocab_sentencepiece = whichever


def _name_prefix(writer: Any, folder: Path) -> None:
    """Say whether a text gets a space before it, where a SentencePiece vocabulary leaves it open."""
    from transformers import AutoTokenizer

    fields, key = writer.kv_data[0], "tokenizer.ggml.add_space_prefix"
    if fields["tokenizer.ggml.model"].value != "llama" or key in fields:
        return
    loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    pieces = loaded.tokenize("x")
    writer.add_add_space_prefix(bool(pieces) and pieces[0].startswith("▁"))


class _Ranked(gguf.LlamaHfVocab):
    """The library's reader of tokenizer.json, with scores by which the pieces merge in order."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        data = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self._scores = _merge_scores(data["model"])

    def get_token_score(self, token_id: int) -> float:
        """Minus the rank of the merge that makes the piece."""
        return self._scores.get(token_id, LAST)


def _merge_scores(model: dict[str, Any]) -> dict[int, float]:
    """Minus the rank of the first merge that makes a piece, by the piece's id."""
    scores: dict[int, float] = {}
    for rank, merge in enumerate(model["merges"]):
        left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
        made = model["vocab"].get(left + right)
        if made is not None:
            scores.setdefault(made, -float(rank))
    return scores


def _write(writer: Any, target: Path, report: Report) -> int:
    """Write the file, tensor by tensor; the bytes of the weights."""
    total = sum(tensor.nbytes for tensors in writer.tensors for tensor in tensors.values())
    meter = Meter(report, "Writing the GGUF file", total)
    try:
        writer.write_header_to_file(path=target)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for name, tensor in list(writer.tensors[0].items()):
            size = tensor.nbytes
            data = gguf.LazyNumpyTensor.to_eager(tensor.tensor)
            writer.write_tensor_data(data)
            meter.step(name, size)
        writer.flush()
    finally:
        writer.close()
    return total


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Turn whatever the converter raises into one sentence, and keep it from talking."""
    log = logging.getLogger("hf-to-gguf")
    before, log.level = log.level, logging.ERROR
    try:
        yield
    except (InputError, AtlasError, Cancelled, OSError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise AtlasError(
            f"llama.cpp's converter cannot write this model ({type(error).__name__}: {reason})."
        ) from error
    finally:
        log.level = before
