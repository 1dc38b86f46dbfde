"""A domain's sub-model as the draft of the dense model, in speculative decoding.

The draft writes some tokens ahead; the dense model reads them in one pass and keeps those that it
would have written itself, and adds one (Leviathan et al., arXiv 2211.17192, with greedy choices).
The answer is the dense model's own, token for token, however good the draft is. How many drafted
tokens are kept says how alike draft and model are on that text: of a domain's narrowed sub-model it
is a direct measure of what it is specialised in.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from demo.texts import documents
from pruning.errors import AtlasError, InputError
from pruning.models.loading import LoadedModel
from pruning.progress import Meter, Report, ignore


@dataclass(frozen=True, kw_only=True)
class Drafting:
    """What is measured: `prompts` beginnings of `prompt_tokens`, continued by `new_tokens`.

    ahead: tokens that the draft writes before the dense model reads them.
    """

    prompts: int = 8
    prompt_tokens: int = 48
    new_tokens: int = 64
    ahead: int = 4

    def __post_init__(self) -> None:
        if min(self.prompts, self.prompt_tokens, self.new_tokens, self.ahead) < 1:
            raise InputError("Prompts, their tokens, new tokens and tokens ahead are at least 1.")


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """One draft on one domain's prompts.

    drafted, accepted: tokens over all prompts. equal: prompts whose answer is the dense model's own,
    of `prompts`. ratios: tokens a second beside plain decoding of the same prompt just before.
    """

    draft: str
    domain: str
    drafted: int
    accepted: int
    prompts: int
    equal: int
    ratios: tuple[float, ...]

    @property
    def share(self) -> float:
        """Accepted tokens of those drafted."""
        return self.accepted / self.drafted

    @property
    def speed(self) -> float:
        """Tokens a second beside plain decoding, the median over prompts."""
        return statistics.median(self.ratios)


def held_out_prompts(
    loaded: LoadedModel, domain: str, work: Drafting
) -> tuple[tuple[int, ...], ...]:
    """The first tokens of held-out documents of a built-in domain; InputError for another one."""
    try:
        texts = itertools.islice(documents(domain, split="held-out"), 20 * work.prompts)
        ids = [loaded.tokenizer(text, add_special_tokens=True).input_ids for text in texts]
    except ValueError as error:
        raise InputError(str(error)) from error
    long_enough = [tuple(each[: work.prompt_tokens]) for each in ids]
    chosen = [each for each in long_enough if len(each) == work.prompt_tokens][: work.prompts]
    if not chosen:
        raise InputError(
            f"No held-out text of {domain} has {work.prompt_tokens} tokens; take shorter prompts."
        )
    return tuple(chosen)


def measure(
    dense: LoadedModel,
    draft: LoadedModel,
    name: str,
    domain: str,
    work: Drafting,
    report: Report = ignore,
) -> Drafted:
    """Continue the domain's prompts by the dense model alone and with the draft, in turns.

    Raises InputError where the two have different vocabularies.
    """
    if dense.tokenizer.get_vocab() != draft.tokenizer.get_vocab():
        raise InputError(f"{name} has another vocabulary than the dense model; it cannot draft.")
    prompts = held_out_prompts(dense, domain, work)
    meter = Meter(report, f"{name} on {domain}", len(prompts))
    drafted = accepted = equal = 0
    ratios = []
    for prompt in prompts:
        plain, seconds, _, _ = continued(dense, None, prompt, work)
        answer, with_draft, own_passes, draft_passes = continued(dense, draft, prompt, work)
        equal += answer == plain
        drafted += draft_passes
        accepted += len(answer) - own_passes
        ratios.append((len(answer) / with_draft) / (len(plain) / seconds))
        meter.step()
    if not drafted:
        raise AtlasError(f"{name} drafted nothing on {domain}.")
    return Drafted(
        draft=name,
        domain=domain,
        drafted=drafted,
        accepted=accepted,
        prompts=len(prompts),
        equal=equal,
        ratios=tuple(ratios),
    )


@torch.inference_mode()
def continued(
    dense: LoadedModel, draft: LoadedModel | None, prompt: Sequence[int], work: Drafting
) -> tuple[tuple[int, ...], float, int, int]:
    """The new tokens, the seconds, and the passes of the dense model and of the draft."""
    ids = torch.tensor([list(prompt)], device=dense.device)  # (1, T)
    helper: dict[str, Any] = {}
    if draft is not None:
        settings = draft.module.generation_config
        settings.num_assistant_tokens = work.ahead
        settings.num_assistant_tokens_schedule = "constant"
        settings.assistant_confidence_threshold = 0.0
        helper = {"assistant_model": draft.module}
    with _passes(dense.module) as own, _passes(draft.module if draft else None) as drafts:
        started = time.perf_counter()
        generate: Any = dense.module.generate
        output = generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=work.new_tokens,
            do_sample=False,
            **helper,
        )
        seconds = time.perf_counter() - started
    return tuple(output[0, ids.shape[1] :].tolist()), seconds, len(own), len(drafts)


@contextmanager
def _passes(module: Any) -> Iterator[list[None]]:
    """A list that grows with every forward pass; of no module it stays empty."""
    seen: list[None] = []
    if module is None:
        yield seen
        return
    handle = module.register_forward_hook(lambda *_: seen.append(None))
    try:
        yield seen
    finally:
        handle.remove()
