"""A calibrated run on a tiny model, for the tests of what comes after calibration."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pruning.calibration.calibrating import calibrate
from pruning.checkpoints.weights import PrunableWeight
from pruning.masks.mask import Mask
from pruning.masks.recipe import recipe_of
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ExportSpec, ModelSpec, PruneSpec, SampleSpec
from tests.pruning.zoo import build

WORDS = {
    "code": ("def", "return", "first", "second", "(", ")", ":", "\n", "add", "=", "+", "public"),
    "prose": ("the", "quick", "fox", "jumps", "over", "a", "lazy", "dog", ",", "which", "minds"),
}


def write_documents(folder: Path, domain: str, count: int = 24) -> Path:
    """A folder of text files made of the domain's words, in seeded order."""
    folder.mkdir(parents=True)
    generator = random.Random(domain)
    for number in range(count):
        text = " ".join(generator.choices(WORDS[domain], k=60))
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    return folder


def finished_run(
    architecture: str, folder: Path, selection: dict[str, Any] | None = None, **build_options: Any
) -> Run:
    """Build a tiny model in folder/base and calibrate it on "code" and "prose".

    selection: `layers` and `projections` of the calibration. build_options: see `zoo.build`.
    """
    build(architecture, folder / "base", **build_options)
    spec = CalibrationSpec(
        model=ModelSpec(source=str(folder / "base"), device="cpu"),
        domains=tuple(
            DomainSpec(
                name=name, kind="files", source=str(write_documents(folder / "texts" / name, name))
            )
            for name in WORDS
        ),
        sample=SampleSpec(num_samples=8, seq_len=24, groups=4),
        batch_size=4,
        **(selection or {}),
    )
    return calibrate(spec, Workspace(folder / "workspace"))


def mixture_masks(
    run: Run, prune: PruneSpec, mixture: dict[str, float]
) -> Iterator[tuple[PrunableWeight, Mask]]:
    """The mask of each weight for a weighted mixture of domains."""
    spec = ExportSpec(run=run.id, mixture=tuple(mixture.items()), prune=prune)
    return recipe_of(run, spec).masks()
