"""How long a calibration will take and how much memory it needs: simple formulas, said plainly.

A forward pass multiplies every weight with every token: 2 x parameters x tokens operations. The
machine's speed is taken from earlier runs in this workspace; without any, from a modest guess.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pruning.runs.run import Run

CPU_SPEED_PER_CORE = 2.2e10  # operations a second in float32: a server's with the demo model
GPU_SPEED = 5e13
PROCESS_BYTES = 0.8e9  # Python, torch and transformers
START_SECONDS = 8.0  # starting the worker and loading a small model
TELLING_OPERATIONS = 1e12

FORMULA = (
    "Time = 2 × parameters × tokens / speed, plus a few seconds to start. The speed is the median "
    "of the runs in this workspace, or a guess if there are none. "
    "Memory = the weights in the chosen precision, the activations of one batch, and 0.8 GB for "
    "the program. An estimate, not a promise."
)


def operations(parameters: int, tokens: int) -> float:
    """Multiplications and additions of a forward pass."""
    return 2.0 * parameters * tokens


def measured_speed(runs: Iterable[Run], device: str) -> float | None:
    """Median operations a second of finished runs on this kind of device; None without any.

    Small runs do not count: most of their time goes into starting and into reading the texts.
    """
    speeds = []
    for run in runs:
        seconds = run.manifest.seconds or 0.0
        same = str(run.spec.model.device).startswith("cuda") == device.startswith("cuda")
        if run.status == "done" and same and seconds > 1.0:
            weights = sum(weight.shape[0] * weight.shape[1] for weight in run.weights)
            tokens = sum(entry.tokens for entry in run.manifest.domains.values())
            if operations(weights, tokens) >= TELLING_OPERATIONS:
                speeds.append(operations(weights, tokens) / seconds)
    return statistics.median(speeds) if speeds else None


def seconds(parameters: int, tokens: int, device: str, speed: float | None) -> float:
    """Estimated duration of a calibration."""
    return START_SECONDS + operations(parameters, tokens) / (speed or guessed_speed(device))


def guessed_speed(device: str) -> float:
    """Operations a second where nothing was measured."""
    return GPU_SPEED if device.startswith("cuda") else CPU_SPEED_PER_CORE * (os.cpu_count() or 1)


def memory(weight_bytes: int, hidden_size: int, tokens_per_batch: int) -> float:
    """Estimated memory in bytes: the weights, about 24 float32 copies of a batch, the program."""
    return weight_bytes + 24 * 4 * hidden_size * tokens_per_batch + PROCESS_BYTES
