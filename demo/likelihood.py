"""How likely a model finds texts: bits per byte, and the likelihood of choices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase


def token_log_likelihoods(
    model: PreTrainedModel, sequences: Sequence[Sequence[int]], *, batch_tokens: int = 8192
) -> list[list[float]]:
    """Natural-log likelihood of every token of each sequence but its first, given those before it.

    Sequences of like length share a batch of at most `batch_tokens` padded tokens.
    """
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    found: list[list[float]] = [[] for _ in sequences]
    while order:
        longest = len(sequences[order[-1]])
        chosen = order[-max(1, batch_tokens // longest) :]
        order = order[: -len(chosen)]
        tokens = torch.zeros(
            (len(chosen), longest), dtype=torch.long
        )  # (B, T), padded on the right
        for row, i in enumerate(chosen):
            tokens[row, : len(sequences[i])] = torch.tensor(sequences[i])
        tokens = tokens.to(model.device)
        with torch.inference_mode():
            logits = model(input_ids=tokens, use_cache=False).logits[:, :-1].float()  # (B, T-1, V)
        losses = F.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
        for row, i in enumerate(chosen):
            found[i] = (-losses[row, : len(sequences[i]) - 1]).tolist()
    return found


def bits_per_byte(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    context: int = 512,
) -> float:
    """Bits the model needs for each UTF-8 byte of the texts; lower is better.

    Each text follows the end-of-text token, as in training; a text of more than `context` tokens is
    read in pieces that do not see each other. Raises ValueError for no text.
    """
    size = sum(len(text.encode()) for text in texts)
    if size == 0:
        raise ValueError("Bits per byte need at least one byte of text.")
    pieces = []
    for text in texts:
        ids = tokenizer(text, verbose=False).input_ids
        pieces += [
            [tokenizer.eos_token_id, *ids[start : start + context]]
            for start in range(0, len(ids), context)
        ]
    total = sum(sum(found) for found in token_log_likelihoods(model, pieces))
    return -total / math.log(2) / size


def choose(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    choices: Sequence[Sequence[str]],
) -> list[int]:
    """For each prompt, the index of the choice that is the likeliest continuation as a whole."""
    sequences, lengths = [], []
    for prompt, texts in zip(prompts, choices, strict=True):
        head = [tokenizer.eos_token_id, *tokenizer(prompt).input_ids]
        for text in texts:
            tail = tokenizer(text).input_ids
            sequences.append(head + tail)
            lengths.append(len(tail))
    found = token_log_likelihoods(model, sequences)
    totals = [sum(values[-length:]) for values, length in zip(found, lengths, strict=True)]
    answers, start = [], 0
    for texts in choices:
        of_prompt = totals[start : start + len(texts)]
        answers.append(max(range(len(texts)), key=of_prompt.__getitem__))
        start += len(texts)
    return answers
