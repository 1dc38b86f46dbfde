"""Greedy completion of many prompts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase


def complete(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    *,
    longest: int = 320,
    batch: int = 32,
) -> list[str]:
    """Continue each prompt by the most likely token until the end-of-text token.

    At most `longest` new tokens. Prompts of like length share a batch, padded on the left behind an
    attention mask. Every prompt follows the end-of-text token, as a document does in training.
    """
    ids = [[tokenizer.eos_token_id, *tokenizer(text).input_ids] for text in prompts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    texts = [""] * len(ids)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        width = max(len(ids[i]) for i in chosen)
        padded = torch.full((len(chosen), width), tokenizer.pad_token_id)  # (B, T)
        for row, i in enumerate(chosen):
            padded[row, width - len(ids[i]) :] = torch.tensor(ids[i])
        padded = padded.to(model.device)
        with torch.inference_mode():
            output = cast(Any, model).generate(
                padded,
                attention_mask=(padded != tokenizer.pad_token_id).long(),
                max_new_tokens=longest,
                do_sample=False,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        for row, i in enumerate(chosen):
            texts[i] = str(tokenizer.decode(output[row, width:], skip_special_tokens=True))
    return texts


def until(text: str, stops: Sequence[str]) -> str:
    """Cut a completion before the first of the texts that end it."""
    ends = [found for stop in stops if (found := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
