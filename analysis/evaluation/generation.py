"""Continuing prompts, many at once: greedily, or by sampling with a temperature and top-p.

Every prompt follows what a document follows in calibration (see `likelihood.beginning`). Nothing
else that a model's own generation settings say, such as top-k or a repetition penalty, applies;
only its end-of-text tokens do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from analysis.evaluation.likelihood import beginning, context_of, encode_whole
from pruning.domains.encoding import TextEncoder
from pruning.errors import InputError
from pruning.models.loading import LoadedModel
from pruning.progress import Meter, Report, ignore

SEED_RANGE = 1 << 62


def generate(
    loaded: LoadedModel,
    prompts: Sequence[str],
    *,
    max_new_tokens: int,
    stop: Sequence[str] = (),
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    samples: int = 1,
    batch_size: int = 32,
    report: Report = ignore,
) -> list[list[str]]:
    """Continue every prompt `samples` times: for each prompt, its continuations.

    A continuation ends with an end-of-text token, before the first of the texts in `stop`, or after
    `max_new_tokens`. temperature 0: the likeliest token each time. Otherwise tokens are drawn from
    the smallest set of the likeliest that holds `top_p` of the probability (Holtzman et al. 2020);
    the draws depend on `seed`, and are the same again for the same prompts and batch size. A prompt
    too long for the model's context loses its beginning. Prompts of like length share a batch,
    padded on the left. Raises InputError for settings out of range.
    """
    _check(loaded, max_new_tokens, temperature, top_p, samples)
    encoder = TextEncoder.of(loaded.tokenizer)
    start = beginning(encoder)
    room = context_of(loaded) - len(start) - max_new_tokens
    asked = [ids[-room:] for ids in encode_whole(encoder, prompts)]
    order = [
        i for i in sorted(range(len(asked)), key=lambda i: len(asked[i])) for _ in range(samples)
    ]
    settings = _settings(loaded, encoder, max_new_tokens, temperature, top_p)
    found: list[list[str]] = [[] for _ in prompts]
    meter = Meter(report, "Writing continuations", len(order))
    with torch.random.fork_rng(devices=_devices(loaded)):
        torch.manual_seed(seed % SEED_RANGE)
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            rows = [start + asked[i] for i in batch]
            for i, ids in zip(batch, _continue(loaded, rows, settings, stop), strict=True):
                found[i].append(until(_text(loaded.tokenizer, asked[i], ids), stop))
            meter.step(steps=len(batch))
    return found


def most_new_tokens(loaded: LoadedModel) -> int:
    """New tokens that leave a quarter of the context to the prompt."""
    return context_of(loaded) * 3 // 4


def until(text: str, stops: Sequence[str]) -> str:
    """The text before the first of the texts that end it."""
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def _check(
    loaded: LoadedModel, max_new_tokens: int, temperature: float, top_p: float, samples: int
) -> None:
    if not 0 < top_p <= 1 or temperature < 0 or samples < 1 or max_new_tokens < 1:
        raise InputError(
            "Sampling needs 0 < top-p <= 1, a temperature of at least 0, and at least one sample "
            "and one new token."
        )
    if max_new_tokens > most_new_tokens(loaded):
        raise InputError(
            f"{max_new_tokens} new tokens leave too little room for prompts in a context of "
            f"{context_of(loaded)}; ask for at most {most_new_tokens(loaded)}."
        )


def _settings(
    loaded: LoadedModel,
    encoder: TextEncoder,
    max_new_tokens: int,
    temperature: float,
    top_p: float,
) -> GenerationConfig:
    own = getattr(loaded.module.generation_config, "eos_token_id", None)
    ends = {encoder.end_of_text, *(own if isinstance(own, list) else [] if own is None else [own])}
    sampling = {"temperature": temperature, "top_p": top_p, "top_k": 0} if temperature else {}
    return GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=temperature > 0,
        eos_token_id=sorted(ends),
        pad_token_id=encoder.end_of_text,
        **sampling,
    )


def _devices(loaded: LoadedModel) -> list[int]:
    return [loaded.device.index or 0] if loaded.device.type == "cuda" else []


def _continue(
    loaded: LoadedModel,
    rows: Sequence[Sequence[int]],
    settings: GenerationConfig,
    stop: Sequence[str],
) -> list[list[int]]:
    """The new token ids of each row, up to its end-of-text token."""
    width = max(map(len, rows))
    tokens = torch.full((len(rows), width), cast(int, settings.pad_token_id))  # (B, T)
    seen = torch.zeros((len(rows), width), dtype=torch.long)  # (B, T), 0 over the padding
    for row, ids in enumerate(rows):
        tokens[row, width - len(ids) :] = torch.tensor(ids)
        seen[row, width - len(ids) :] = 1
    ends = StoppingCriteriaList([_AtStops(loaded.tokenizer, width, stop)] if stop else [])
    with torch.inference_mode():
        output = cast(Any, loaded.module).generate(
            tokens.to(loaded.device),
            attention_mask=seen.to(loaded.device),
            generation_config=settings,
            stopping_criteria=ends,
        )
    last = set(cast(list[int], settings.eos_token_id))
    written = []
    for ids in output[:, width:].tolist():
        end = next((place for place, token in enumerate(ids) if token in last), len(ids))
        written.append(ids[:end])
    return written


class _AtStops(StoppingCriteria):
    """Ends a row as soon as one of the texts stands in what it has written."""

    def __init__(self, tokenizer: Any, width: int, stop: Sequence[str]) -> None:
        self.tokenizer, self.width, self.stop = tokenizer, width, stop
        self.tail = max(len(text.encode()) for text in stop) + 1  # a token is a byte at least

    def __call__(self, input_ids: Tensor, scores: Any, **more: Any) -> Any:
        first = max(self.width, input_ids.shape[1] - self.tail)
        texts = self.tokenizer.batch_decode(input_ids[:, first:])
        ended = [any(stop in text for stop in self.stop) for text in texts]
        return torch.tensor(ended, device=input_ids.device)


def _text(tokenizer: Any, prompt: list[int], ids: list[int]) -> str:
    """The text that new tokens add to a prompt; some tokenizers write them differently alone."""
    before = tokenizer.decode(prompt, skip_special_tokens=True)
    whole = tokenizer.decode(prompt + ids, skip_special_tokens=True)
    if whole.startswith(before):
        return str(whole[len(before) :])
    return str(tokenizer.decode(ids, skip_special_tokens=True))
