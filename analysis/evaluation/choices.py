"""Questions with choices, answered by which choice the model finds likeliest after the question.

`raw` takes the choice with the highest log-likelihood; `normalised` the one with the highest
log-likelihood per byte of its text, so that long choices are not at a disadvantage. The first is
acc of lm-evaluation-harness; the second is close to its acc_norm, which divides by the choice's
characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.evaluation.likelihood import (
    beginning,
    context_of,
    encode_whole,
    tail_bits,
)
from pruning.domains.encoding import TextEncoder, writable
from pruning.models.loading import LoadedModel
from pruning.progress import Report, ignore


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The index of the choice taken, by the two rules."""

    raw: int
    normalised: int


def choose(
    loaded: LoadedModel,
    prompts: Sequence[str],
    choices: Sequence[Sequence[str]],
    *,
    batch_size: int = 16,
    report: Report = ignore,
) -> list[Chosen]:
    """For each prompt, which of its choices is the likeliest continuation.

    A choice's text is what follows the prompt, with its leading space; prompt and choice are
    tokenized together, and what follows the prompt's own tokens counts as the choice. Equal
    likelihoods go to the first. A prompt too long for the context loses its beginning.
    """
    encoder = TextEncoder.of(loaded.tokenizer)
    start, room = beginning(encoder), context_of(loaded)
    heads = encode_whole(encoder, prompts)
    sequences, tails = [], []
    for prompt, head, texts in zip(prompts, heads, choices, strict=True):
        for whole in encode_whole(encoder, [prompt + text for text in texts]):
            tail = whole[min(len(head), len(whole) - 1) :]
            body = whole[-(room - len(start)) :]
            sequences.append(start + body)
            tails.append(min(len(tail), len(body)))
    bits = tail_bits(loaded, sequences, tails, batch_size=batch_size, report=report)
    found, first = [], 0
    for texts in choices:
        needed = bits[first : first + len(texts)]
        sizes = np.array([len(writable(text).encode()) for text in texts])
        found.append(Chosen(raw=int(needed.argmin()), normalised=int((needed / sizes).argmin())))
        first += len(texts)
    return found
