"""llm-compressor's WandaPruningModifier, by its two pipelines: basic and sequential."""

from __future__ import annotations

from typing import Any

from llmcompressor import oneshot
from llmcompressor.modifiers.pruning import WandaPruningModifier
from loguru import logger
from torch.utils.data import DataLoader

from bench.contenders.trial import SPARSITY, Trial, not_zero

PIPELINES = {"one-shot": "basic", "sequential": "sequential"}


def main() -> None:
    """Measures Wanda, and the plain forward pass in turns with it."""
    logger.remove()
    trial = Trial()
    for _ in range(trial.rounds):
        trial.measure_forward()
        for name, pipeline in PIPELINES.items():
            model = trial.model()
            trial.measure(name, prune, trial, model, pipeline)
            trial.keep_masks(name, not_zero(model))
    trial.finish()


def prune(trial: Trial, model: Any, pipeline: str) -> None:
    """Prune in place, in batches as large as those of the plain forward pass."""
    batches: Any = [{"input_ids": batch} for batch in trial.tokens.split(trial.batch_size)]
    oneshot(
        model=model,
        dataset=DataLoader(batches, batch_size=None),
        recipe=WandaPruningModifier(sparsity=SPARSITY, ignore=["re:.*lm_head"]),
        pipeline=pipeline,
    )


if __name__ == "__main__":
    main()
