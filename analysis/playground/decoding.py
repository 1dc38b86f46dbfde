"""One token after the other: which one is chosen, and what the model thought of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from analysis.playground.records import Sampling
from pruning.models.loading import LoadedModel

OTHERS = 3  # likeliest other tokens that are told


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A chosen token id, its probability and rank, and (id, probability) of the likeliest others."""

    id: int
    probability: float
    rank: int
    others: tuple[tuple[int, float], ...]


def end_ids(loaded: LoadedModel) -> frozenset[int]:
    """The tokens after which a model has nothing more to say."""
    settings = getattr(loaded.module, "generation_config", None)
    named = [loaded.tokenizer.eos_token_id, getattr(settings, "eos_token_id", None)]
    flat = [ids if isinstance(ids, list | tuple) else [ids] for ids in named]
    return frozenset(int(token) for ids in flat for token in ids if token is not None)


def choices(module: Any, prompt: Sequence[int], sampling: Sampling) -> Iterator[Choice]:
    """Continue the prompt without end; whoever reads this decides when it is enough.

    prompt: token ids. Each step reads what is new and keeps the keys and values of the rest.
    """
    generator = torch.Generator().manual_seed(sampling.seed)
    ids = torch.tensor([list(prompt)], device=module.device)  # (1, T)
    cache = None
    while True:
        logits, cache = _step(module, ids, cache)
        choice = choose(logits, sampling, generator)
        yield choice
        ids = torch.tensor([[choice.id]], device=module.device)  # (1, 1)


@torch.inference_mode()
def _step(module: Any, ids: Tensor, cache: Any) -> tuple[Tensor, Any]:
    """The logits (vocabulary,) in float32 after the new tokens (1, T), and the longer cache."""
    last_only = "logits_to_keep" in inspect.signature(module.forward).parameters
    output = module(
        input_ids=ids,
        past_key_values=cache,
        use_cache=True,
        **({"logits_to_keep": 1} if last_only else {}),
    )
    return output.logits[0, -1].float().cpu(), output.past_key_values


def choose(logits: Tensor, sampling: Sampling, generator: torch.Generator) -> Choice:
    """Choose the next token from logits (vocabulary,) in float32.

    Drawing adds Gumbel noise and takes the largest, which is the same as drawing by probability
    (Maddison et al. 2014). With one seed all models get the same noise at the same step, so their
    texts part because the models differ, not because the dice do.
    """
    token = int(logits.argmax())
    if sampling.temperature > 0:
        uniform = torch.rand(len(logits), generator=generator, dtype=torch.float64)
        noise = -(-uniform.clamp_min(1e-300).log()).log()
        scaled = logits.double() / sampling.temperature
        token = int((_nucleus(scaled, sampling.top_p) + noise).argmax())
    probabilities = logits.softmax(0)
    likeliest = probabilities.topk(min(OTHERS + 1, len(logits)))
    pairs = zip(likeliest.indices.tolist(), likeliest.values.tolist(), strict=True)
    others = [(other, probability) for other, probability in pairs if other != token]
    return Choice(
        id=token,
        probability=float(probabilities[token]),
        rank=1 + int((logits > logits[token]).sum()),
        others=tuple(others[:OTHERS]),
    )


def _nucleus(scaled: Tensor, top_p: float) -> Tensor:
    """The logits (vocabulary,), minus infinity outside the fewest tokens that reach top_p."""
    if top_p >= 1:
        return scaled
    ordered, places = scaled.sort(descending=True, stable=True)
    probabilities = ordered.softmax(0)
    before = probabilities.cumsum(0) - probabilities  # of all likelier tokens
    return scaled.index_fill(0, places[before >= top_p], float("-inf"))
