"""Ours in bfloat16 beside float32: what it costs, and how many mask bits it changes."""

from __future__ import annotations

from bench.contenders.ours import HALF, batch_size, calibrate, make_masks, named, sample_of
from bench.contenders.trial import Trial
from pruning.models.loading import load_model
from pruning.specs import ModelSpec


def main() -> None:
    """Measures both in turns. Masks are made of the stored weights, as those of a run are."""
    trial = Trial()
    source = str(trial.folder)
    models = {
        dtype: load_model(ModelSpec(source=source, dtype=dtype, device="cpu"))
        for dtype in ("float32", "bfloat16")
    }
    sample = sample_of(trial.tokens)
    size = batch_size(sample)
    for _ in range(trial.rounds):
        for dtype, loaded in models.items():
            norms = trial.measure(dtype, calibrate, loaded, sample, size)
            stored = models["float32"]
            trial.keep_masks(dtype, named(stored, make_masks(stored, norms, HALF)))
    trial.finish()


if __name__ == "__main__":
    main()
