"""A small finished run on a tiny model with two domains of made-up text."""

from __future__ import annotations

import json

import pytest

from pruning.calibration.calibrating import calibrate
from pruning.runs.run import Run
from pruning.runs.workspace import Workspace
from pruning.specs import CalibrationSpec, DomainSpec, ModelSpec, SampleSpec
from tests.pruning import zoo


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Tests may add stored tables to it, and must change nothing else."""
    folder = tmp_path_factory.mktemp("run")
    texts = {
        "code": [f"def f{n}(x):\n    return x + {n}\n" for n in range(300)],
        "prose": [f"On day {n} the dog slept and the fox did not.\n" for n in range(300)],
        "sums": [f"{n} + {n + 1} = {2 * n + 1}, so {n} is less.\n" for n in range(300)],
    }
    for name, documents in texts.items():
        lines = [json.dumps({"text": text}) for text in documents]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    spec = CalibrationSpec(
        model=ModelSpec(source=str(zoo.build("llama", folder / "model")), device="cpu"),
        domains=tuple(
            DomainSpec(name=name, kind="files", source=str(folder / f"{name}.jsonl"))
            for name in texts
        ),
        sample=SampleSpec(num_samples=8, seq_len=32, groups=4),
    )
    return calibrate(spec, Workspace(folder / "workspace"))
