"""Running contenders, and what they hand back: the measurements and the masks."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from bench.contenders.trial import MEASURED
from bench.environments import last_line
from bench.measuring import REPOSITORY
from pruning.errors import AtlasError

Masks = Mapping[str, np.ndarray]  # parameter name -> packed bits
ALONE = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}  # no request, no warning


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Medians over the rounds. wall, processor: seconds, the latter of all threads. memory: bytes.

    by_wall, by_processor: the seconds over those of the plain forward pass at the same time.
    """

    wall: float
    processor: float
    memory: float
    by_wall: float
    by_processor: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What one contender did: by name of the work, its measurement and, of most, its masks."""

    measured: Mapping[str, Measured]
    masks: Mapping[str, Masks]


def run_trial(python: Path, contender: str, **options: Any) -> Outcome:
    """Run bench/contenders/CONTENDER.py. options: its flags, with `_` for `-`.

    AtlasError with the last line of what it complained of, if it fails.
    """
    with tempfile.TemporaryDirectory() as out:
        command = [str(python), "-m", f"bench.contenders.{contender}", "--out", out]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        done = subprocess.run(
            command, cwd=REPOSITORY, env={**os.environ, **ALONE}, capture_output=True, text=True
        )
        if done.returncode:
            raise AtlasError(f"{contender} failed: {last_line(done.stderr)}")
        measured = json.loads((Path(out) / MEASURED).read_text(encoding="utf-8"))
        return Outcome(
            measured={name: of_rounds(rounds) for name, rounds in measured.items()},
            masks={path.stem: load_file(path) for path in Path(out).glob("*.safetensors")},
        )


def of_rounds(rounds: Sequence[Mapping[str, float]]) -> Measured:
    """The medians of what was measured several times."""
    return Measured(**{f.name: median(each[f.name] for each in rounds) for f in fields(Measured)})


def equal_share(masks: Masks, others: Masks) -> float:
    """The share of bits that two sets of masks of the same matrices have in common.

    The bits that fill a matrix's last byte are equal in both; there are at most seven.
    """
    if set(masks) != set(others):
        raise ValueError("Only masks of the same matrices can be compared.")
    differ = sum(int(np.bitwise_count(masks[name] ^ others[name]).sum()) for name in masks)
    return 1 - differ / sum(8 * bits.size for bits in masks.values())
