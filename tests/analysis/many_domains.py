"""A run of more domains than regions can be counted for, from the sums of one that is finished."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from pruning.runs.run import Run
from pruning.runs.statistics import ChannelStats


def many_domains(run: Run, workspace: Path, count: int = 13) -> Run:
    """A copy of `run` in another workspace, with `count` domains of made-up sums."""
    folder = workspace / "runs" / run.id
    (folder / "stats").mkdir(parents=True)
    shutil.copy(run.folder / "run.json", folder)
    copy, origin, stats = Run(folder), run.spec.domains[0], run.stats(run.domains[0])
    generator = np.random.default_rng(0)
    names = [f"d{number}" for number in range(count)]
    for name in names:
        sums = {
            key: own * generator.uniform(0.1, 10, own.shape) for key, own in stats.sum_sq.items()
        }
        ChannelStats(sum_sq=sums, tokens=stats.tokens).save(copy.stats_path(name))
    spec = replace(run.spec, domains=tuple(replace(origin, name=name) for name in names))
    facts = run.manifest.domains[origin.name].to_json()
    copy.write_manifest(spec=spec.to_json(), domains=dict.fromkeys(names, facts))
    return copy
