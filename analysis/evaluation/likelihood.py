"""How likely a model finds texts: bits per document, hence bits per byte and perplexity.

Every document follows what it follows in calibration: the beginning-of-text token where the
tokenizer adds one, else an end-of-text token. A document longer than the context is read in windows
that do not overlap, except that the first token of a window is predicted from the last one of the
window before (after the beginning-of-text token, if there is one). Every token of a document is
thus predicted exactly once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from pruning.domains.encoding import TextEncoder
from pruning.errors import InputError
from pruning.progress import Meter, Report, ignore

if TYPE_CHECKING:
    from pruning.models.loading import LoadedModel

Float = NDArray[np.float64]
Integer = NDArray[np.int64]

LONGEST_CONTEXT = 2048  # tokens of a window at most, where a model could read more
LOGITS_AT_ONCE = 1 << 28  # a batch has no more logits than this: 1 GB in float32


@dataclass(frozen=True, kw_only=True, eq=False)
class DocumentLosses:
    """What a model needed for each of several documents.

    bits: float64 (documents,), -log2 of the document's likelihood. bytes: int64 (documents,), its
    length in UTF-8. tokens: int64 (documents,), its tokens, all of them predicted.
    """

    bits: Float
    bytes: Integer
    tokens: Integer

    def __post_init__(self) -> None:
        if not self.bits.shape == self.bytes.shape == self.tokens.shape or self.bits.ndim != 1:
            raise ValueError("Bits, bytes and tokens need one number a document.")
        if not self.tokens.sum():
            raise InputError("A likelihood needs at least one token of text.")

    @property
    def bits_per_byte(self) -> float:
        """All bits over all bytes: comparable between models and languages."""
        return float(self.bits.sum() / self.bytes.sum())

    @property
    def perplexity(self) -> float:
        """2 to the bits per token: comparable only between models that share a tokenizer."""
        return float(2 ** (self.bits.sum() / self.tokens.sum()))


def document_losses(
    loaded: LoadedModel, documents: Sequence[str], *, batch_size: int = 8, report: Report = ignore
) -> DocumentLosses:
    """The likelihood of every document, as the model is now (masked or not).

    batch_size: windows that are read together, fewer where the vocabulary is large. Windows are as
    long as the model's context, at most LONGEST_CONTEXT. Raises InputError for no text at all.
    """
    if not documents:
        raise InputError("A likelihood needs at least one document.")
    encoder = TextEncoder.of(loaded.tokenizer)
    encoded = encode_whole(encoder, documents)
    sequences, predicted, owner = [], [], []
    for number, ids in enumerate(encoded):
        for window, count in windows(ids, encoder, context_of(loaded)):
            sequences.append(window)
            predicted.append(count)
            owner.append(number)
    bits = np.zeros(len(documents))
    np.add.at(
        bits, owner, tail_bits(loaded, sequences, predicted, batch_size=batch_size, report=report)
    )
    return DocumentLosses(
        bits=bits,
        bytes=np.array([len(text.encode(errors="replace")) for text in documents]),
        tokens=np.array([len(ids) for ids in encoded]),
    )


def context_of(loaded: LoadedModel) -> int:
    """Tokens that the model reads at once here."""
    longest = getattr(loaded.module.config, "max_position_embeddings", None)
    return min(longest, LONGEST_CONTEXT) if isinstance(longest, int) else LONGEST_CONTEXT


def beginning(encoder: TextEncoder) -> list[int]:
    """The ids that stand before a text: the tokenizer's own prefix, else one end-of-text token."""
    return list(encoder.prefix) or [encoder.end_of_text]


def encode_whole(encoder: TextEncoder, texts: Sequence[str]) -> list[list[int]]:
    """All token ids of each text, without special tokens."""
    longest = max((len(text) for text in texts), default=0)
    return encoder.encode(texts, 4 * longest)  # at most one token a byte, four bytes a character


def windows(ids: list[int], encoder: TextEncoder, context: int) -> list[tuple[list[int], int]]:
    """A document cut into windows of at most `context` tokens: (window, how many it predicts)."""
    start = beginning(encoder)
    room = context - len(start)
    found = [(start + ids[:room], len(ids[:room]))] if ids else []
    prefix = list(encoder.prefix)
    step = context - len(prefix) - 1
    for first in range(room, len(ids), step):
        part = ids[first : first + step]
        found.append(([*prefix, ids[first - 1], *part], len(part)))
    return found


def tail_bits(
    loaded: LoadedModel,
    sequences: Sequence[Sequence[int]],
    tails: Sequence[int],
    *,
    batch_size: int = 8,
    report: Report = ignore,
) -> Float:
    """-log2 of the likelihood of the last `tails[i]` tokens of sequence i, given all before them.

    Returns (sequences,). Sequences of like length share a batch, padded on the right, where a
    causal model cannot see it.
    """
    meter = Meter(report, "Reading texts", sum(tails))
    vocabulary = cast(torch.Tensor, loaded.module.get_input_embeddings().weight).shape[0]
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    bits = np.zeros(len(sequences))
    while order:
        longest = len(sequences[order[-1]])
        size = max(1, min(batch_size, LOGITS_AT_ONCE // (longest * vocabulary)))
        chosen, order = order[-size:], order[:-size]
        losses = _losses(loaded, [sequences[i] for i in chosen])
        for row, i in enumerate(chosen):
            last = len(sequences[i]) - 1
            bits[i] = losses[row, last - tails[i] : last].sum() / math.log(2)
        meter.step(steps=sum(tails[i] for i in chosen))
    return bits


def _losses(loaded: LoadedModel, sequences: Sequence[Sequence[int]]) -> Float:
    """Nats of every token but the first, (sequences, longest - 1); meaningless past a row's end."""
    longest = max(map(len, sequences))
    tokens = torch.zeros((len(sequences), longest), dtype=torch.long)  # (B, T)
    for row, ids in enumerate(sequences):
        tokens[row, : len(ids)] = torch.tensor(ids)
    tokens = tokens.to(loaded.device)
    with torch.inference_mode():
        logits = loaded.module(input_ids=tokens, use_cache=False).logits[:, :-1].float()
        losses = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses.double().cpu().numpy()  # (B, T - 1)
