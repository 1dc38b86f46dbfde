"""The plain forward pass at several batch sizes, a part of the text each."""

from __future__ import annotations

from bench.contenders.trial import Trial

SIZES = (1, 4, 8, 16)


def main() -> None:
    """Measures each size, in turns."""
    trial = Trial()
    part = trial.tokens[: max(SIZES)]
    for _ in range(trial.rounds):
        for size in SIZES:
            trial.measure(str(size), trial.forward, trial.plain, part, size)
    trial.finish()


if __name__ == "__main__":
    main()
