"""What stands in a GGUF file: its tensors, and its vocabulary as a tokenizer that can be tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from pruning.errors import InputError
from pruning.exports.gguf.pretokenizers import split_as

Encode = Callable[[Sequence[str]], list[list[int]]]
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


@dataclass(frozen=True)
class GgufFile:
    """A GGUF file, mapped into memory; values are read when they are asked for."""

    path: Path

    @cached_property
    def reader(self) -> Any:
        """The library's reader; InputError for a file that is none, or is cut short."""
        try:
            return gguf.GGUFReader(self.path)
        except (ValueError, IndexError, KeyError, OSError) as error:
            raise InputError(f"{self.path.name} is no whole GGUF file ({error}).") from error

    def value(self, key: str, default: Any = None) -> Any:
        """A metadata field's content."""
        field = self.reader.fields.get(key)
        return default if field is None else field.contents()

    @property
    def tensors(self) -> dict[str, Any]:
        """The reader's tensors, by name."""
        return {tensor.name: tensor for tensor in self.reader.tensors}

    def layout(self) -> dict[str, dict[str, Any]]:
        """Each tensor's GGML type and its shape, rows first."""
        return {
            name: {"type": tensor.tensor_type.name, "shape": [int(n) for n in tensor.shape[::-1]]}
            for name, tensor in self.tensors.items()
        }

    def dequantised(self, name: str) -> NDArray[np.float32]:
        """A tensor's values, rows first."""
        tensor = self.tensors[name]
        return np.asarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type))


def encoder_of(file: GgufFile) -> Encode | None:
    """The file's own vocabulary as a function from texts to token ids, as llama.cpp reads it.

    A byte-level vocabulary is cut by the pattern of the name in the file; a SentencePiece
    vocabulary merges by score. None for another kind, or a name that is not in `PATTERNS`.
    """
    kind = file.value("tokenizer.ggml.model")
    if kind == "gpt2":
        tokenizer = _byte_level(file)
    elif kind == "llama":
        tokenizer = _by_score(file)
    else:
        return None
    if tokenizer is None:
        return None
    before, after = _added(file, kind)

    def encode(texts: Sequence[str]) -> list[list[int]]:
        encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [[*before, *encoding.ids, *after] for encoding in encodings]

    return encode


def _added(file: GgufFile, kind: str) -> tuple[list[int], list[int]]:
    """The tokens that llama.cpp puts before and after a text."""
    begin = file.value("tokenizer.ggml.add_bos_token", kind == "llama")
    end = file.value("tokenizer.ggml.add_eos_token", False)
    first = file.value("tokenizer.ggml.bos_token_id", 1)
    last = file.value("tokenizer.ggml.eos_token_id", 2)
    return [int(first)] * bool(begin), [int(last)] * bool(end)


def _byte_level(file: GgufFile) -> Tokenizer | None:
    split = split_as(file.value("tokenizer.ggml.pre", ""))
    if split is None:
        return None
    vocabulary = {token: index for index, token in enumerate(file.value("tokenizer.ggml.tokens"))}
    merges = [tuple(merge.split(" ", 1)) for merge in file.value("tokenizer.ggml.merges")]
    beyond = len(vocabulary)  # what a merge makes and the file has no token for: never equal
    for left, right in merges:
        beyond += vocabulary.setdefault(left + right, beyond) == beyond
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = split
    _mark(tokenizer, file)
    return tokenizer


def _by_score(file: GgufFile) -> Tokenizer:
    tokens = file.value("tokenizer.ggml.tokens")
    scores = file.value("tokenizer.ggml.scores")
    vocabulary = {token: index for index, token in enumerate(tokens)}
    ranked = []
    for token, index in vocabulary.items():
        if len(token) < 2 or _BYTE.fullmatch(token):
            continue
        cuts = ((token[:at], token[at:]) for at in range(1, len(token)))
        ranked += [
            (-scores[index], pair)
            for pair in cuts
            if pair[0] in vocabulary and pair[1] in vocabulary
        ]
    merges = [pair for _, pair in sorted(ranked, key=lambda each: each[0])]
    unknown = tokens[int(file.value("tokenizer.ggml.unknown_token_id", 0))]
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=merges, unk_token=unknown, byte_fallback=True, fuse_unk=True
        )
    )
    prefix = bool(file.value("tokenizer.ggml.add_space_prefix", True))
    steps = [normalizers.Prepend("▁")] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.ByteFallback()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([])
    _mark(tokenizer, file)
    return tokenizer


def _mark(tokenizer: Tokenizer, file: GgufFile) -> None:
    """The tokens that are looked for in the text before it is cut."""
    kinds = file.value("tokenizer.ggml.token_type", [])
    own = [
        AddedToken(token, normalized=False)
        for token, kind in zip(file.value("tokenizer.ggml.tokens"), kinds, strict=False)
        if kind == gguf.TokenType.USER_DEFINED
    ]
    tokenizer.add_tokens(own)
