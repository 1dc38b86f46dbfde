"""torchao's WandaSparsifier: observers on every projection, then one mask a matrix."""

from __future__ import annotations

import warnings
from typing import Any

from torchao.sparsity import WandaSparsifier

from bench.contenders.trial import SPARSITY, Trial, decoder_weights, not_zero


def main() -> None:
    """Measures Wanda, and the plain forward pass in turns with it."""
    warnings.simplefilter("ignore")
    trial = Trial()
    for _ in range(trial.rounds):
        model = trial.model()
        trial.measure_forward()
        trial.measure("one-shot", prune, trial, model)
    trial.keep_masks("one-shot", not_zero(model))
    trial.finish()


def prune(trial: Trial, model: Any) -> None:
    """Prune in place, as torchao's documentation does it."""
    sparsifier = WandaSparsifier(sparsity_level=SPARSITY)
    sparsifier.prepare(model, [{"tensor_fqn": name} for name in decoder_weights(model)])
    trial.forward(model)
    sparsifier.step()
    sparsifier.squash_mask()


if __name__ == "__main__":
    main()
