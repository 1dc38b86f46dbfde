"""Train the demo model: one pass over the token stream, within a budget of minutes or tokens.

The learning rate follows the share of the budget that is spent, so that training always ends with
the rate decayed to zero, however busy the machine is.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from transformers import LlamaForCausalLM

from demo.optimizer import MatrixAndVectorOptimizer
from demo.parallel import Team
from pruning.machine.processor import has_bfloat16


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How to train. Lengths are in tokens; a budget is minutes or tokens, whichever ends first."""

    minutes: float | None = None
    tokens: int | None = None
    batch_tokens: int = 4096
    short_context: int = 256  # most documents are shorter than this, and attention is cheaper
    context: int = 512
    short_share: float = 0.85  # of the budget at the short context
    matrix_rate: float = 0.02
    vector_rate: float = 0.004
    weight_decay: float = 0.02
    warmup: float = 0.01  # of the budget
    decay: float = 0.5  # the last part of the budget, in which the rate falls to zero
    clip: float = 1.0  # largest norm of the gradient
    save_every_minutes: float = 5.0
    compile: bool = False

    def __post_init__(self) -> None:
        if self.minutes is None and self.tokens is None:
            raise ValueError("Training needs a budget: give a number of minutes or of tokens.")
        if self.batch_tokens % self.context or self.batch_tokens % self.short_context:
            raise ValueError(
                f"A batch of {self.batch_tokens} tokens does not divide into sequences of "
                f"{self.short_context} and of {self.context} tokens."
            )

    def spent(self, *, seconds: float, tokens: int) -> float:
        """The share of the budget that is used up, at most 1."""
        shares = []
        if self.minutes is not None:
            shares.append(seconds / max(1e-9, 60 * self.minutes))
        if self.tokens is not None:
            shares.append(tokens / max(1, self.tokens))
        return min(1.0, max(shares))

    def rate_factor(self, spent: float) -> float:
        """Learning rate relative to its peak: a short warm-up, a plateau, a straight way to zero."""
        return min(1.0, (spent + 1e-3) / self.warmup, (1.0 - spent) / self.decay)


@dataclass(kw_only=True)
class Progress:
    """Where a training run stands; saved with the checkpoint."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    position: int = 0  # in the token stream
    spent: float = 0.0  # share of the budget, 0 to 1; equal in all processes


def batches(
    stream: np.ndarray, progress: Progress, plan: TrainingPlan
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Read the stream in order, from its beginning again when it ends: inputs and next tokens.

    Both are int64 of shape (B, T) with B * T = `batch_tokens`; T grows with `progress.spent`.
    """
    if len(stream) <= plan.batch_tokens + plan.context:
        raise ValueError(
            f"The corpus has {len(stream)} tokens, too few for batches of {plan.batch_tokens}."
        )
    while True:
        if progress.position + plan.batch_tokens >= len(stream):
            progress.position = progress.step % plan.context  # other cuts than the last time
        start, end = progress.position, progress.position + plan.batch_tokens
        length = plan.short_context if progress.spent < plan.short_share else plan.context
        tokens = torch.from_numpy(stream[start : end + 1].astype(np.int64))
        progress.position = end
        yield tokens[:-1].view(-1, length), tokens[1:].view(-1, length)  # (B, T), (B, T)


def next_token_loss(
    model: LlamaForCausalLM, inputs: torch.Tensor, targets: torch.Tensor, *, autocast: bool
) -> torch.Tensor:
    """Mean cross-entropy in nats of the next tokens; inputs and targets are (B, T)."""
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=autocast):
        logits = model(input_ids=inputs, use_cache=False).logits  # (B, T, V)
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def train(
    model: LlamaForCausalLM,
    stream: np.ndarray,
    folder: Path,
    plan: TrainingPlan,
    *,
    report: Callable[[str], None] = print,
) -> Progress:
    """Train the model in place until the budget is spent, or go on from the folder's checkpoint.

    Writes `training.jsonl` (one line every ten steps: step, tokens, seconds, loss in nats a token,
    share of the budget spent) and `checkpoint.pt`. The device is the model's.
    Where `torchrun` started several processes, each computes a part of every batch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = MatrixAndVectorOptimizer(
        model,
        matrix_rate=plan.matrix_rate,
        vector_rate=plan.vector_rate,
        weight_decay=plan.weight_decay,
    )
    team = Team()
    progress = _resume(model, optimizer, folder / "checkpoint.pt")
    progress.spent = plan.spent(seconds=progress.seconds, tokens=progress.tokens)
    device = next(model.parameters()).device
    autocast = has_bfloat16(device.type)
    parameters = list(model.parameters())
    loss_of = torch.compile(next_token_loss) if plan.compile else next_token_loss
    model.train()
    before = time.perf_counter() - progress.seconds
    saved = progress.seconds
    recent: list[float] = []
    for inputs, targets in batches(stream, progress, plan):
        if progress.spent >= 1.0:
            break
        mine = (team.share_of(each).to(device) for each in (inputs, targets))
        loss = loss_of(model, *mine, autocast=autocast)
        loss.backward()
        spent = plan.spent(seconds=time.perf_counter() - before, tokens=progress.tokens)
        progress.spent = team.average(parameters, spent)
        torch.nn.utils.clip_grad_norm_(parameters, plan.clip)
        optimizer.step(rate_factor=plan.rate_factor(progress.spent))
        progress.step += 1
        progress.tokens += plan.batch_tokens
        progress.seconds = time.perf_counter() - before
        recent.append(loss.item())
        if progress.step % 10 == 0 and team.leads:
            _log(folder / "training.jsonl", progress, recent, report)
            recent = []
        if progress.seconds - saved > 60 * plan.save_every_minutes and team.leads:
            saved = progress.seconds
            _save(model, optimizer, progress, folder / "checkpoint.pt")
    if team.leads:
        _save(model, optimizer, progress, folder / "checkpoint.pt")
    return progress


def _log(
    path: Path,
    progress: Progress,
    losses: list[float],
    report: Callable[[str], None],
) -> None:
    loss = sum(losses) / len(losses)
    line = {
        "step": progress.step,
        "tokens": progress.tokens,
        "seconds": round(progress.seconds, 1),
        "loss": round(loss, 4),
        "spent": round(progress.spent, 4),
    }
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    if progress.step % 100 == 0:
        speed = progress.tokens / progress.seconds
        report(
            f"step {progress.step:>6}  {progress.tokens / 1e6:6.2f} M tokens  "
            f"{progress.seconds / 60:5.1f} min  loss {loss:.3f} "
            f"({loss / math.log(2):.2f} bits a token)  {speed:,.0f} tokens/s"
        )


def _save(
    model: LlamaForCausalLM,
    optimizer: MatrixAndVectorOptimizer,
    progress: Progress,
    path: Path,
) -> None:
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.replace(path)


def _resume(model: LlamaForCausalLM, optimizer: MatrixAndVectorOptimizer, path: Path) -> Progress:
    if not path.exists():
        return Progress()
    state = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])
